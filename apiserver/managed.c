#include "apiserver/managed.h"

void managed_record(const struct write *write, const cJSON *old, cJSON *tree)
{
    (void)write;
    (void)old;
    (void)tree;
}
