#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The interoperability matrix against four real WebRTC stacks (run.mjs), its lines as ok / not ok /
# skip. In a network namespace of its own. Environment: BUILD (build folder).
set -u
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
if [ "${IMS_AR_INSIDE:-}" != 1 ]; then
	export IMS_AR_INSIDE=1
	exec unshare -n -- "$0" "$@"
fi
ip link set lo up || exit 2
# Chromium gathers no candidate on a machine whose only interface is loopback
ip link add ue0 type veth peer name ue1 && ip addr add 192.0.2.2/24 dev ue0 && ip link set ue0 up &&
	ip link set ue1 up && ip route add default via 192.0.2.1 || exit 2
ip -6 addr add 2001:db8::2/64 dev ue0 nodad && ip -6 route add default via 2001:db8::1 dev ue0 ||
	exit 2
BUILD=${BUILD:-$ROOT/build/release}
set -o pipefail
node "$ROOT/tests/interop/run.mjs" "$BUILD/tests/interop/dc_echo" "$@" |
	sed -uE 's/^(ok|pass|PASS)( +)/ok interop: /; s/^FAIL +/not ok interop: /; s/^(skip|SKIP) +/skip interop: /'
