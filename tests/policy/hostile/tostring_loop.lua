-- SPDX-License-Identifier: GPL-2.0-or-later
-- A loop in __tostring.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	tostring(setmetatable({}, { __tostring = function() while true do end end }))
end)
