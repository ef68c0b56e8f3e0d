-- SPDX-License-Identifier: GPL-2.0-or-later
-- A stack without end.
-- limit: nomem
-- says: memory limit
return require 'common.evil' (function(call)
	local function f(n) return 1 + f(n + 1) end
	return f(1)
end)
