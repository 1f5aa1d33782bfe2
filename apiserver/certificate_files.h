#ifndef TI_APISERVER_CERTIFICATE_FILES_H
#define TI_APISERVER_CERTIFICATE_FILES_H

/*
 * A certificate and its key in two files that somebody else keeps, and replaces from time to time. One that
 * does not fit the other, is no longer valid, or is half written leaves those in force that were.
 */

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"

struct certificate_files {
    struct log *log; /* may be NULL */
    const char *certificate_file, *key_file;
    struct stat certificate_seen, key_seen;
    struct buf certificate, key; /* PEM: what was read last that is good */
};

/* Paths are borrowed. 0; EX_NOINPUT, EX_CONFIG. Deinit in either case. */
int certificate_files_init(struct certificate_files *files, struct log *log, const char *certificate_file,
                           const char *key_file, struct error *err);
void certificate_files_deinit(struct certificate_files *files);

/* A look at the files, to be had every few seconds. True where there is another pair now. */
bool certificate_files_look(struct certificate_files *files);

#endif
