-- SPDX-License-Identifier: GPL-2.0-or-later
-- A string over 64 KiB, though there is memory for it: every instruction stays short.
-- limit: nomem
-- says: memory limit
return require 'common.evil' (function(call)
	local s = ('x'):rep(60000)
	return #(s .. s)
end)
