#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs every benchmark once; each prints one line that begins with "bench". BUILD: build folder
# (release). A benchmark that prints no such line, or fails, is "not ok". Figures on a shared machine
# are for ratios within one line, not for comparing days.
set -u
cd "$(dirname "$0")/../.." || exit 2
BUILD=${BUILD:-$PWD/build/release}
rc=0

one() { # NAME COMMAND...
	local name=$1 out
	shift
	out=$(timeout 300 "$@" 2>&1 </dev/null)
	if [ $? = 0 ] && grep -q '^bench ' <<<"$out"; then
		grep '^bench ' <<<"$out"
		echo "ok bench $name"
	else
		tail -5 <<<"$out" | sed 's/^/    | /'
		echo "not ok bench $name"
		rc=1
	fi
}

for b in "$BUILD"/tests/bench/bench_*; do
	[ -f "$b" ] && [ -x "$b" ] && one "$(basename "$b" | sed 's/^bench_//')" "$b"
done
for s in tests/bench/*.sh; do
	[ "$s" = tests/bench/run.sh ] || one "$(basename "$s" .sh)" env BUILD="$BUILD" "$s"
done
exit $rc
