#include "base/checks.h"

#include <string.h>

#include "base/escape.h"

#define TEXT_LIMIT ((size_t)16 << 10)

void checks_init(struct checks *checks)
{
    *checks = (struct checks){.lines = BUF_INIT(TEXT_LIMIT), .wanting = BUF_INIT(TEXT_LIMIT)};
}

void checks_deinit(struct checks *checks)
{
    buf_deinit(&checks->lines);
    buf_deinit(&checks->wanting);
}

void checks_add(struct checks *checks, const char *name, const char *reason)
{
    if (!reason) {
        buf_appendf(&checks->lines, "[+]%s ok\n", name);
        return;
    }
    struct buf text = BUF_INIT(TEXT_LIMIT / 4);
    escape_append(&text, reason, strlen(reason));
    buf_appendf(&checks->lines, "[-]%s failed: %s\n", name, text.data);
    buf_appendf(&checks->wanting, "%s%s: %s", checks->failed ? "; " : "", name, text.data);
    buf_deinit(&text);
    checks->failed++;
}
