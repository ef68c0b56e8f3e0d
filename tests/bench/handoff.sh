#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the hand-off costs: CPU of Kamailio per AR call beside a plain t_relay of the same call, in one
# run, the two in turns. BUILD (default build/release); ROUNDS, CALLS (a round), RATE (calls/s).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
BUILD=${BUILD:-$here/../../build/release}
export BUILD
if [ "$(id -u)" = 0 ]; then
	exec unshare -n -p -m -f --kill-child --mount-proc sh -c 'ip link set lo up && exec python3 "$1"' sh "$here/handoff.py"
fi
exec python3 "$here/handoff.py"
