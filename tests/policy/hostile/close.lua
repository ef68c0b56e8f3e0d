-- SPDX-License-Identifier: GPL-2.0-or-later
-- A to-be-closed variable that never closes, run when the coroutine is abandoned.
-- limit: error
-- says: away
-- instructions: off
-- also: timeout
return require 'common.evil' (function(call)
	local mt = {}
	local object = setmetatable({}, mt)
	mt.__close = function() while true do end end
	local guard <close> = object
	error('away')
end)
