#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The ARMF seen by real Chromium at 360p: from a pose to the first picture shown that has it, how far
# from its place an object is drawn while the head turns, a bad line, a link that becomes slow (beside
# Chromium alone on such a link). Wants an idle machine. POSE_LOG: what the cases printed when they ran
# a moment ago (check.sh), not to run them twice.
set -u
cd "$(dirname "$0")/../.." || exit 2
export BUILD=${BUILD:-$PWD/build/release}
if [ -n "${POSE_LOG:-}" ] && [ "$(grep -cE '^# (latency|turning|orbiting|loss|drop|drop-peer-to-peer) ' "$POSE_LOG")" = 6 ]; then
	out=$(cat "$POSE_LOG")
else
	out=$(tests/integration/armf/pose/run.sh latency turning loss drop) || { echo "$out" | tail -5; exit 1; }
fi
sed -n 's/^# \(latency\|turning\|orbiting\|loss\|drop\|drop-peer-to-peer\) /bench chromium_\1 /p' <<<"$out"
