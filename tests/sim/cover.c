#include "tests/sim/cover.h"

#include <inttypes.h>

static const char *const texts[] = {
#define X(name, text) text,
    COVERS(X)
#undef X
};

void coverage_add(struct coverage *sum, const struct coverage *more)
{
    for (int i = 0; i < COVER_COUNT; i++)
        sum->counts[i] += more->counts[i];
}

const char *cover_text(enum cover cover)
{
    return cover < COVER_KINDS ? texts[cover] : message_kind_text((enum message_kind)(cover - COVER_KINDS));
}

/* Kinds that the protocol has, and nobody sends yet. */
static bool is_planned(int i)
{
    return i == COVER_KINDS + MESSAGE_DIGESTS || i == COVER_KINDS + MESSAGE_HAVE ||
           i == COVER_KINDS + MESSAGE_REPAIR || i == COVER_KINDS + MESSAGE_WANT;
}

int coverage_print(const struct coverage *coverage, FILE *out)
{
    int never = 0;
    for (int i = 0; i < COVER_COUNT; i++) {
        bool kind = i >= COVER_KINDS;
        if (i == COVER_KINDS) /* there is no kind 0 */
            continue;
        never += coverage->counts[i] == 0 && !is_planned(i);
        fprintf(out, "%12" PRIu64 "  %s%s%s\n", coverage->counts[i], kind ? "message: " : "",
                cover_text((enum cover)i), coverage->counts[i] ? "" : "  <-- never");
    }
    return never;
}
