#!/bin/bash
# Installs the Debian packages that are missing; says nothing and returns at once where there are none.
#
#   tests/packages.sh        what building, testing and the demo need
#   tests/packages.sh ci     what only .ci/run needs, as well; and a Linux for a machine that is emulated, which is
#                            not installed but kept in ~/.cache/transport-informer
#
# As root, or with sudo. The services of mosquitto and nats-server are not left running or enabled if this script brought
# them in; one that was there before is not touched.
set -euo pipefail

packages=(
	gcc libc6-dev cmake ninja-build pkg-config python3
	libuv1-dev libcurl4-openssl-dev libcjson-dev uthash-dev libmosquitto-dev libzstd-dev libxxhash-dev libyaml-dev
	libmicrohttpd-dev libgnutls28-dev libsqlite3-dev libcmocka-dev libssl-dev
	mosquitto mosquitto-clients nats-server openssl ca-certificates
)
ci_packages=(python3-venv clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14 shellcheck man-db
	systemd qemu-system-x86)

fail() {
	printf 'packages: %s\n' "$*" >&2
	exit 69
}

# Prints those of "$@" that are not installed.
missing() {
	local installed
	installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
	for package in "$@"; do
		grep -qx "installed $package" <<<"$installed" || printf '%s\n' "$package"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"
}

# Debian starts a service that it installs.
stop_service() {
	if [ -d /run/systemd/system ]; then
		as_root systemctl disable --quiet --now "$1.service" || true
	elif [ -x "/etc/init.d/$1" ]; then
		as_root "/etc/init.d/$1" stop || true
		as_root update-rc.d "$1" disable || true
	fi
}

# Puts the kernel of a Debian package into the cache. Whoever brings it at the same time brings the same.
bring_kernel() {
	local staging package kernel=${XDG_CACHE_HOME:-$HOME/.cache}/transport-informer/vmlinuz
	[ ! -r "$kernel" ] && [ "$(dpkg --print-architecture)" = amd64 ] || return 0
	printf 'packages: bringing %s\n' "$kernel" >&2
	mkdir -p "$(dirname "$kernel")"
	staging=$(mktemp -d "$(dirname "$kernel")/.kernel.XXXXXX")
	(
		cd "$staging"
		apt update
		package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
		apt download "$package"
		dpkg-deb --fsys-tarfile "$package"_*.deb | tar -xO --wildcards './boot/vmlinuz-*' >vmlinuz
	) >"$staging/log" 2>&1 || {
		tail -n 20 "$staging/log" >&2
		rm -r "$staging"
		fail "apt-get could not bring the package linux-image-cloud-amd64 (its last words are above)"
	}
	mv "$staging/vmlinuz" "$kernel"
	rm -r "$staging"
}

command -v dpkg-query >/dev/null || fail "this is no Debian; install by hand what the head of tests/packages.sh lists"
[ "${1:-}" != ci ] || packages+=("${ci_packages[@]}")
command -v kubectl >/dev/null || packages+=(kubernetes-client)
[ "${1:-}" != ci ] || bring_kernel

mapfile -t wanted < <(missing "${packages[@]}")
[ ${#wanted[@]} -gt 0 ] || exit 0
[ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
	fail "these packages are missing: ${wanted[*]}; install them as root, or install sudo"

printf 'packages: installing %s\n' "${wanted[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt update && apt install --no-install-recommends -y "${wanted[@]}"; } >"$log" 2>&1 </dev/null; then
	tail -n 20 "$log" >&2
	fail "apt-get could not install ${wanted[*]} (its last words are above)"
fi
for service in mosquitto nats-server; do
	case " ${wanted[*]} " in
	*" $service "*) stop_service "$service" >>"$log" 2>&1 ;;
	esac
done
