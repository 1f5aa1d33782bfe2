#ifndef TI_TESTS_SIM_DOWN_H
#define TI_TESTS_SIM_DOWN_H

/*
 * The other way, in a world of its own: a hub with a source of workloads, agents beside clusters that run
 * them, and a broker between.
 *
 *     chaos ──▶ settling ──▶ adoption ──▶ fair weather
 *
 * Workloads come, change, go and move at the source while everything fails; people delete and change what the
 * agents have applied; and in some seeds the source itself is restored from a backup, set up anew under its
 * address, or there is a second hub with another source.
 *
 * The oracle is what the source has said, ever. At every moment: what an agent applies is something that the
 * source had for that key, and no older than what was there; what it deletes, the source that the object
 * came from had given up, after the state that was applied. In the end: each cluster runs what the source
 * says, but for what came from a source that is another one now, or went back; that is left alone until it is
 * adopted, and the agent says of how many that is so. And who has nothing to do writes nothing.
 */

#include "tests/sim/world.h"

struct world_result down_run(const struct world_options *options);

#endif
