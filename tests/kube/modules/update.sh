#!/bin/sh
# Moves the pinned Kubernetes and etcd, and client-go with them, to other versions:
#
#     tests/kube/modules/update.sh v1.36.1 v3.6.16
#
# k8s.io/kubernetes cannot be required like a library: its go.mod points at staging modules by relative path, which a
# dependent module does not see. So each of them is replaced by its published twin (v1.X.Y is published as v0.X.Y).
# What tests/conformance expects is of the pinned version: afterwards, RECORD=1 tests/kube/run.sh conformance.
# go.mod and go.sum are committed, not generated at build time, so that what the tests run is pinned by checksum.
set -eu
kubernetes=$1
etcd=$2
cd "$(dirname "$0")"
staging=v0.${kubernetes#v1.}
upstream=$(cd / && go mod download -json "k8s.io/kubernetes@$kubernetes" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
{
	printf 'module transport-informer/tests/kube\n\n'
	grep '^go ' "$upstream"
	printf '\nrequire (\n'
	for module in api client/pkg client pkg server; do
		printf '\tgo.etcd.io/etcd/%s/v3 %s\n' "$module" "$etcd"
	done
	printf '\tk8s.io/kubernetes %s\n)\n\nreplace (\n' "$kubernetes"
	sed -n "s|^\t\(k8s.io/[a-z-]*\) => ./staging/.*|\t\1 => \1 $staging|p" "$upstream"
	printf ')\n'
} >go.mod
rm -f go.sum
GOFLAGS=-mod=mod GOWORK=off go list -deps go.etcd.io/etcd/server/v3 \
	k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager \
	k8s.io/kubernetes/cmd/kubectl >/dev/null
cd ../informers
GOFLAGS=-mod=mod GOWORK=off go get "k8s.io/api@$staging" "k8s.io/apimachinery@$staging" "k8s.io/client-go@$staging"
GOFLAGS=-mod=mod GOWORK=off go mod tidy
