#!/bin/bash
# Finds, or else builds, a real Kubernetes control plane for the tests, and builds a client of client-go.
#
# On success six shell assignments go to stdout, and nothing else:
#
#     ETCD=… KUBE_APISERVER=… KUBE_CONTROLLER_MANAGER=… KUBECTL=… INFORMERS=… PYTHON_CLIENT=…
#
# INFORMERS is the program in informers/, always built from what is there; empty where there is no Go. PYTHON_CLIENT is a
# python3 that has python/requirements.txt; empty where that cannot be had.
# Where the others come from, first match wins; the three servers always come from one place, so that their versions fit:
#   1. $KUBEBUILDER_ASSETS, if it has all three (envtest's archives lack the controller manager);
#   2. PATH, if it has all three;
#   3. the cache, filled once by Go from the modules pinned in modules/go.mod: some minutes of CPU, then never again.
# kubectl is the one beside them, else PATH's, else built with them.
#
# Exit: 0 found, 77 neither found nor buildable here (no Go, or no module proxy). With CI=true the latter is 1: CI never
# skips. A build that starts and fails is always 1.
#
# Callers may run at the same time: one builds, under a lock, the others wait. The cache entry appears by rename, whole.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
servers=(etcd kube-apiserver kube-controller-manager)
cache_root=${XDG_CACHE_HOME:-$HOME/.cache}/transport-informer/kube

say() {
	printf 'kube/build: %s\n' "$*" >&2
}

# Without $1 no real cluster: loud, and in CI a failure.
unavailable() {
	if [ "${CI:-}" = true ]; then
		say "FAIL: $*; CI does not skip the real cluster"
		exit 1
	fi
	say '************************************************************************'
	say "SKIP: no real Kubernetes to test against: $*"
	say 'SKIP: set KUBEBUILDER_ASSETS, or install the Go version of tests/kube/modules/go.mod'
	say '************************************************************************'
	exit 77
}

has_all() {
	local dir=$1 name
	for name in "${servers[@]}"; do
		[ -x "$dir/$name" ] || return 1
	done
}

# Prints where the program in informers/ is, built if its sources are new; nothing where there is no Go.
informers() {
	local program staging
	command -v go >/dev/null || return 0
	program=$cache_root/informers-$(cat "$here"/informers/*.go "$here"/informers/go.* | sha256sum | cut -c1-16)
	if ! [ -x "$program" ]; then
		mkdir -p "$cache_root"
		find "$cache_root" -maxdepth 1 -name 'informers-*' -mtime +1 -delete
		staging=$(mktemp "$cache_root/.informers.XXXXXX")
		(cd "$here/informers" && GOFLAGS=-mod=readonly GOWORK=off CGO_ENABLED=0 nice -n 10 \
			go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$staging" .) >&2 || {
			rm -f "$staging"
			say "FAIL: informers/ does not build (see above)"
			return 1
		}
		chmod 755 "$staging"
		mv "$staging" "$program"
	fi
	printf '%s\n' "$program"
}

# Prints a python3 in whose environment the Python client is; nothing where it cannot be installed.
python_client() {
	local place staging
	place=$cache_root/python-$(sha256sum <"$here/python/requirements.txt" | cut -c1-16)
	if ! [ -x "$place/bin/python3" ]; then
		mkdir -p "$cache_root"
		staging=$(mktemp -d "$cache_root/.python.XXXXXX")
		if ! { python3 -m venv "$staging" && "$staging/bin/python3" -m pip install -q --disable-pip-version-check \
			-r "$here/python/requirements.txt"; } >&2; then
			rm -rf "$staging"
			say "the Python client cannot be installed (see above)"
			return 0
		fi
		mv -T "$staging" "$place" || rm -rf "$staging"
	fi
	printf '%s\n' "$place/bin/python3"
}

# Prints the assignments for the servers in directory $1.
report() {
	local dir=$1 kubectl=$1/kubectl informers
	[ -x "$kubectl" ] || kubectl=$(command -v kubectl || true)
	[ -n "$kubectl" ] || { kubectl=$(build)/kubectl; }
	informers=$(informers) || exit
	printf 'ETCD=%q\nKUBE_APISERVER=%q\nKUBE_CONTROLLER_MANAGER=%q\nKUBECTL=%q\nINFORMERS=%q\nPYTHON_CLIENT=%q\n' \
		"$dir/etcd" "$dir/kube-apiserver" "$dir/kube-controller-manager" "$kubectl" "$informers" "$(python_client)"
	exit 0
}

module_version() {
	awk -v module="$1" '$1 == module { print $2 }' "$here/modules/go.mod"
}

# One line per 15 s from the package names that `go build -v` prints.
progress() {
	local total=$1 count=0 begin=$SECONDS next=$SECONDS line
	while IFS= read -r line; do
		case $line in
		*/* | [a-z]*) count=$((count + 1)) ;;
		esac
		case $line in
		'#'* | *': '* | $'\t'*) printf '%s\n' "$line" >&2 ;;
		esac
		if [ "$SECONDS" -ge "$next" ]; then
			say "$count of at most $total packages, $((SECONDS - begin)) s"
			next=$((SECONDS + 15))
		fi
	done
	say "$count packages, $((SECONDS - begin)) s"
}

# Builds into directory $1.
compile() {
	local out=$1 version minor flags total
	local packages=(go.etcd.io/etcd/server/v3
		k8s.io/kubernetes/cmd/kube-apiserver
		k8s.io/kubernetes/cmd/kube-controller-manager
		k8s.io/kubernetes/cmd/kubectl)
	version=$(module_version k8s.io/kubernetes)
	minor=${version#v1.}
	flags="-s -w"
	for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
		flags+=" -X $package.gitTreeState=clean -X $package.buildDate=1970-01-01T00:00:00Z"
	done

	cd "$here/modules"
	export GOFLAGS=-mod=readonly GOWORK=off CGO_ENABLED=0
	command -v go >/dev/null || unavailable "no Go"
	go list -m >/dev/null || unavailable "$(go version) cannot read a module for go $(module_version go)"
	say "fetching the modules of Kubernetes $version and etcd $(module_version go.etcd.io/etcd/server/v3)"
	go list -deps "${packages[@]}" >"$out/.packages" ||
		unavailable "the Go modules cannot be downloaded (see above)"
	total=$(wc -l <"$out/.packages")
	rm "$out/.packages"
	say "building with $(go env GOVERSION): some minutes, only this once"
	nice -n 10 go build -v -trimpath -buildvcs=false -ldflags "$flags" -o "$out/" "${packages[@]}" \
		2> >(progress "$total") || {
		say "FAIL: the build of Kubernetes $version failed (see above)"
		exit 1
	}
	mv "$out/server" "$out/etcd"
}

# Prints the cache entry, having filled it if need be.
build() {
	local entry staging
	entry=$cache_root/$(module_version k8s.io/kubernetes)+etcd-$(module_version go.etcd.io/etcd/server/v3)
	mkdir -p "$cache_root"
	exec 9>"$cache_root/.lock"
	flock -n 9 || {
		say "waiting for another build"
		flock 9
	}
	if ! has_all "$entry"; then
		rm -rf "$cache_root"/.building.*
		staging=$(mktemp -d "$cache_root/.building.XXXXXX")
		# In a subshell: it may exit on failure, and must not leave a half-filled directory.
		(compile "$staging") >&2 || { local status=$?; rm -rf "$staging"; exit "$status"; }
		chmod 755 "$staging"
		rm -rf "$entry"
		mv "$staging" "$entry"
		say "cached in $entry"
	fi
	exec 9>&-
	printf '%s\n' "$entry"
}

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
	has_all "$KUBEBUILDER_ASSETS" && report "$KUBEBUILDER_ASSETS"
	say "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS lacks one of ${servers[*]}: not used"
fi
if on_path=$(command -v kube-apiserver) && has_all "$(dirname "$on_path")"; then
	report "$(dirname "$on_path")"
fi
entry=$(build) || exit
report "$entry"
