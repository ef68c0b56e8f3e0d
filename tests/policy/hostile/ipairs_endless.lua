-- SPDX-License-Identifier: GPL-2.0-or-later
-- A list without end.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	for _ in ipairs(setmetatable({}, { __index = function(_, i) return i end })) do end
end)
