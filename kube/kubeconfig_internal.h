#ifndef TI_KUBE_KUBECONFIG_INTERNAL_H
#define TI_KUBE_KUBECONFIG_INTERNAL_H

/* The parts of kubeconfig: its files (kubeconfig_files.c), the fields of cluster and user
 * (kubeconfig_fields.c), and the choice among them (kubeconfig.c). */

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "kube/kubeconfig.h"

struct kubeconfig_file {
    char *path;
    cJSON *root;
};

/* The files in order of precedence. Nothing is copied together: a look-up takes the first file that has the
 * name. */
struct kubeconfig_files {
    struct kubeconfig_file *files;
    size_t count;
};

void kubeconfig_files_deinit(struct kubeconfig_files *files);
int kubeconfig_files_add(struct kubeconfig_files *files, const char *path, struct error *err);
int kubeconfig_files_add_text(struct kubeconfig_files *files, const char *path, const char *text, size_t len,
                              struct error *err);

/* One entry of the lists "clusters", "users" and "contexts". */
struct kubeconfig_entry {
    const char *kind; /* "cluster", "user", "context" */
    const char *name;
    const char *path;   /* of the file that it stands in */
    const cJSON *value; /* a mapping */
};

/* 0, or 1 where no file has it. */
int kubeconfig_files_find(const struct kubeconfig_files *files, const char *kind, const char *name,
                          struct kubeconfig_entry *entry);
const char *
kubeconfig_files_current_context(const struct kubeconfig_files *files); /* NULL where none is set */
void kubeconfig_files_names(const struct kubeconfig_files *files, const char *kind,
                            struct buf *out);                                       /* "a, b" */
void kubeconfig_files_paths(const struct kubeconfig_files *files, struct buf *out); /* "a:b" */

/* Takes the fields of an entry into config. 0, EX_CONFIG, EX_NOINPUT. */
int kubeconfig_take_context(struct kubeconfig *config, const struct kubeconfig_entry *entry,
                            struct error *err);
int kubeconfig_take_cluster(struct kubeconfig *config, const struct kubeconfig_entry *entry,
                            struct error *err);
int kubeconfig_take_user(struct kubeconfig *config, const struct kubeconfig_entry *entry, struct error *err);
/* After both: exec plugins that asked for it get the cluster's description. */
void kubeconfig_describe_cluster(struct kubeconfig *config, const struct kubeconfig_entry *cluster);

#endif
