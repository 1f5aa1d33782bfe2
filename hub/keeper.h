#ifndef TI_HUB_KEEPER_H
#define TI_HUB_KEEPER_H

/*
 * What the hub mirrors, kept in a file for its next run (store/disk.h): that begins with all clusters as they
 * were last, stale, and asks each of them only for what has changed since.
 */

#include "base/checks.h"
#include "base/counters.h"
#include "base/options.h"
#include "informer/informer.h"

struct keeper_options {
    char *store; /* --store; NULL where not given */
};

struct option_group keeper_option_group(struct keeper_options *options); /* "Store" */

struct keeper;

struct keeper_config {
    struct loop *loop;
    struct log *log;
    const char *store;         /* --store */
    const char *state_dir;     /* --state-dir; NULL where not given */
    struct informer *informer; /* borrowed, and not started yet */
    void (*loaded)(void *arg); /* what was kept is in the informer: it may be started */
    void *arg;
};

/* *out is NULL where all is in memory only: then no callback comes. 0, EX_USAGE, or as disk_open(). */
int keeper_create(const struct keeper_config *config, struct keeper **out, struct error *err);
/* The first of `count` numbers that no run before has had, at least `least`. NULL keeper: that one. */
int keeper_reserve(struct keeper *keeper, uint64_t least, uint64_t count, uint64_t *first, struct error *err);
int keeper_load(struct keeper *keeper, struct error *err); /* 0, EX_OSERR */
/* Writes what waits, before the informer goes. The loop must run once more. NULL is fine, as below. */
void keeper_destroy(struct keeper *keeper);

/* As the informer's ops. */
void keeper_cluster(struct keeper *keeper, const struct informer_cluster *cluster);
void keeper_replica(struct keeper *keeper, struct informer_replica *replica);
void keeper_heard(struct keeper *keeper, const struct informer_replica *replica); /* synced and stale, too */
void keeper_renamed(struct keeper *keeper, const struct informer_replica *replica);
void keeper_dropped(struct keeper *keeper, const struct informer_replica *replica);

void keeper_counters(const struct keeper *keeper, struct counters *out);
void keeper_ready(const struct keeper *keeper, struct checks *out);

#endif
