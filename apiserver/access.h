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
 * The file is read again when it has changed, so that tokens are given and taken back without a restart; one
 * that cannot be read any more leaves those in force that were.
 */

#include <stdbool.h>

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

/* By the value of a header Authorization; NULL where there is none. whose: what it is good for, where that is
 * not told, and "" without a token; borrowed until the next call. */
enum access_level access_of(struct access *access, const char *authorization, const char **whose);

#endif
