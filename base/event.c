#include "base/event.h"

const char *event_type_text(enum event_type type)
{
    static const char *const names[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"};
    return names[type];
}
