#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# 50 participants in one scene, and one that joins with 10 MB to load, over the real transport.
# Environment: BUILD (default build/release), SECONDS_EACH.
cd "$(dirname "$0")/../.." || exit 2
exec python3 tests/bench/room.py "${BUILD:-build/release}"
