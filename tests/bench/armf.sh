#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The ARMF's pipe beside FFmpeg's and GStreamer's still overlay; armf.sh CASE runs one of them.
# VP8 is spliced as by default; SPLICE=0: VP8 alone, coded again. H264=openh264: another encoder.
set -u
cd "$(dirname "$0")/../.." || exit 2
export BUILD=${BUILD:-$PWD/build/release}
exec python3 tests/bench/armf.py "$@"
