#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 1,000 AR calls through the real Kamailio, rtpengine, asd and mediad, after as many to warm up: none
# lost, nothing left over, memory of every process where it was. What grows once may be calls that
# overlapped more than before (a busy machine): then the round is repeated, twice at most; what is lost
# with each call grows in each. In a network namespace of its own.
# Environment: BUILD, CALLS (1000), RATE (60 calls a second, fewer on a busy machine; SOAK=1: ten times the calls).
set -u
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../../.." && pwd)
if [ "${IMS_AR_INSIDE:-}" != 1 ]; then
	export IMS_AR_INSIDE=1
	exec unshare -n -- "$0" "$@"
fi
ip link set lo up || exit 2
export BUILD=${BUILD:-$ROOT/build/release}
HERE=$ROOT/tests/integration/soak
CALLS=${CALLS:-1000} RATE=${RATE:-60}
OVERLAP=60 # calls at a time: a busy machine gets fewer a second, and rtpengine does not run out of ports
[ "${SOAK:-0}" = 1 ] && CALLS=$((CALLS * 10))
MAX_GROWTH=2048 # KiB of private memory a process may have more after CALLS calls: allocators breathe
MAX_SHM=$((64 * 1024))
# two legs of two ports each, and calls overlap
export RTP_PORTS=1000
# shellcheck source=scripts/stack.sh
. "$ROOT/scripts/stack.sh"
stack_new ims-ar-soak && stack_up || { echo "not ok soak: the network did not come up"; exit 1; }
trap "stack_down; [ -n \"${KEEP:-}\" ] || rm -rf \"$RUN\"" EXIT
rc=0
say() { # CONDITION-RC TEXT
	if [ "$1" = 0 ]; then echo "ok soak: $2"; else echo "not ok soak: $2"; rc=1; fi
}

printf 'SEQUENTIAL\n%s\n' "$DOMAIN" >"$RUN/users.csv"
sipp_run() { # NAME SECONDS ARGS...
	local name=$1 limit=$2
	shift 2
	(cd "$RUN" && exec timeout "$limit" sipp -inf users.csv -i 127.0.0.1 -nostdin -trace_err "$@" >"$name.out" 2>&1 </dev/null)
}

why() { # RC: what SIPp and the servers have to say of a call that was lost
	echo "# SIPp ended with $1 (124: after its time)"
	grep -hE 'Successful call|Failed call|Current Calls|Elapsed Time' "$RUN/caller.out" | tail -4 | sed 's/^/# /'
	for f in "$RUN"/caller_*_errors.log "$RUN"/callee_*_errors.log; do
		[ ! -s "$f" ] || { echo "# ${f##*/}:"; head -30 "$f" | cut -c1-200 | sed 's/^/#   /'; rm -f "$f"; }
	done
	grep -hE ' (warn|error) |WARNING|ERROR|CRITICAL' "$RUN"/log/{asd,mediad,pcscf1,core}.log | tail -8 | cut -c1-250 | sed 's/^/# /'
}

callee_gone() { ! ss -Hlun 'sport = :5072' | grep -q .; }

calls() { # N: 0 when every call succeeded
	local n=$1 callee rc_caller
	wait_for 10 - callee_gone
	sipp_run callee $((n / RATE * 3 + 60)) -sf "$HERE/callee.xml" -p 5072 -m "$n" &
	callee=$!
	sleep 0.3
	sipp_run caller $((n / RATE * 3 + 40)) -sf "$HERE/caller.xml" -p 5071 "127.0.0.1:$P_SIP1" -m "$n" -r "$RATE" -l "$OVERLAP"
	rc_caller=$?
	[ $rc_caller = 0 ] || kill "$callee" 2>/dev/null
	wait "$callee"
	[ $rc_caller = 0 ] || why "$rc_caller"
	return $rc_caller
}

workers() { pgrep -P "$(pid_of mediad)" | tr '\n' ' '; }
private_kib() { awk '/^Private/{s += $2} END{print s + 0}' "/proc/$1/smaps_rollup"; }
shm_used() { kamcmd -s "unix:$RUN/pcscf1.ctl" core.shmmem | awk '/real_used|\tused:/{print $2; exit}'; }
measure() { # prints "NAME KIB" lines
	local i=0 p
	echo "asd $(private_kib "$(pid_of asd)")"
	echo "mediad $(private_kib "$(pid_of mediad)")"
	for p in $(workers); do echo "worker$((i++)) $(private_kib "$p")"; done
	i=0
	for p in $(pgrep -g "$(pid_of pcscf1)" kamailio); do echo "kamailio$((i++)) $(private_kib "$p")"; done
}
left() { # what is still there, empty when nothing
	kamcmd -s "unix:$RUN/pcscf1.ctl" ims_ar.calls
	kamcmd -s "unix:$RUN/pcscf1.ctl" stats.fetch ims_ar: | grep -E 'ims_ar\.(calls|plans|offers_waiting|events_unacked): [^0]'
	curl -s -m 2 --http2-prior-knowledge "$MRM/nmf-mrm/v1/contexts" | grep -o '"contextId"'
	kamcmd -s "unix:$RUN/pcscf1.ctl" core.uptime >/dev/null || echo "Kamailio does not answer"
}
nothing_left() { [ -z "$(left)" ]; }

sipp_run register 10 -sf "$HERE/register.xml" -p 5072 "127.0.0.1:$P_SIP1" -m 1
say $? "the callee registers"
calls "$CALLS"
say $? "$CALLS calls to warm up"
wait_for 60 - nothing_left
say $? "nothing left over after them"
for try in "" " (second try)" " (third try)"; do
	measure >"$RUN/before"
	shm0=$(shm_used)
	calls "$CALLS"
	say $? "$CALLS calls, none lost$try"
	wait_for 60 - nothing_left
	say $? "nothing left over after them $(left | head -3 | tr '\n' ' ')"
	shm1=$(shm_used)
	measure >"$RUN/after"
	grown=$(join "$RUN/before" "$RUN/after" | awk -v max=$MAX_GROWTH '$3 - $2 > max {printf "%s %d -> %d KiB; ", $1, $2, $3}')
	[ $rc = 0 ] && { [ -n "$grown" ] || [ $((shm1 - shm0)) -gt $MAX_SHM ]; } || break
	echo "# ${grown}shared memory $shm0 -> $shm1 bytes"
done
[ $((shm1 - shm0)) -le $MAX_SHM ]
say $? "Kamailio's shared memory: $shm0 bytes before, $shm1 after$try"
[ -z "$grown" ]
say $? "private memory of $(wc -l <"$RUN/after") processes$try${grown:+: $grown}"
join "$RUN/before" "$RUN/after" | awk '/^(asd|mediad|worker)/{printf "# %s %d -> %d KiB\n", $1, $2, $3}'
exit $rc
