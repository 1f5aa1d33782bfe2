#!/bin/bash
# Builds the fuzz targets (clang, preset "fuzz") and runs each for a while; a finding is left in build-fuzz/findings. Beside
# them hostile.py sends REQUESTS to a minicluster, of another seed each day.
#
#   tests/fuzz/run.sh [SECONDS [REQUESTS]]      default 5 for each target, and 10000
#
# corpus/<target>/ holds inputs to begin with, where there are some; those that are messages are written by seeds.py.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-5}
requests=${2:-10000}
jobs=$(nproc)
mkdir -p build-fuzz/findings
cmake --preset fuzz >build-fuzz/configure.log 2>&1 || {
	cat build-fuzz/configure.log >&2
	exit 1
}
cmake --build --preset fuzz -j "$jobs" --target fuzz_targets minicluster
python3 -B tests/fuzz/seeds.py build-fuzz/seeds

run() {
	local target=$1 name corpus seeds log
	name=$(basename "$target")
	corpus=tests/fuzz/corpus/${name#fuzz_}
	seeds=build-fuzz/seeds/${name#fuzz_}
	log=build-fuzz/findings/$name.log
	mkdir -p "build-fuzz/corpus/$name"
	set -- "build-fuzz/corpus/$name"
	[ ! -d "$corpus" ] || set -- "$@" "$corpus"
	[ ! -d "$seeds" ] || set -- "$@" "$seeds"
	if "$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="build-fuzz/findings/$name-" "$@" >"$log" 2>&1; then
		printf 'ok      %s: %s runs\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
	else
		tail -n 40 "$log"
		printf 'FAILED  %s\n' "$name"
		return 1
	fi
}
export -f run
export seconds

hostile() {
	UBSAN_OPTIONS=print_stacktrace=1 python3 -B tests/fuzz/hostile.py build-fuzz/bin/minicluster \
		--seed "$(date -u +%Y%m%d)" --requests "$requests"
}

verdict=0
hostile &
find build-fuzz/bin -name 'fuzz_*' -type f -perm -u+x -print0 | sort -z |
	xargs -0 -P "$jobs" -I{} bash -c 'run {}' || verdict=1
wait $! || verdict=1
exit $verdict
