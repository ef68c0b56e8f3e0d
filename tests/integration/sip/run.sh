#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# SIPp calls through a real Kamailio with the module: run.sh [--list] [--lane I/N] [scenario...]
# With --lane the I-th of N parts: together they are all, and may run at the same time.
# Against a P-CSCF of your own: run.sh --pcscf ADDRESS[:PORT] --users USERS.csv (shapes.py says more).
#
# Prints `ok NAME ms` or `not ok NAME reason` a line; fails when one failed. As root in network and
# process namespaces of its own: whatever happens, no process stays. Environment: BUILD (default
# build/debug), ASD=fake|real (default both, where asd and mediad are built), KEEP=1 leaves the run
# folders, LOOP=1 adds the 1,000 call loops, RTPENGINE=0 leaves out those with rtpengine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../.."
for a; do
	case $a in --pcscf | --pcscf=* | --users | --users=*) exec python3 "$here/shapes.py" "$@" ;; esac
done
case " $* " in *" --list "*) exec python3 "$here/run.py" --list ;; esac
BUILD=${BUILD:-build/debug}
export BUILD
if [ "$(id -u)" = 0 ] && [ -z "${SIP_IN_NETNS:-}" ]; then
	SIP_IN_NETNS=1
	export SIP_IN_NETNS
	exec unshare -n -p -m -f --kill-child --mount-proc sh -c 'ip link set lo up && exec "$@"' sh python3 "$here/run.py" "$@"
fi
exec python3 "$here/run.py" "$@"
