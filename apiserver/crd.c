#include "apiserver/crd.h"

int crd_admit(const struct write *write, cJSON *tree)
{
    (void)write;
    (void)tree;
    return 0;
}

void crd_changed(struct apiserver *server, const struct collection *collection, const struct object *object,
                 bool deleted)
{
    (void)server;
    (void)collection;
    (void)object;
    (void)deleted;
}
