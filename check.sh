#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# sudo ./check.sh: installs what the tests need, builds, runs everything, ends with one line of
# totals, "N passed, N failed, N skipped" (and ", N repeated" when a measurement in real time was taken
# again). Safe to run twice; what it starts it stops.
set -u
cd "$(dirname "$(readlink -f "$0")")" || exit 2
ROOT=$PWD
. scripts/lib.sh
. tests/check/lanes.sh

usage() {
	cat <<'U'
usage: sudo ./check.sh [--quick] [--only GROUP]... [--list] [--no-install] [--soak]
  --quick       leave out the sanitizer build, the browser and the benchmarks
  --only GROUP  run one group (may be repeated); --list names them
  --no-install  the packages are there already
  --soak        also the long runs: 10,000 connections and 1,000,000 messages through the data channel
                stack, ten times the soak's calls, 100,000 random dialogs of plans, 10,000
                calls at 500 a second beside the same without the module
Exit: 0 all passed, 1 something failed, 2 could not run.
U
}

# first what builds and computes, then what mostly waits, in lanes, then what measures time, alone
GROUPS_ALL="build lint unit asan sip media call ims streams soak docs armf demo bench"
GROUPS_QUICK="build lint unit sip media call docs"
groups="" install=1 soak=0
while [ $# -gt 0 ]; do
	case "$1" in
	--quick) groups=$GROUPS_QUICK ;;
	--only)
		[ $# -ge 2 ] || { usage >&2; exit 2; }
		groups="$groups $2"
		shift
		;;
	--list) echo "$GROUPS_ALL" | tr ' ' '\n'; exit 0 ;;
	--no-install) install=0 ;;
	--soak) soak=1 ;;
	-h | --help) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done
[ -n "$groups" ] || groups=$GROUPS_ALL
[ "$(id -u)" = 0 ] || { echo "check.sh: run as root (sudo ./check.sh): it installs packages and makes network namespaces" >&2; exit 2; }
export SOAK=$soak

LOGS=$ROOT/build/check-logs
mkdir -p "$LOGS"
RESULTS=$LOGS/results
: >"$RESULTS"
started=$(date +%s)

# Reads "ok NAME ...", "not ok NAME ...", "skip NAME ..." lines from stdin, shows and counts them.
tally() { # GROUP
	local line
	while IFS= read -r line; do
		case "$line" in
		"ok "* | "not ok "* | "skip "*) echo "$1 $line" >>"$RESULTS" ;;
		esac
		printf '%s\n' "  $line"
	done
}

# One step that passes or fails as a whole; its output goes to a log, the end of it is shown on failure.
step() { # GROUP NAME COMMAND...
	local group=$1 name=$2 log t0 t1 rc
	shift 2
	log=$LOGS/$(echo "$group-$name" | tr -c 'A-Za-z0-9\n' '-').log
	t0=$(date +%s)
	"$@" >"$log" 2>&1 </dev/null
	rc=$?
	t1=$(date +%s)
	if [ $rc = 0 ]; then
		echo "ok $name ($((t1 - t0)) s)"
	else
		tail -40 "$log" | sed 's/^/    | /'
		echo "not ok $name (exit $rc after $((t1 - t0)) s, log $log)"
	fi | tally "$group"
	return $rc
}

# A script that prints its own ok / not ok / skip lines; its exit code counts too.
suite() { # GROUP NAME COMMAND...
	local group=$1 name=$2 log rc
	shift 2
	log=$LOGS/$(echo "$group-$name" | tr -c 'A-Za-z0-9\n' '-').log
	{ "$@" </dev/null 2>&1; echo "$?" >"$log.rc"; } | tee "$log" | grep --line-buffered -E '^(ok|not ok|skip|bench) ' | tally "$group"
	rc=$(cat "$log.rc")
	if [ "$rc" != 0 ] && ! grep -q '^not ok' "$log"; then
		tail -40 "$log" | sed 's/^/    | /'
		echo "not ok $name (exit $rc, log $log)" | tally "$group"
	elif ! grep -qE '^(ok|not ok|skip) ' "$log"; then
		echo "not ok $name (ran no test, log $log)" | tally "$group"
	fi
}

ctest_run() { # GROUP BUILD ARGS...
	local group=$1 dir=$2 xml=$LOGS/$1.xml
	shift 2
	rm -f "$xml"
	# many wait more than they compute
	ctest --test-dir "$dir" -j$(($(nproc) * 3)) --timeout 300 --output-junit "$xml" "$@" >"$LOGS/$group-ctest.log" 2>&1 </dev/null
	python3 tests/check/junit_lines.py "$xml" 2>&1 | tally "$group"
	[ -s "$xml" ] || echo "not ok ctest in $dir did not run (log $LOGS/$group-ctest.log)" | tally "$group"
}

build_in() { # PRESET [CMAKE ARGS]
	local preset=$1
	shift
	cmake --preset "$preset" "$@" && cmake --build "build/$preset" -j"$(nproc)"
}

group_build() {
	step build "kamailio-headers" scripts/kamailio-src.sh || return 1
	step build "usrsctp-source" scripts/usrsctp-src.sh || echo "   going on with Debian's slower library"
	step build "release" build_in release -DIMS_AR_TESTS=ON || return 1
	step build "npm" npm_install_all || return 1
	step build "webapp" webapp_build
}

group_lint() {
	suite lint tree python3 tests/check/check_tree.py
	step lint clang-format tests/check/format.sh
	step lint cppcheck tests/check/cppcheck.sh build/release
	step lint lua-syntax tests/check/lua_syntax.sh
}
# it computes a minute long on all cores, while others wait
lanes_lint() { lane lint clang-tidy 140 nice -n 19 tests/check/clang_tidy.sh build/release; }

group_unit() { ctest_run unit build/release -LE "bench"; }

# real calls through sanitized daemons, too (lanes_asan); the module stays the release one
group_asan() {
	step asan "build" build_in asan || return 1
	asan_built=1
	ctest_run asan build/asan -LE "bench"
}
lanes_asan() {
	local l BUILD=$ROOT/build/asan MODULE=$ROOT/build/release/kamailio-modules/ims_ar
	[ "${asan_built:-0}" = 1 ] || return 0
	for l in one two; do lane asan "calls-$l" 50 tests/integration/call/run.sh --layout $l; done
}

lanes_sip() {
	local i
	for i in 1 2 3 4 5; do lane sip "sipp-$i" 55 tests/integration/sip/run.sh --lane "$i/5"; done
}

lanes_media() {
	lane media mediad 80 tests/integration/mediad/run.sh
	lane media asd 80 tests/integration/asd/run.sh
	lane media interop 60 tests/interop/run.sh
}

lanes_call() {
	local l
	for l in one two; do lane call "calls-$l" 46 tests/integration/call/run.sh --layout $l; done
}

# real Chromium joined by mediad's media of type AR
lanes_streams() { lane streams streams 60 tests/integration/armf/run.sh; }

lanes_ims() { lane ims real-ims 40 tests/integration/ims/run.sh; }

lanes_soak() { lane soak soak 125 tests/integration/soak/run.sh; }

lanes_docs() {
	lane docs docs 7 python3 tests/check/check_docs.py
	lane docs install 2 tests/check/check_install.sh build/release
}

# real Chromium: the drawn object beside the pose, then over a network of calls
group_armf() {
	BUILD=$ROOT/build/release suite armf pose tests/integration/armf/pose/run.sh
	BUILD=$ROOT/build/release suite armf network tests/integration/armf/pose/network.sh
}

group_demo() { BUILD=$ROOT/build/release suite demo demo tests/integration/demo/run.sh; }

# the long runs of --soak have the machine to themselves
group_soak() {
	# prints its seed; -n 1 -s SEED -v 1 repeats one dialog
	step soak "100,000 random dialogs" build/release/tests/unit/common/unit_plan_property -n 100000
	SOAK_CALLS=10000 BUILD=$ROOT/build/release suite soak many-calls tests/integration/sip/run.sh many-calls
}

# what Chromium was measured with in group armf of this run is not measured again
group_bench() {
	local log=$LOGS/armf-pose.log
	case " $groups " in *" armf "*) ;; *) log= ;; esac
	BUILD=$ROOT/build/release POSE_LOG=$log suite bench benchmarks tests/bench/run.sh
}

if [ $install = 1 ]; then
	step build packages install_packages build test || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
fi
has() { type "$1" >/dev/null 2>&1; }
for g in $groups; do
	has "group_$g" || has "lanes_$g" || { echo "check.sh: no group '$g' (--list names them)" >&2; exit 2; }
done
trap 'lanes_stop; exit 130' INT TERM HUP

alone() { # GROUP
	local t0
	t0=$(date +%s)
	echo "== $1"
	"group_$1"
	local rc=$?
	echo "   $(($(date +%s) - t0)) s"
	[ $rc = 0 ] || [ "$1" != build ] || { echo "   the build failed: the rest is left out"; return 1; }
}

for g in $groups; do
	if has "group_$g" && { [ "$g" != soak ] || [ "$soak" = 1 ]; }; then
		case $g in armf | demo | bench) lanes_run ;; esac # what measures time begins when the lanes are over
		alone "$g" || break
	fi
	! has "lanes_$g" || "lanes_$g"
done
lanes_run

count() { grep -c -E "$1" "$RESULTS" || true; }
passed=$(count '^[a-z]+ ok ') failed=$(count '^[a-z]+ not ok ') skipped=$(count '^[a-z]+ skip ')
repeated=$(count '^[a-z]+ ok .*\((second|third) try\)')
[ "$failed" = 0 ] || { echo "== failed"; grep -E '^[a-z]+ not ok ' "$RESULTS" | sed 's/^/  /'; }
echo "took $(($(date +%s) - started)) s"
[ "$repeated" = 0 ] || more=", $repeated repeated"
echo "$passed passed, $failed failed, $skipped skipped${more:-}"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
