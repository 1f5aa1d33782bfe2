/* The simulation's ear at the broker: every message that passes, on each of its two ways. */
#include "tests/sim/world.h"

#include <string.h>

/* 0 where it is none, or a part of one. */
static enum message_kind kind_of(const struct loopback_passage *passage)
{
    const unsigned char *bytes = passage->payload;
    if (passage->len > 3 && bytes[0] == 'T')
        return bytes[2] < MESSAGE_KIND_COUNT ? (enum message_kind)bytes[2] : 0;
    const char *kind =
        passage->len ? memmem(bytes, passage->len < 64 ? passage->len : 64, "\"kind\":\"", 8) : NULL;
    for (int i = 1; kind && i < MESSAGE_KIND_COUNT; i++) {
        const char *text = message_kind_text((enum message_kind)i);
        size_t left = passage->len - (size_t)(kind + 8 - (const char *)bytes), len = strlen(text);
        if (left > len && memcmp(kind + 8, text, len) == 0 && kind[8 + len] == '"')
            return (enum message_kind)i;
    }
    return 0;
}

static bool is_hushed(struct world *world, const struct loopback_passage *passage)
{
    bool transfers;
    const struct actor *actor = world_actor(world, passage->client, &transfers);
    if (!actor)
        return false;
    return passage->to_client ? actor->deaf || (transfers && actor->transfers_deaf) : actor->mute;
}

/* True where it takes the message. What else a trap does, it does in the next turn of the loop. */
static bool trap_catches(struct world *world, const struct loopback_passage *passage, enum message_kind kind)
{
    struct trap *trap = &world->trap;
    if (trap->kind == TRAP_NONE || trap->message != kind || timer_active(&trap->spring))
        return false;
    if (trap->kind == TRAP_LOSE) {
        world_cover(world, COVER_TRAP_LOSE);
        if (--trap->count == 0)
            trap->kind = TRAP_NONE;
        return true;
    }
    snprintf(trap->client, sizeof(trap->client), "%s", passage->client);
    timer_start(&trap->spring, 0);
    return false;
}

static void say(struct world *world, const struct loopback_passage *passage, enum message_kind kind)
{
    fprintf(world->log.out, "%10.3f %-16s %s %-9s %s\n", (double)loop_now_us(world->loop) / LOOP_SECOND,
            passage->client, passage->to_client ? "<-" : "->", kind ? message_kind_text(kind) : "(part)",
            passage->topic);
}

bool wire_loses(void *arg, const struct loopback_passage *passage)
{
    struct world *world = arg;
    enum message_kind kind = kind_of(passage);
    if (world->options.verbose)
        say(world, passage, kind);
    world->parts += !kind;
    if (kind && !passage->to_client)
        world->result.coverage.counts[COVER_KINDS + kind]++;
    if (kind && trap_catches(world, passage, kind))
        return true;
    if (world->deltas_lost && kind == MESSAGE_DELTA && passage->to_client &&
        world_dice(world, world->deltas_lost) == 0)
        return true;
    return is_hushed(world, passage);
}
