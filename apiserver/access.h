#ifndef TI_APISERVER_ACCESS_H
#define TI_APISERVER_ACCESS_H

/*
 * Who may ask what: bearer tokens, each with what it is good for. They stand in a file, one a line:
 *
 *     # comments and empty lines are skipped
 *     3rbqXyz…   read-only    dashboards
 *     9dLmabc…   read-write   platform team
 *
 * Whose it is, is the user's name for 'kubectl auth whoami'.
 *
 * The file is read again when it has changed, so that tokens are given and taken back without a restart. One
 * that is not there, cannot be read, or has a line that makes no sense leaves those in force that were. One
 * that can be read and has none takes all of them back, once it has been so for two looks in a row: a file
 * that is just being written is empty, too.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

#define ACCESS_TOKEN_MIN 16 /* characters */

enum access_level { ACCESS_NONE, ACCESS_READ, ACCESS_WRITE };

struct access;

struct access *access_create(struct log *log); /* nobody may do anything; log may be NULL */
void access_destroy(struct access *access);    /* NULL is fine */

void access_add(struct access *access, const char *token, enum access_level level, const char *whose);
/* Those of a file, from now on beside those added. 0, EX_NOINPUT, EX_CONFIG. */
int access_read(struct access *access, const char *path, struct error *err);

struct access_right {
    enum access_level level;
    const char *whose; /* what it is good for, where that is not told; "" without a token. Borrowed until the
                          next call */
    uint64_t token;    /* tells it from others, and is the same as long as it is in force; 0: none */
};

/* By the value of a header Authorization; NULL where there is none. */
struct access_right access_of(struct access *access, const char *authorization);

/* A look at the file, to be had every few seconds. What it gives is another number when any right has changed
 * since the look before. */
uint64_t access_look(struct access *access);
enum access_level access_still(const struct access *access, uint64_t token); /* what it is good for now */

#endif
