/* How options are spelled: lookup by name, alias and letter; the name that somebody may have meant. */

#include "base/options_internal.h"

#include <ctype.h>
#include <string.h>

#define NAME_MAX_LEN 63

static bool name_is(const char *known, const char *name, size_t len)
{
    return known && strlen(known) == len && memcmp(known, name, len) == 0;
}

struct option *options_find(struct options *options, const char *name, size_t len)
{
    for (size_t i = 0; i < options->count; i++) {
        const struct option_spec *spec = options->list[i].spec;
        if (name_is(spec->name, name, len) || name_is(spec->alias, name, len))
            return &options->list[i];
    }
    return NULL;
}

struct option *options_find_letter(struct options *options, char letter)
{
    for (size_t i = 0; i < options->count; i++)
        if (options->list[i].spec->letter == letter)
            return &options->list[i];
    return NULL;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein's distance. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[NAME_MAX_LEN + 1];
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

/* A name that was begun, or gone beyond ("--password" for --password-file), is nearer than any misspelling.
 */
static size_t remoteness(const char *known, const char *name, size_t len)
{
    size_t known_len = strlen(known), shorter = len < known_len ? len : known_len;
    if (known_len > NAME_MAX_LEN)
        return SIZE_MAX;
    if (shorter >= 3 && memcmp(known, name, shorter) == 0)
        return 1;
    return distance(known, known_len, name, len);
}

const char *options_nearest(const struct options *options, const char *name, size_t len)
{
    const char *nearest = NULL;
    size_t best = (len > NAME_MAX_LEN) ? 0 : 1 + (len < 6 ? 2 : len / 3);
    for (size_t i = 0; i < options->count; i++) {
        const struct option_spec *spec = options->list[i].spec;
        const char *names[] = {spec->help ? spec->name : NULL, spec->alias};
        for (size_t n = 0; n < 2; n++) {
            size_t far = names[n] && best ? remoteness(names[n], name, len) : SIZE_MAX;
            if (far < best) {
                best = far;
                nearest = names[n];
            }
        }
    }
    return nearest;
}

void option_environment_name(const char *name, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "TI_%s", name);
    for (size_t i = 3; i < n && i < size; i++)
        out[i] = (char)(out[i] == '-' ? '_' : toupper((unsigned char)out[i]));
}
