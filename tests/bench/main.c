#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct bench_options options = {.encoding = ENCODING_ZSTD};
    if (argc >= 3)
        options.broker = argv[2];
    if (argc == 5 && strcmp(argv[1], "publish") == 0 && encoding_parse(argv[4], &options.encoding) == 0) {
        options.pods = strtoul(argv[3], NULL, 10);
        return bench_publish(&options);
    }
    if (argc == 3 && strcmp(argv[1], "follow") == 0)
        return bench_follow(&options);
    if (argc == 5 && strcmp(argv[1], "raw") == 0)
        return bench_raw(&options, strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    fputs("usage: bench publish BROKER PODS zstd|plain\n"
          "       bench follow BROKER\n"
          "       bench raw BROKER BYTES MESSAGES\n",
          stderr);
    return 64;
}
