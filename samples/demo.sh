#!/bin/bash
# Three clusters, a broker, agents, a hub and an informer on this machine; nginx is deployed from the hub's source to the
# first cluster, the last one is cut off and comes back, and the fleet is shown live until Ctrl-C, which leaves nothing
# running.
#
#   samples/demo.sh                              three miniclusters with light churn
#   samples/demo.sh --once                       runs to a verified end: exit code 0 only if all that it prints was seen
#   samples/demo.sh --cluster NAME=KUBECONFIG    real clusters instead (repeatable); nginx goes to the first one's
#                                                namespace "default", and is taken away again at the end
#   --keep-logs                                  leaves the logs of all programs behind
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

once=
keep_logs=
clusters=()
kubeconfigs=()
pids=()
resources=namespaces,nodes,pods,services,configmaps,deployments.apps,replicasets.apps

say() {
	printf '\033[1m%s\033[0m\n' "$*" >&2
}

fail() {
	say "demo: $*"
	exit 1
}

usage() {
	sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0"
	exit "$1"
}

while [ $# -gt 0 ]; do
	case $1 in
	--once) once=yes ;;
	--keep-logs) keep_logs=yes ;;
	--cluster)
		[[ ${2:-} =~ ^[a-z0-9]([-a-z0-9]*[a-z0-9])?=. ]] || { echo "demo: --cluster needs NAME=KUBECONFIG" >&2; exit 64; }
		[ -r "${2#*=}" ] || { echo "demo: --cluster ${2%%=*}: ${2#*=} cannot be read" >&2; exit 66; }
		clusters+=("${2%%=*}")
		kubeconfigs+=("$(realpath "${2#*=}")")
		shift
		;;
	-h | --help) usage 0 ;;
	*)
		echo "demo: unknown option $1" >&2
		usage 64 >&2
		;;
	esac
	shift
done
real=
[ ${#clusters[@]} -eq 0 ] || real=yes

temp=
source_kubeconfig=
live=

# Ends what was started, last first; by process id, each of which is a child of this shell.
end_all() {
	local pid i
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
		kill "${pids[i]}" 2>/dev/null || true
	done
	for _ in $(seq 100); do
		for pid in "${pids[@]}"; do
			kill -0 "$pid" 2>/dev/null && sleep 0.1 && continue 2
		done
		break
	done
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	wait 2>/dev/null || true
}

finish() {
	local status=$?
	trap - EXIT
	trap '' INT TERM
	[ -z "$real" ] || take_nginx_away
	end_all
	[ -z "$live" ] || say "Ended; nothing is left running"
	if [ -n "$temp" ] && [ -z "$keep_logs" ]; then
		rm -rf "$temp"
	elif [ -n "$temp" ]; then
		say "logs are in $temp"
	fi
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Starts a program in a session of its own, so that Ctrl-C reaches this script alone; it ends with this script, come what
# may. The log is <name>.log.
start() {
	local name=$1
	shift
	setpriv --pdeathsig TERM setsid "$@" >"$temp/$name.out" 2>"$temp/$name.log" </dev/null &
	pids+=($!)
	names[$!]=$name
}
declare -A names

check_running() {
	local pid
	for pid in "${pids[@]}"; do
		kill -0 "$pid" 2>/dev/null || {
			tail -n 5 "$temp/${names[$pid]}.log" >&2
			fail "${names[$pid]} has ended (its last words are above)"
		}
	done
}

# await SECONDS WHAT COMMAND...: until the command succeeds.
await() {
	local seconds=$1 what=$2 deadline=$((SECONDS + $1))
	shift 2
	until "$@" >/dev/null 2>&1; do
		check_running
		[ "$SECONDS" -lt "$deadline" ] || fail "$what: not within $seconds s (--keep-logs leaves the logs)"
		sleep 0.1
	done
}

kube() {
	local kubeconfig=$1
	shift
	KUBECONFIG=$kubeconfig kubectl --request-timeout=10s "$@"
}

fleet() {
	kube "$temp/fleet.yaml" "$@"
}

# Shows a command to try, and what it says.
try() {
	printf '\033[1m$ kubectl --kubeconfig %s %s\033[0m\n' "$temp/fleet.yaml" "$*"
	fleet "$@" 2>&1 || true
	echo
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

password() {
	head -c 18 /dev/urandom | base64
}

# The newest line of what is read, in one line of the terminal; nothing where there is none.
progress() {
	local line
	while IFS= read -r line; do
		[ ! -t 2 ] || printf '\r\033[K%.70s' "$line" >&2
	done
	[ ! -t 2 ] || printf '\r\033[K' >&2
}

build() {
	tests/packages.sh
	if ! { cmake --preset release && cmake --build --preset release -j "$(nproc)" --target programs; } 2>&1 |
		tee "$temp/build.log" | progress; then
		tail -n 30 "$temp/build.log" >&2
		fail "the build failed"
	fi
}

start_broker() {
	local user
	port=$(free_port)
	: >"$temp/passwords"
	for user in hub viewer "${clusters[@]}"; do
		password >"$temp/$user.password"
		mosquitto_passwd -b "$temp/passwords" "$user" "$(cat "$temp/$user.password")" 2>/dev/null
	done
	sed -e "s|^listener .*|listener $port 127.0.0.1|" -e "s|^password_file .*|password_file $temp/passwords|" \
		-e "s|^acl_file .*|acl_file $root/samples/mosquitto.acl|" samples/mosquitto.conf >"$temp/mosquitto.conf"
	echo "user $(id -un)" >>"$temp/mosquitto.conf"
	start mosquitto "$(PATH=$PATH:/usr/sbin command -v mosquitto)" -c "$temp/mosquitto.conf"
	await 10 "mosquitto listens" bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
	common=(--broker "tcp://127.0.0.1:$port" --signal /signal --payload /payload)
}

start_minicluster() {
	local name=$1
	shift
	start "minicluster-$name" build/bin/minicluster --listen 127.0.0.1:0 --kubeconfig-out "$temp/$name.kubeconfig" "$@"
	await 10 "minicluster $name answers" kube "$temp/$name.kubeconfig" get --raw /version
}

start_clusters() {
	local name
	source_kubeconfig=$temp/source.kubeconfig
	start_minicluster source --nodes 0 --no-controllers
	[ -z "$real" ] || return 0
	for name in "${clusters[@]}"; do
		start_minicluster "$name" --nodes 3 --pods 20 --churn 1
		kubeconfigs+=("$temp/$name.kubeconfig")
	done
}

start_agent() {
	local name=${clusters[$1]}
	start "agent-$name" build/bin/agent "${common[@]}" --client-id agent --username "$name" \
		--password-file "$temp/$name.password" --cluster "$name" --kubeconfig "${kubeconfigs[$1]}"
}

start_fleet() {
	local i
	start hub build/bin/hub "${common[@]}" --client-id hub --username hub --password-file "$temp/hub.password" \
		--kubeconfig "$source_kubeconfig" --state-dir "$temp/hub" --listen 127.0.0.1:0 --kubeconfig-out "$temp/fleet.yaml"
	await 10 "the hub serves the fleet" fleet get --raw /version
	for i in "${!clusters[@]}"; do
		start_agent "$i"
	done
	informer=(build/bin/informer "${common[@]}" --client-id viewer --name viewer --username viewer
		--password-file "$temp/viewer.password")
}

# connected INDEX True|False: what the hub says of a cluster, of whose namespaces it has some in either case.
connected() {
	local name=${clusters[$1]}
	[ "$(fleet get clusters "$name" -o jsonpath='{.status.conditions[?(@.type=="Connected")].status}')" = "$2" ] &&
		[ -n "$(fleet get namespaces --field-selector "cluster=$name" -o name)" ]
}

stale() {
	fleet get namespaces 2>&1 >/dev/null | grep -q "^Warning: not up to date: ${clusters[$1]}\b"
}

fresh() {
	connected "$1" True && ! stale "$1"
}

# Kills the last agent, and with it all that connects its cluster.
cut_off() {
	local last=$((${#clusters[@]} - 1)) pid
	for pid in "${pids[@]}"; do
		[ "${names[$pid]}" = "agent-${clusters[last]}" ] || continue
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null || true
		forget "$pid"
	done
	await 30 "the hub misses ${clusters[last]}" connected "$last" False
	await 30 "${clusters[last]} is shown as stale" stale "$last"
}

forget() {
	local pid kept=()
	for pid in "${pids[@]}"; do
		[ "$pid" = "$1" ] || kept+=("$pid")
	done
	pids=("${kept[@]}")
}

come_back() {
	local last=$((${#clusters[@]} - 1))
	start_agent "$last"
	await 60 "${clusters[last]} is back" fresh "$last"
}

deploy_nginx() {
	sed "s/\bcluster1\b/${clusters[0]}/" samples/nginx-deployment.yaml >"$temp/nginx.yaml"
	kube "$source_kubeconfig" apply -f "$temp/nginx.yaml" >"$temp/apply.log" 2>&1 || {
		cat "$temp/apply.log" >&2
		fail "nginx could not be applied to the source"
	}
}

take_nginx_away() {
	[ -s "$temp/nginx.yaml" ] && [ -n "$source_kubeconfig" ] || return 0
	kube "$source_kubeconfig" -n "${clusters[0]}" delete deployment nginx --wait=false >/dev/null 2>&1 || return 0
	for _ in $(seq 100); do
		! nginx_gone 2>/dev/null || return 0
		sleep 0.1
	done
	say "nginx is still on ${clusters[0]}: kubectl -n default delete deployment nginx"
}

nginx_replicas_at_source() {
	kube "$source_kubeconfig" -n "${clusters[0]}" get deployment nginx \
		-o jsonpath='{.metadata.annotations.cluster\.available\.replicas/default}'
}

nginx_reported() {
	[ "$(nginx_replicas_at_source)" = "$1" ]
}

nginx_gone() {
	[ -z "$(kube "${kubeconfigs[0]}" -n default get deployment nginx --ignore-not-found -o name)" ]
}

verify() {
	local i last=$((${#clusters[@]} - 1))
	start informer "${informer[@]}" --resource "$resources" -o json
	await 60 "nginx reported as available by ${clusters[0]}" nginx_reported 2
	echo "verified: nginx runs on ${clusters[0]}; the source shows it: cluster.available.replicas/default = 2"

	kube "$source_kubeconfig" -n "${clusters[0]}" scale deployment nginx --replicas 3 >/dev/null
	await 60 "nginx reported as scaled by ${clusters[0]}" nginx_reported 3
	echo "verified: scaled at the source, nginx has 3 available replicas on ${clusters[0]}"

	for i in "${!clusters[@]}"; do
		python3 -B samples/verify.py "$temp/informer.out" "${clusters[i]}" "${kubeconfigs[i]}" "$resources" ||
			fail "the informer's state is not that of ${clusters[i]}"
	done

	kube "$source_kubeconfig" -n "${clusters[0]}" delete deployment nginx >/dev/null
	await 60 "nginx gone from ${clusters[0]}" nginx_gone
	echo "verified: deleted at the source, nginx is gone from ${clusters[0]}"

	for i in "${!clusters[@]}"; do
		await 60 "the hub has ${clusters[i]}" fresh "$i"
	done
	cut_off
	echo "verified: ${clusters[last]} is cut off; kubectl has what was last heard of it, and a warning"
	come_back
	echo "verified: ${clusters[last]} is back, and nothing is stale"
	check_running
}

show() {
	local i last=$((${#clusters[@]} - 1))
	for i in "${!clusters[@]}"; do
		await 60 "the hub has ${clusters[i]}" fresh "$i"
	done
	await 60 "nginx runs on ${clusters[0]}" nginx_reported 2
	say "The fleet through kubectl, which asks the hub alone:"
	try get clusters
	try get deployments,pods -A -l app=nginx
	say "Now ${clusters[last]} is cut off, by kill -9 of its agent:"
	cut_off
	try get clusters
	try get nodes --field-selector "cluster=${clusters[last]}"
	say "It comes back:"
	come_back
	try get clusters
	say "The fleet, live: ${clusters[*]}. Ctrl-C ends it and leaves nothing running."
	say "Elsewhere, try:  kubectl --kubeconfig $temp/fleet.yaml get pods -A -w"
	say "           or:  kubectl --kubeconfig $source_kubeconfig -n ${clusters[0]} scale deployment nginx --replicas 4"
	live=yes
	"${informer[@]}" --resource pods,deployments.apps --log-level warn &
	pids+=($!)
	names[$!]=informer
	wait $!
}

temp=$(mktemp -d)
[ -n "$real" ] || clusters=(cluster1 cluster2 cluster3)
say "Building (a minute or two, the first time)"
build
say "Starting broker, clusters, agents and hub"
start_broker
start_clusters
start_fleet
say "Deploying nginx to ${clusters[0]}"
deploy_nginx
if [ -n "$once" ]; then
	verify
	say "All verified in $SECONDS s"
else
	show
fi
