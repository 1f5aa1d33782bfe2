#ifndef TI_INFORMER_SPELLING_H
#define TI_INFORMER_SPELLING_H

/*
 * Resources as kubectl spells them, without a cluster to ask: "pods", "deployments.apps",
 * "widgets.v1.example.com", and for short what is the same everywhere: "po", "Pod", "deploy". "*" is every
 * one. Upper and lower case are alike.
 */

#include <stdbool.h>

#include "base/gvr.h"

bool spelling_matches(const char *spelling, const struct gvr *gvr);

#endif
