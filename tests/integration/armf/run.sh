#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two real Chromium pages joined by mediad's media of type AR, driven by Nmf_MRM alone (run.mjs).
# In a network namespace of its own. Environment: BUILD (build folder), CHROMIUM.
#   run.sh [NAME-FILTER]
set -u
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../../.." && pwd)
if [ "${IMS_AR_INSIDE:-}" != 1 ]; then
	export IMS_AR_INSIDE=1
	exec unshare -n -- "$0" "$@"
fi
ip link set lo up || exit 2
# Chromium gathers no candidate on a machine whose only interface is loopback
ip link add ue0 type veth peer name ue1 && ip addr add 192.0.2.2/24 dev ue0 && ip link set ue0 up &&
	ip link set ue1 up && ip route add default via 192.0.2.1 || exit 2
export BUILD=${BUILD:-$ROOT/build/release} ROOT
node "$ROOT/tests/integration/armf/run.mjs" "$@"
