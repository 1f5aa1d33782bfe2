#ifndef TI_TESTS_SIM_KEEP_H
#define TI_TESTS_SIM_KEEP_H

/*
 * What an informer has kept when it is killed: all of its replicas as they were at one moment a while ago, as
 * a store on disk has them. The next one begins with that.
 */

#include "informer/informer.h"

struct keep;

struct keep *keep_create(void);
void keep_destroy(struct keep *keep); /* NULL is fine */
void keep_write(struct keep *keep, const struct informer *informer);
/* Gives how many objects. */
size_t keep_restore(const struct keep *keep, struct informer *informer);
/* Which cluster was kept under that name; "" where none was, or that was not known. */
const char *keep_uid(const struct keep *keep, const char *cluster);

#endif
