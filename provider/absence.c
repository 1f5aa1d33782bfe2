#include "provider/absence.h"

#include <utlist.h>

#include "base/mem.h"
#include "kube/gone_check.h"
#include "transport/envelope.h"

#define INQUIRIES_MAX 32 /* others have to wait until these are forgotten */
#define CONFIRM_US (10 * LOOP_SECOND)
#define KNOWN_US (300 * LOOP_SECOND)
#define DOUBT_US (30 * LOOP_SECOND)

struct inquiry {
    struct absence *absence;
    struct gvr gvr;
    struct gone_check check;
    struct timer timer; /* until the second check; until what was found out is forgotten */
    bool busy;
    int absences; /* checks in a row that found the resource absent */
    int reason;   /* 0: not known */
    struct inquiry *prev, *next;
};

struct absence {
    struct loop *loop;
    struct rest *rest;
    bool (*shared)(void *arg, const struct gvr *gvr);
    void *arg;
    struct inquiry *inquiries;
    size_t count;
};

static void inquiry_free(struct inquiry *inquiry)
{
    DL_DELETE(inquiry->absence->inquiries, inquiry);
    inquiry->absence->count--;
    timer_stop(&inquiry->timer);
    gone_check_cancel(&inquiry->check);
    free(inquiry);
}

static void found(struct inquiry *inquiry, int reason)
{
    inquiry->busy = false;
    inquiry->reason = reason;
    timer_start(&inquiry->timer, reason ? KNOWN_US : DOUBT_US);
}

static void on_checked(void *arg, enum gone gone, const char *text)
{
    struct inquiry *inquiry = arg;
    struct absence *absence = inquiry->absence;
    (void)text;
    inquiry->absences = gone == GONE_ABSENT ? inquiry->absences + 1 : 0;
    if (inquiry->absences == 1)
        timer_start(&inquiry->timer, CONFIRM_US);
    else if (inquiry->absences > 1)
        found(inquiry, END_GONE);
    else if (gone == GONE_PRESENT && !absence->shared(absence->arg, &inquiry->gvr))
        found(inquiry, END_REVOKED);
    else
        found(inquiry, 0);
}

static void on_timer(void *arg)
{
    struct inquiry *inquiry = arg;
    if (inquiry->busy)
        gone_check_start(&inquiry->check);
    else
        inquiry_free(inquiry);
}

static struct inquiry *inquiry_find(const struct absence *absence, const struct gvr *gvr)
{
    struct inquiry *inquiry = absence->inquiries;
    while (inquiry && !gvr_equal(&inquiry->gvr, gvr))
        inquiry = inquiry->next;
    return inquiry;
}

static struct inquiry *inquiry_make(struct absence *absence, const struct gvr *gvr)
{
    struct inquiry *inquiry = mem_zalloc(sizeof(*inquiry));
    inquiry->absence = absence;
    inquiry->gvr = *gvr;
    timer_init(&inquiry->timer, absence->loop, on_timer, inquiry);
    gone_check_init(&inquiry->check, absence->rest, gvr, on_checked, inquiry);
    DL_APPEND(absence->inquiries, inquiry);
    absence->count++;
    return inquiry;
}

int absence_ask(struct absence *absence, const struct gvr *gvr)
{
    struct inquiry *inquiry = inquiry_find(absence, gvr);
    if (inquiry || absence->count == INQUIRIES_MAX)
        return inquiry ? inquiry->reason : 0;
    inquiry = inquiry_make(absence, gvr);
    inquiry->busy = true;
    gone_check_start(&inquiry->check);
    return 0;
}

struct absence *absence_create(struct loop *loop, struct rest *rest,
                               bool (*shared)(void *arg, const struct gvr *gvr), void *arg)
{
    struct absence *absence = mem_zalloc(sizeof(*absence));
    *absence = (struct absence){.loop = loop, .rest = rest, .shared = shared, .arg = arg};
    return absence;
}

void absence_destroy(struct absence *absence)
{
    if (!absence)
        return;
    while (absence->inquiries)
        inquiry_free(absence->inquiries);
    free(absence);
}
