#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# scripts/lib.sh: processes are stopped by pid and start time, never another one's; ports are free.
set -u
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
. "$ROOT/scripts/lib.sh"
run_folder ims-ar-libtest
trap 'stop_all; rm -rf "$RUN"' EXIT
bad=0
check() { # NAME COMMAND...
	local name=$1
	shift
	if "$@"; then echo "ok $name"; else echo "not ok $name"; bad=1; fi
}
no() { ! "$@"; }
alive_pid() { case "$(awk '/^State:/{print $2}' "/proc/$1/status" 2>/dev/null)" in '' | Z | X) return 1 ;; esac }

start sleeper sleep 60
pid=$(pid_of sleeper)
check "a started process is alive" alive sleeper
check "stop ends it" stop sleeper
check "it is gone" no alive_pid "$pid"
check "stopping what is gone is no error" stop sleeper

start stubborn bash -c 'trap "" TERM; echo deaf; while :; do sleep 1; done'
wait_for 20 stubborn grep -q deaf "$RUN/log/stubborn.log"
pid=$(pid_of stubborn)
check "one that ignores TERM had to be killed" no stop stubborn 1
check "it is gone, too" no alive_pid "$pid"

echo "$$ 1" >"$RUN/other.pid" # our own pid, somebody else's start time
check "a pid that was given to another is not ours" no alive other
check "and is not touched" stop other

t0=$EPOCHREALTIME
start short false
check "waiting ends when the process is gone" no wait_for 100 short false
check "at once, not when the time is over" test $((${EPOCHREALTIME/./} - ${t0/./})) -lt 20000000
check "waiting ends when it works" wait_for 5 - true

ports=''
for _ in 1 2 3 4 5; do free_port_into p 25900 25999 3 && ports="$ports $p $((p + 1)) $((p + 2))"; done
check "no port is given out twice" test "$(echo "$ports" | tr ' ' '\n' | grep -c .)" = "$(echo "$ports" | tr ' ' '\n' | grep . | sort -u | grep -c .)"
exec 5<>/dev/udp/127.0.0.1/9
busy=$(awk 'NR > 1 {split($2, a, ":"); print a[2]; exit}' /proc/net/udp)
check "a port in use is not free" no port_is_free $((16#$busy))
check "no range, no port" no free_port_into p 25900 25900 2 2>/dev/null
check "an unknown set of packages is refused" no install_packages nosuchset 2>/dev/null
exit $bad
