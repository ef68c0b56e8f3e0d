#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Calls between real WebRTC UEs (Node) through real Kamailio with the module, rtpengine, asd and
# mediad, in a network namespace of its own. One line a case: ok, not ok, skip.
#   run.sh [--keep-logs] [--layout one|two] [NAME-PART...]   only cases whose name has one of the parts;
#   one: both UEs behind one P-CSCF, two: behind two; both when not said
# Environment: BUILD (build folder), TIMES (how often all cases are run: 1). Needs root for the namespace.
set -u
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../../.." && pwd)
if [ "${IMS_AR_INSIDE:-}" != 1 ]; then
	export IMS_AR_INSIDE=1
	exec unshare -n -- "$0" "$@"
fi
ip link set lo up || exit 2
# shellcheck source=scripts/stack.sh
. "$ROOT/scripts/stack.sh"

keep_logs=0 layouts="one two"
if [ "${1:-}" = --keep-logs ]; then
	keep_logs=1
	shift
fi
if [ "${1:-}" = --layout ]; then
	layouts=${2:-}
	case $layouts in one | two) shift 2 ;; *) echo "run.sh: --layout one or two" >&2; exit 2 ;; esac
fi
export BUILD=${BUILD:-$ROOT/build/release}
export RTPENGINE_ARGS=--log-level-control=7 # what it is asked, for directions.mjs
RUN='' bad=0
cleanup() {
	[ -z "$RUN" ] || stack_down
	[ -z "$RUN" ] || [ $keep_logs = 1 ] || rm -rf "$RUN"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

for layout in $layouts; do
	stack_new "ims-ar-call-$layout" "$layout" || exit 2
	if stack_up; then
		node "$ROOT/tests/integration/call/cases.mjs" "$RUN" "$layout" "$@" || bad=1
	else
		echo "not ok call $layout: the network did not come up (logs in $RUN)"
		bad=1 keep_logs=1
	fi
	stack_down || { echo "not ok call $layout: stopped cleanly"; bad=1; }
	for log in "$RUN"/log/*.log; do
		# what must never be seen, whatever the case
		if grep -nE 'AddressSanitizer|runtime error:|LeakSanitizer|segfault|core dumped|\bBUG:' "$log"; then
			echo "not ok call $layout: $(basename "$log") shows a fault"
			bad=1 keep_logs=1
		fi
	done
	[ $bad = 0 ] || [ $keep_logs = 0 ] || echo "# logs: $RUN/log"
	[ $bad = 0 ] && [ $keep_logs = 0 ] && rm -rf "$RUN"
done
exit $bad
