/* The program beside a cluster that only tells: what a cluster has → topics. */
#include "base/mem.h"
#include "provider/uplink.h"

static const struct program_info info = {
    .name = "provider",
    .summary = "publishes what a Kubernetes cluster has over MQTT",
    .usage = "--cluster NAME [options]",
    .description =
        "Lists and watches resources of one cluster and publishes them: every change as it happens, and the "
        "whole to each informer that asks. Changes nothing in the cluster. Runs until it is told to stop, "
        "and "
        "tries again whatever fails.",
    .example = "provider --broker tcp://127.0.0.1:1883 --cluster cluster1\n"
               "provider --cluster cluster1 --resource pods,widgets.example.com --namespace default\n",
};

int main(int argc, char **argv)
{
    struct program program;
    struct uplink uplink = {0};
    struct option_group groups[UPLINK_GROUPS];
    uplink_option_groups(&uplink, "Provider", groups);
    int code = program_init(&program, &info, groups, array_size(groups), argc, argv);
    if (code == 0)
        code = uplink_run(&uplink, &program, NULL, NULL);
    return program_deinit(&program, code);
}
