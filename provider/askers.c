#include "provider/askers.h"

#include <string.h>
#include <uthash.h>

#include "base/allowance.h"
#include "base/mem.h"

struct asker {
    struct allowance signals, whois;
    UT_hash_handle hh;
    char name[];
};

static void asker_free(struct askers *askers, struct asker *asker)
{
    HASH_DEL(askers->by_name, asker);
    free(asker);
}

static struct asker *asker_get(struct askers *askers, const char *name)
{
    struct asker *asker;
    size_t len = strlen(name);
    HASH_FIND(hh, askers->by_name, name, len, asker);
    if (asker)
        return asker;
    if (HASH_COUNT(askers->by_name) >= ASKERS_MAX)
        asker_free(askers, askers->by_name); /* the table keeps the order of arrival */
    asker = mem_zalloc(sizeof(*asker) + len + 1);
    memcpy(asker->name, name, len + 1);
    HASH_ADD_KEYPTR(hh, askers->by_name, asker->name, len, asker);
    return asker;
}

bool askers_take(struct askers *askers, const char *informer, int64_t now_us)
{
    return allowance_take(&asker_get(askers, informer)->signals, now_us, ASKER_SIGNALS_INTERVAL_US,
                          ASKER_SIGNALS_BURST);
}

bool askers_take_whois(struct askers *askers, const char *informer, int64_t now_us)
{
    return allowance_take(&asker_get(askers, informer)->whois, now_us, ASKER_WHOIS_INTERVAL_US,
                          ASKER_WHOIS_BURST);
}

void askers_deinit(struct askers *askers)
{
    while (askers->by_name)
        asker_free(askers, askers->by_name);
}
