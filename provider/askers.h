#ifndef TI_PROVIDER_ASKERS_H
#define TI_PROVIDER_ASKERS_H

/*
 * Who asks a publisher, and how often: each informer has an allowance of signals, and a smaller one of whois,
 * whose answer is many times its length. What passes it is dropped, and the informer asks again after its own
 * delay; so one that asks without end keeps nobody else waiting. The allowance is far above what an informer
 * needs that syncs everything at once.
 *
 * Names are bounded: the one known longest makes room, and has its whole allowance when it comes back.
 */

#include <stdbool.h>
#include <stdint.h>

#define ASKER_SIGNALS_BURST 16384
#define ASKER_SIGNALS_INTERVAL_US 1000 /* 1,000/s */
#define ASKER_WHOIS_BURST 4
#define ASKER_WHOIS_INTERVAL_US 1000000
#define ASKERS_MAX 20000

struct asker;

struct askers {
    struct asker *by_name;
};

void askers_deinit(struct askers *askers); /* a zeroed one is ready for use */

/* Takes one of the informer's allowance; false where there is none left. */
bool askers_take(struct askers *askers, const char *informer, int64_t now_us);
bool askers_take_whois(struct askers *askers, const char *informer, int64_t now_us);

#endif
