#!/bin/bash
# Builds everything and passes the tests: unit, then simulation, then integration. Ends with "N passed, N failed".
#
#   tests/run.sh             the release build, in build/
#   tests/run.sh asan        another preset of CMakePresets.json: asan, tsan
#
# Installs what packages are missing first (tests/packages.sh). Exit code 0 only where nothing failed.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}
build=build
[ "$preset" = release ] || build=build-$preset
jobs=$(nproc)

build() {
	local log=$build/configure.log
	mkdir -p "$build"
	cmake --preset "$preset" >"$log" 2>&1 || {
		cat "$log" >&2
		return 1
	}
	cmake --build --preset "$preset" -j "$jobs"
}

# What tests say that they left out: ctest shows the words of those that failed only.
show_skipped() {
	grep -E 'SKIPPED( \]|:)' "$build/Testing/Temporary/LastTest.log" | sort -u | sed 's/^/*** /' || true
}

# Adds one label's outcome to passed and failed.
passed=0
failed=0
stage() {
	local label=$1 log=$build/test-$1.log numbers
	echo "== $label"
	# A process that ASLR gives a layout unknown to ThreadSanitizer would end before it began.
	"${wrapper[@]}" ctest --test-dir "$build" -L "^$label\$" "${exclude[@]}" -j "$jobs" --output-on-failure 2>&1 |
		tee "$log" | grep -Ev '^(Internal ctest|Test project|Label Time|Total Test|No tests were found|  +Start |$)' || true
	numbers=$(sed -n 's/.*, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$log")
	if [ -z "$numbers" ]; then
		grep -q 'No tests were found' "$log" || failed=$((failed + 1))
		return 0
	fi
	failed=$((failed + ${numbers% *}))
	passed=$((passed + ${numbers#* } - ${numbers% *}))
	show_skipped
}

wrapper=()
labels=(unit sim integration)
exclude=()
if [ "$preset" = tsan ]; then
	wrapper=(setarch "$(uname -m)" -R)
	labels=(unit integration) # simulation and minicluster have one thread
	exclude=(-E scenario_minicluster)
fi

tests/packages.sh
build
for label in "${labels[@]}"; do
	stage "$label"
done
echo "$passed passed, $failed failed (${preset}, ${SECONDS} s)"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
