#!/bin/bash
# The programs against a real Kubernetes:
#
#     tests/kube/run.sh [--programs DIR] [--jobs N] [SCENARIO…]
#
# Scenarios are the files in scenarios/; without names all are run. Needs mosquitto, openssl, python3, and what build.sh
# needs. KEEP=1 keeps the files of scenarios that failed. Exit: 0 passed, 1 failed, 77 no real cluster to be had here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
assignments=$("$here/build.sh") || exit
eval "$assignments"
export ETCD KUBE_APISERVER KUBE_CONTROLLER_MANAGER KUBECTL INFORMERS PYTHON_CLIENT
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/run.py" "$@"
