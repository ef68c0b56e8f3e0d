-- SPDX-License-Identifier: GPL-2.0-or-later
-- Many of them, each catching errors.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	local mt = {}
	local one, two = setmetatable({}, mt), setmetatable({}, mt)
	mt.__close = function() while true do pcall(function() while true do end end) end end
	local a <close> = one
	local b <close> = two
	while true do end
end)
