-- SPDX-License-Identifier: GPL-2.0-or-later
-- Nor can many of them.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	local function deep(n)
		while true do pcall(n > 0 and deep or error, n - 1) end
	end
	deep(50)
end)
