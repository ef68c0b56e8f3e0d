#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The ARMF's pipe beside FFmpeg's and GStreamer's still overlay; armf.sh CASE runs one of them.
# H264=openh264: another encoder than the default. SPLICE=1: VP8 spliced, as [armf] splice has it.
set -u
cd "$(dirname "$0")/../.." || exit 2
export BUILD=${BUILD:-$PWD/build/release}
exec python3 tests/bench/armf.py "$@"
