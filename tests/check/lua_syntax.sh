#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every Lua file that we ship compiles (one at a time: Debian's luac aborts on two with -p), and those
# of the policy use nothing that its sandbox does not have.
cd "$(dirname "$0")/../.." || exit 2
git ls-files -co --exclude-standard 'lua/*.lua' | xargs -rn1 luac5.4 -p || exit 1
luacheck --no-color -q --config lua/.luacheckrc lua/ar lua/default.lua lua/examples || exit 1
# ... and it does tell
for bad in 'return io.open "x"' 'x = 1' 'string.dump(print)' 'return coroutine' 'rawset({}, 1, 2)'; do
	! echo "$bad" | luacheck -q --config lua/.luacheckrc - >/dev/null || { echo "luacheck takes: $bad"; exit 1; }
done
