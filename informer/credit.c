/*
 * How many answers may be on their way to us: one budget for all syncs of an informer, well below what a
 * broker queues for a client (1,000 messages in mosquitto) and, an answer being one message of 128 KiB at
 * most but for larger objects, some 32 MiB if it comes to the worst.
 *
 * A sync begins with few and is given one more for each answer that comes, up to its share: so hundreds of
 * syncs that need a single answer run at once, and those that need thousands have what is left. Shares shrink
 * as others queue up, and what a sync was promised and does not need any more goes back. Since each answer
 * gives back what it took, a sync that is under way can always go on.
 *
 * One cluster has half of it at most: a provider that does not answer keeps what it was promised until that
 * is given up, and others must not wait for it.
 */
#include "informer/informer_internal.h"

#define BUDGET 256
#define OF_CLUSTER (BUDGET / 2)
#define FIRST 4
#define WINDOW_MAX 32

static size_t share(const struct informer *informer)
{
    size_t share = BUDGET / (informer->syncing + informer->queued + 1);
    return share < 1 ? 1 : share > WINDOW_MAX ? WINDOW_MAX : share;
}

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* As much of it as there is left; how much that was. */
static size_t promise(struct informer_replica *replica, size_t more)
{
    size_t left = lesser(BUDGET - replica->informer->promised, OF_CLUSTER - replica->cluster->promised);
    more = lesser(more, left);
    replica->credit += more;
    replica->informer->promised += more;
    replica->cluster->promised += more;
    return more;
}

static void give_back(struct informer_replica *replica, size_t count)
{
    replica->informer->promised -= count;
    replica->cluster->promised -= count;
}

bool credit_left(const struct informer *informer)
{
    return informer->promised < BUDGET;
}

bool credit_left_for(const struct informer_cluster *cluster)
{
    return cluster->promised < OF_CLUSTER;
}

void credit_start(struct informer_replica *replica)
{
    size_t most = share(replica->informer);
    replica->answers = replica->credit = 0;
    replica->window = most < FIRST ? most : FIRST;
    promise(replica, replica->window);
}

void credit_answered(struct informer_replica *replica)
{
    if (replica->answers == replica->credit) /* more than was asked for */
        return;
    replica->answers++;
    give_back(replica, 1);
}

bool credit_renew(struct informer_replica *replica)
{
    size_t most = share(replica->informer), ahead = replica->credit - replica->answers;
    replica->window = replica->window < most ? replica->window + 1 : most;
    if (ahead > replica->window / 2)
        return false;
    return promise(replica, replica->window - ahead) > 0;
}

void credit_return(struct informer_replica *replica)
{
    give_back(replica, replica->credit - replica->answers);
    replica->credit = replica->answers;
}
