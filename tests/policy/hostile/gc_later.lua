-- SPDX-License-Identifier: GPL-2.0-or-later
-- A finalizer put into the metatable afterwards does nothing.
-- limit: none
-- says: 
return require 'common.evil' (function(call)
	local mt = {}
	for _ = 1, 1000 do setmetatable({}, mt) end
	mt.__gc = function() while true do end end
end)
