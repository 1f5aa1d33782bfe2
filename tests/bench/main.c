#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(void)
{
    fputs("usage: bench publish BROKER HOT PODS zstd|plain\n"
          "       bench fleet BROKER HOT CLUSTERS PODS\n"
          "       bench follow BROKER HOT\n"
          "       bench raw BROKER BYTES MESSAGES\n"
          "HOT: MiB of objects that are not packed\n",
          stderr);
    return 64;
}

static size_t number(const char *text)
{
    return text ? strtoul(text, NULL, 10) : 0;
}

int main(int argc, char **argv)
{
    struct bench_options options = {.encoding = ENCODING_ZSTD};
    if (argc < 3)
        return usage();
    const char *end = argv[1];
    options.broker = argv[2];
    options.hot_bytes = (int64_t)number(argv[3]) << 20;
    if (strcmp(end, "publish") == 0 && argc == 6 && encoding_parse(argv[5], &options.encoding) == 0) {
        options.pods = number(argv[4]);
        return bench_publish(&options);
    }
    if (strcmp(end, "fleet") == 0 && argc == 6) {
        options.clusters = number(argv[4]);
        options.pods = number(argv[5]);
        return bench_fleet(&options);
    }
    if (strcmp(end, "follow") == 0 && argc == 4)
        return bench_follow(&options);
    if (strcmp(end, "raw") == 0 && argc == 5)
        return bench_raw(&options, number(argv[3]), number(argv[4]));
    return usage();
}
