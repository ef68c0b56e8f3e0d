#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every Lua file that we ship compiles. One at a time: Debian's luac aborts on two with -p.
cd "$(dirname "$0")/../.." || exit 2
git ls-files -co --exclude-standard 'lua/*.lua' | xargs -rn1 luac5.4 -p
