#ifndef TI_HUB_API_H
#define TI_HUB_API_H

/*
 * The whole fleet as a Kubernetes API, for kubectl and whatever else reads one:
 *
 *     /api/v1/pods                          those of all clusters, with a column for the cluster
 *     /clusters/cluster1/api/v1/pods        one cluster's API, with nothing in it that says otherwise
 *     /apis/fleet.transport-informer.io     the clusters themselves
 *
 * Answers come from what the hub has, whatever becomes of the clusters; what is not up to date says so, in a
 * warning and in each object. Nothing can be written.
 *
 * kubectl sends no token over plain http: so there is TLS with tokens, and beside it, if it is asked for, a
 * way to read without either, for those who are on this machine. Neither that nor a token that is read-only
 * is shown Secrets.
 */

#include "base/counters.h"
#include "base/options.h"
#include "informer/informer.h"

struct api_options {
    struct option_endpoint listen, read_only_http;
    char *kubeconfig_out, *token_file, *certificate, *key, *state_dir; /* NULL where not given */
};

struct option_group api_option_group(struct api_options *options); /* "API" */

struct api;

/* A run counts the changes that it serves from a number of its own on; with a file to note it, this many are
 * its own whatever the clock says then. */
#define API_REVISIONS ((uint64_t)1 << 32)
uint64_t api_first_revision(struct loop *loop); /* as the clock has it */

/* Where the options say that somebody is to be served; *out is NULL where they do not. Nobody is yet. loop,
 * log and options are borrowed. */
void api_create(struct loop *loop, struct log *log, const struct api_options *options, uint64_t revision,
                struct api **out);
int api_listen(struct api *api, struct error *err); /* 0, or one of sysexits with err set. NULL is fine */
void api_destroy(
    struct api *api); /* before the informer; the loop must run once more. NULL is fine, as below */

/* As the informer's ops. */
void api_cluster(struct api *api, struct informer_cluster *cluster);
void api_replica(struct api *api, struct informer_replica *replica);
void api_heard(struct api *api, struct informer_replica *replica); /* synced and stale, too */
void api_renamed(struct api *api, struct informer_replica *replica);
void api_dropped(struct api *api, struct informer_replica *replica);

void api_counters(const struct api *api, struct counters *out);

#endif
