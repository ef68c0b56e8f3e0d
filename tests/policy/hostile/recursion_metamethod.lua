-- SPDX-License-Identifier: GPL-2.0-or-later
-- Recursion through a metamethod called by C.
-- limit: error
-- says: C stack overflow
return require 'common.evil' (function(call)
	local t = setmetatable({}, {})
	getmetatable(t).__index = function(_, k) return tostring(t) .. t[k] end
	getmetatable(t).__tostring = function() return tostring(t) end
	return tostring(t)
end)
