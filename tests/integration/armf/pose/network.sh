#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The drawn object beside the pose, and lip sync, through the whole network: SIP between two pages in
# Chromium, Kamailio with the module, rtpengine, asd, mediad (network.mjs). In a network namespace of
# its own. One line a case: ok, not ok, skip; what was measured in lines with #.
#   network.sh [CASE...]
# Environment: BUILD (build folder), KEEP (a folder for figures and logs, else removed), SPLICE ([armf]
# splice, else as it is by default).
set -u
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../../../.." && pwd)
[ -x /usr/bin/chromium ] || { echo "skip armf network: Chromium is not installed"; exit 0; }
if [ "${IMS_AR_INSIDE:-}" != 1 ]; then
	export IMS_AR_INSIDE=1
	exec unshare -n -- "$0" "$@"
fi
ip link set lo up || exit 2
# Chromium gathers no candidate on a machine whose only interface is loopback
ip link add ue0 type veth peer name ue1 && ip addr add 192.0.2.2/24 dev ue0 && ip link set ue0 up &&
	ip link set ue1 up && ip route add default via 192.0.2.1 || exit 2
# shellcheck source=scripts/stack.sh
. "$ROOT/scripts/stack.sh"
export BUILD=${BUILD:-$ROOT/build/release} WEB=1
RUN=''
cleanup() {
	[ -z "$RUN" ] || stack_down
	[ -z "$RUN" ] || [ -z "${KEEP:-}" ] || cp -r "$RUN/log" "$KEEP/"
	[ -z "$RUN" ] || rm -rf "$RUN"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
webapp_build || exit 2
stack_new ims-ar-pose two || exit 2
# one scene: the box that is looked for
sed -i "s|^scenes = .*|scenes = $ROOT/tests/integration/armf/pose/scenes|" "$RUN/mediad.conf"
sed -i "s|scene = 'default'|scene = 'box'|" "$RUN/policy.lua"
[ -z "${SPLICE:-}" ] || sed -i "s|^\[armf\]|&\nsplice = $SPLICE|" "$RUN/mediad.conf"
if ! stack_up; then
	echo "not ok armf network: the network did not come up"
	tail -5 "$RUN"/log/*.log
	exit 1
fi
export TMPDIR=$RUN # of Chromium's profiles too
timeout 400 node "$ROOT/tests/integration/armf/pose/network.mjs" "$RUN" "${KEEP:-$RUN/out}" "$@"
rc=$?
if grep -nE 'AddressSanitizer|runtime error:|segfault|core dumped' "$RUN"/log/*.log; then
	echo "not ok armf network: a log shows a fault"
	rc=1
fi
exit $rc
