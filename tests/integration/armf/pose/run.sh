#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Is the object drawn where the pose puts it? Two real Chromium pages, mediad and its media processors,
# driven over Nmf_MRM (e2e.mjs), in a network namespace of its own. One line a case: ok, not ok, skip;
# what was measured in lines with #.
#   run.sh [CASE...]
# Environment: BUILD (build folder), KEEP (a folder for pictures and figures, else removed), SPLICE ([armf]
# splice, else as it is by default), FEC (0: without parity).
set -u
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../../../.." && pwd)
export BUILD=${BUILD:-$ROOT/build/release}
[ -x /usr/bin/chromium ] || { echo "skip armf pose: Chromium is not installed"; exit 0; }
[ -x "$BUILD/mediad/mediad-armf" ] || { echo "not ok armf pose: $BUILD/mediad/mediad-armf is not built"; exit 1; }
if [ "${IMS_AR_INSIDE:-}" != 1 ]; then
	export IMS_AR_INSIDE=1
	exec unshare -n -- "$0" "$@"
fi
ip link set lo up || exit 2
# Chromium gathers no candidate on a machine whose only interface is loopback
ip link add ue0 type veth peer name ue1 && ip addr add 192.0.2.2/24 dev ue0 && ip link set ue0 up &&
	ip link set ue1 up && ip route add default via 192.0.2.1 || exit 2
TMP=$(mktemp -d "${TMPDIR:-/tmp}/ims-ar-pose.XXXXXX")
trap 'rm -rf "$TMP"' EXIT
export TMPDIR=$TMP # of Chromium's profile too
timeout 600 node "$ROOT/tests/integration/armf/pose/e2e.mjs" "$BUILD" "${KEEP:-$TMP/out}" "$@"
rc=$?
[ $rc != 124 ] || echo "not ok armf pose: not over within 600 s"
exit $rc
