#ifndef TI_APISERVER_REVIEW_H
#define TI_APISERVER_REVIEW_H

/*
 * What clients ask about themselves, of which nothing is stored: who they are (SelfSubjectReview, of
 * 'kubectl auth whoami'), and what they may do (SelfSubjectAccessReview and SelfSubjectRulesReview, of
 * 'kubectl auth can-i'). Whoever is let in (gate.h) may do what the server does at all: everything; or, in a
 * fleet, read. Rules cannot say what is left out, which are the Secrets for those who may only read: then
 * they are called incomplete.
 */

#include "apiserver/server_internal.h"

bool review_answer(struct exchange *exchange); /* false where the request is another one */

/* Is that such a question? Nothing is changed by it, though it is a POST. path: as sent, with or without a
 * query. */
bool review_is_asked(const char *path);

#endif
