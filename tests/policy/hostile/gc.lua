-- SPDX-License-Identifier: GPL-2.0-or-later
-- A finalizer runs without hooks.
-- limit: error
-- says: __gc are not allowed
return require 'common.evil' (function(call)
	setmetatable({}, { __gc = function() while true do end end })
end)
