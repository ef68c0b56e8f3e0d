#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Suites that mostly wait (SIP timers, time-outs, real time) run side by side: a lane each, in
# namespaces and run folders of their own, LANES at a time. What they print is shown by group, when all
# lanes of the group are over. check.sh sources this and brings suite() and LOGS.
# shellcheck shell=bash

LANES=${LANES:-$(($(nproc) * 2 + 1))}
[ "$LANES" -le 8 ] || LANES=8
LANE_GROUP=() LANE_RUN=() LANE_COST=() LANE_PID=()

# The command starts later, in lanes_run, with BUILD and MODULE as they are now. COST: about how long it
# takes, in seconds; the longest start first.
lane() { # GROUP NAME COST COMMAND...
	local group=$1 name=$2 cost=$3 env
	shift 3
	env=$(printf '%q ' env "BUILD=${BUILD:-$ROOT/build/release}" ${MODULE:+"MODULE=$MODULE"} "$@")
	LANE_GROUP+=("$group") LANE_COST+=("$cost") LANE_PID+=("")
	LANE_RUN+=("suite $(printf '%q %q' "$group" "$name") $env")
}

_lane_start() { # INDEX: in a process group of its own, so that an interrupted run ends it whole
	local log=$LOGS/lane-$1.out t0
	set -m
	(
		trap - INT TERM HUP
		t0=$(date +%s)
		eval "${LANE_RUN[$1]}"
		echo $(($(date +%s) - t0)) >"$log.took"
	) >"$log" 2>&1 </dev/null &
	LANE_PID[$1]=$!
	set +m
}

_lane_over() { # INDEX
	[ -s "$LOGS/lane-$1.out.took" ] || ! kill -0 "${LANE_PID[$1]}" 2>/dev/null
}

_lanes_show() { # GROUP: 1 when one of its lanes is not over yet
	local i sum=0 n=0
	for i in "${!LANE_GROUP[@]}"; do
		[ "${LANE_GROUP[$i]}" = "$1" ] || continue
		[ "${LANE_PID[$i]}" = over ] || return 1
		n=$((n + 1)) sum=$((sum + $(cat "$LOGS/lane-$i.out.took" 2>/dev/null || echo 0)))
	done
	echo "== $1 (side by side with others)"
	for i in "${!LANE_GROUP[@]}"; do
		[ "${LANE_GROUP[$i]}" != "$1" ] || cat "$LOGS/lane-$i.out"
	done
	echo "   $sum s in $n lanes"
}

lanes_stop() {
	local pid
	for pid in "${LANE_PID[@]}"; do
		case $pid in '' | over) ;; *) kill -TERM -- "-$pid" 2>/dev/null ;; esac
	done
}

# Runs what lane() noted; shows a group as soon as it is over.
lanes_run() {
	local i g running=0 t0 shown=" "
	[ ${#LANE_RUN[@]} -gt 0 ] || return 0
	t0=$(date +%s)
	rm -f "$LOGS"/lane-*
	# shellcheck disable=SC2046
	set -- $(for i in "${!LANE_COST[@]}"; do echo "${LANE_COST[$i]} $i"; done | sort -s -k1,1nr | cut -d' ' -f2)
	while [ $# -gt 0 ] || [ $running -gt 0 ]; do
		if [ $# -gt 0 ] && [ $running -lt "$LANES" ]; then
			_lane_start "$1"
			shift
			running=$((running + 1))
			continue
		fi
		sleep 0.2
		for i in "${!LANE_PID[@]}"; do
			case ${LANE_PID[$i]} in '' | over) continue ;; esac
			_lane_over "$i" || continue
			wait "${LANE_PID[$i]}" 2>/dev/null
			LANE_PID[$i]=over running=$((running - 1)) g=${LANE_GROUP[$i]}
			case $shown in *" $g "*) ;; *) ! _lanes_show "$g" || shown="$shown$g " ;; esac
		done
	done
	echo "   the lanes together: $(($(date +%s) - t0)) s"
	LANE_GROUP=() LANE_RUN=() LANE_COST=() LANE_PID=()
}
