#ifndef TI_TESTS_SIM_RECORD_H
#define TI_TESTS_SIM_RECORD_H

/*
 * All that one resource of one cluster ever was: for each key its states in order, as a provider should
 * mirror them. The API server's own history forgets, and is rewritten when it is restored from a backup; this
 * one does not. A state is an object or absence; an object of another uid has absence before it, since it is
 * another object.
 *
 * States of a key are numbered from 1; number 0 is "absent from the beginning", where every observer starts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/object.h"
#include "store/store.h"

struct record;

struct record *record_create(void);
void record_destroy(struct record *record);

/* It is so now. What equals the state before is none. */
void record_put(struct record *record, struct object *object);
void record_delete(struct record *record, const char *key);

struct store *record_now(const struct record *record); /* the last state of each */

/* The number of the first state later than `after` that equals the object (NULL: absence); 0 where there is
 * none. */
size_t record_find(const struct record *record, const char *key, const struct object *object, size_t after);
/* Was it ever so? */
bool record_knows(const struct record *record, const char *key, const struct object *object);

#endif
