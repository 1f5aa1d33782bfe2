#include "hub/store_command.h"

#include <string.h>

#include "store/disk_check.h"

int store_command(int argc, char **argv)
{
    struct error err = {0};
    if (argc != 3 || strcmp(argv[1], "check") != 0)
        error_set(&err, EX_USAGE, "what is to be done? hub store check FILE");
    else
        disk_check(argv[2], stdout, &err);
    if (err.code)
        fprintf(stderr, "hub: %s\n", err.text);
    return err.code;
}
