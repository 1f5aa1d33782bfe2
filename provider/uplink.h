#ifndef TI_PROVIDER_UPLINK_H
#define TI_PROVIDER_UPLINK_H

/*
 * The program beside a cluster, as far as it tells what the cluster has: its options, its site, and its end.
 * provider is nothing else; an agent has something more on the same connection.
 *
 *     program ──▶ uplink ──▶ outlet (broker) and site (cluster)
 *                   └──opened()/closing()──▶ what else there is
 *
 * Where another cluster comes to answer under the address, all of it is closed and opened anew.
 */

#include "base/attic.h"
#include "base/program.h"
#include "provider/site.h"

#define UPLINK_GROUPS 5

struct uplink_ops {
    /* May be NULL, each. The outlet and the site are there, and the connection is not started yet; they are
     * about to go. */
    void (*opened)(void *arg);
    void (*closing)(void *arg);
    void (*counters)(void *arg, struct counters *out);
    bool (*streams)(void *arg, struct metrics *out, size_t part); /* as monitor_ops */
    void (*ready)(void *arg, struct checks *out);
};

/* What the options under the program's own title give. */
struct uplink_named {
    char *cluster;
    int64_t heartbeat_us;
};

struct uplink {
    struct program *program; /* borrowed */
    const struct uplink_ops *ops;
    void *arg;
    struct broker_options broker;
    struct cluster_options cluster;
    struct selection_options selection;
    struct uplink_named named;
    struct attic_options memory;
    struct topics topics;
    struct attic *attic;
    struct outlet outlet;
    struct site site;
    bool open;
};

/* Its options, under this title and the usual ones; for program_init(). The uplink is zeroed. */
void uplink_option_groups(struct uplink *uplink, const char *title,
                          struct option_group groups[UPLINK_GROUPS]);

/* Runs the program behind program_init() until its end; ops may be NULL. Returns the exit code. */
int uplink_run(struct uplink *uplink, struct program *program, const struct uplink_ops *ops, void *arg);

#endif
