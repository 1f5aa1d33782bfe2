#ifndef TI_BASE_UTF8_H
#define TI_BASE_UTF8_H

/* UTF-8 as RFC 3629 has it: overlong forms, surrogates and sequences that are cut off are none. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the sequence that text begins with, and its code point; 0 where it is none. len > 0. */
size_t utf8_sequence(const char *text, size_t len, uint32_t *point);
bool utf8_valid(const char *text, size_t len);
void utf8_mend(char *text); /* puts a '?' in the place of each byte that belongs to no sequence */

#endif
