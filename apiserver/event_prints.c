#include "apiserver/event_prints.h"

#include <string.h>

#define MOMENT_US LOOP_SECOND
#define TEXT_MAX ((size_t)64 << 10)

void event_prints_clear(struct event_prints *prints)
{
    timer_stop(&prints->forget);
    for (int i = 0; i < EVENT_PRINTS; i++) {
        prints->kept[i].form = (struct event_form){0};
        buf_deinit(&prints->kept[i].text);
    }
}

static void forget(void *arg)
{
    event_prints_clear(arg);
}

void event_prints_init(struct event_prints *prints, struct loop *loop)
{
    memset(prints, 0, sizeof(*prints));
    timer_init(&prints->forget, loop, forget, prints);
    for (int i = 0; i < EVENT_PRINTS; i++)
        prints->kept[i].text = (struct buf)BUF_INIT(TEXT_MAX);
}

static size_t place(const struct event_form *form)
{
    return form->revision % EVENT_PRINTS;
}

const struct buf *event_prints_find(const struct event_prints *prints, const struct event_form *form)
{
    const struct event_print *print = &prints->kept[place(form)];
    const struct event_form *kept = &print->form;
    bool same = kept->revision == form->revision && kept->type == form->type && kept->form == form->form &&
                kept->clusters == form->clusters && strcmp(kept->include, form->include) == 0;
    return same ? &print->text : NULL;
}

void event_prints_keep(struct event_prints *prints, const struct event_form *form, const char *text,
                       size_t len)
{
    struct event_print *print = &prints->kept[place(form)];
    buf_clear(&print->text);
    print->form = (struct event_form){0};
    if (strlen(form->include) >= sizeof(print->include) || buf_append(&print->text, text, len) != 0)
        return;
    strcpy(print->include, form->include);
    print->form = *form;
    print->form.include = print->include;
    if (!timer_active(&prints->forget))
        timer_start(&prints->forget, MOMENT_US);
}
