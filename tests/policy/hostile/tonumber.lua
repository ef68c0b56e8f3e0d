-- SPDX-License-Identifier: GPL-2.0-or-later
-- The same by a function.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	local s = ('0'):rep(60000)
	while true do tonumber(s) end
end)
