#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The demo as a person runs it: its 14 lines, its pictures, its exit code; and what is left when it is
# interrupted or cannot work. One line a case: ok, not ok, skip. Environment: BUILD (build folder).
set -u
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../../.." && pwd)
[ -x /usr/bin/chromium ] || { echo "skip demo: Chromium is not installed"; exit 0; }
export BUILD=${BUILD:-$ROOT/build/release}
TMP=$(mktemp -d /tmp/ims-ar-demotest.XXXXXX)
export TMPDIR=$TMP # run folders and Chromium's profiles, to see what is left of them
bad=0 pid=''
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$TMP"' EXIT

check() { # NAME COMMAND...
	local name=$1
	shift
	if "$@"; then echo "ok demo $name"; else echo "not ok demo $name"; bad=1; fi
}
has() { grep -qE -- "$1" "$TMP/out"; }
left() { pgrep -fa "$TMP/ims-ar-demo"; } # every process of the demo names its run folder
nothing_left() { # a few moments for what is on its way out
	local i
	for i in $(seq 1 40); do
		[ -z "$(left)" ] && [ -z "$(find "$TMP" -maxdepth 1 ! -path "$TMP" ! -name out ! -name pictures -print -quit)" ] && return 0
		sleep 0.1
	done
	left | sed 's/^/# /'
	find "$TMP" -maxdepth 1 | sed 's/^/# /'
	return 1
}

all_steps() { # of both calls
	local n
	for n in 01 02 03 04 05 06 07 08 09 10 11 12 13 14; do
		[ "$(grep -cE -- "^$n  [A-Za-z]" "$TMP/out")" = 2 ] || { echo "# not two lines $n"; return 1; }
	done
}
drawn() { # the network drew into what the camera sent
	[ -s "$TMP/pictures/carol-camera.png" ] && [ -s "$TMP/pictures/bob-saw.png" ] &&
		! cmp -s "$TMP/pictures/carol-camera.png" "$TMP/pictures/bob-saw.png" &&
		has 'bob-saw\.png' && has 'the scene drawn into [1-9][0-9]* pictures'
}
pictures() {
	local who
	for who in alice bob; do
		[ -s "$TMP/pictures/$who-before.png" ] && [ -s "$TMP/pictures/$who-after.png" ] || return 1
		! cmp -s "$TMP/pictures/$who-before.png" "$TMP/pictures/$who-after.png" || return 1
	done
}

"$ROOT/demo.sh" --no-install --out "$TMP/pictures" >"$TMP/out" 2>&1 </dev/null
rc=$?
[ $rc = 0 ] || sed 's/^/# /' "$TMP/out" | tail -40
check "ends 0" test $rc = 0
check "has a line for each of the 14 steps, in both calls" all_steps
check "says that steps 12 and 13 were not asked for in the first" test "$(grep -c 'not asked for in this call' "$TMP/out")" = 2
check "leaves what the camera sent and what the other UE saw" drawn
check "says that all evidence holds" has '^All evidence holds'
check "has no colours and only ASCII off a terminal" test -z "$(LC_ALL=C grep -n '[^ -~]' "$TMP/out")"
check "shows a policy error with file and line" has 'policy\.lua:[0-9]+:'
check "leaves pictures, before and after" pictures
check "leaves the scene, before and after" test -s "$TMP/pictures/scene-before.json" -a -s "$TMP/pictures/scene-after.json"
check "leaves no process and no folder" nothing_left

"$ROOT/demo.sh" --no-install --out "$TMP/pictures" >"$TMP/out" 2>&1 </dev/null &
pid=$!
for _ in $(seq 1 600); do has '^UEs ' && break; sleep 0.1; done
sleep 1
kill -TERM "$pid"
wait "$pid"
rc=$?
pid=''
check "interrupted: exit code of a signal" test $rc = 143
check "interrupted: leaves no process and no folder" nothing_left

CHROMIUM=/nonexistent/chromium "$ROOT/demo.sh" --no-install --out "$TMP/pictures" >"$TMP/out" 2>&1 </dev/null
rc=$?
check "without a browser: ends 1 and says why" test $rc = 1 -a -n "$(grep 'DEMO FAILED.*chromium' "$TMP/out")"
check "without a browser: keeps the logs" test -s "$TMP/pictures/log/asd.log"
check "without a browser: leaves no process and no folder" nothing_left

"$ROOT/demo.sh" --nonsense >"$TMP/out" 2>&1
check "a wrong option: usage and 2" test $? = 2 -a -n "$(grep -c '^usage' "$TMP/out")"
exit $bad
