#ifndef TI_BASE_ERROR_H
#define TI_BASE_ERROR_H

/*
 * Errors, on one page.
 *
 * A function that can fail returns an int. 0 is success. Negative is our own fault or the system's (-errno),
 * and is passed on. Positive is a documented outcome: either a FOO_E_* of the module, handled by the direct
 * caller, or one of <sysexits.h>, which is both an outcome and the exit code of a program that gives up
 * because of it.
 *
 * What people are to read travels in a struct error: one line that says what failed, where (the flag, file,
 * topic or object), why, and what to do about it. Running out of memory on a small allocation ends the
 * process (see mem.h); everything that a remote can make large is a struct buf with a limit, and reaching
 * that is an outcome.
 */

#include <sysexits.h>

struct error {
    int code;       /* 0, or one of sysexits */
    char text[640]; /* one line, no newline; empty where code is 0 */
};

/* Sets err (which may be NULL) and returns code, so that a failure is one statement: return error_set(err,
 * …). */
int error_set(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "what: " before the text that is there. Returns err->code. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
