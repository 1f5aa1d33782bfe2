#!/bin/bash
# Real control planes to play with, until Ctrl-C, which leaves nothing behind:
#
#     tests/kube/cluster.sh [NAME…]        (default: cluster1)
#
# Prints an `export KUBECONFIG=…` line for each. See cluster.py for what they are, build.sh for where they come from.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
assignments=$("$here/build.sh") || exit
eval "$assignments"
export ETCD KUBE_APISERVER KUBE_CONTROLLER_MANAGER KUBECTL
exec python3 "$here/play.py" "${@:-cluster1}"
