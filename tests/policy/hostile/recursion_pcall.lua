-- SPDX-License-Identifier: GPL-2.0-or-later
-- The same, caught at every level.
-- limit: nomem
-- says: memory limit
-- also: timeout
return require 'common.evil' (function(call)
	local function f(n) pcall(f, n + 1); return 1 + f(n + 1) end
	return f(1)
end)
