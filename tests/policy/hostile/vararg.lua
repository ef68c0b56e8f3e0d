-- SPDX-License-Identifier: GPL-2.0-or-later
-- Arguments that double up to the stack, copied for ever.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
-- also: nomem
return require 'common.evil' (function(call)
	local function copy(...) while true do select('#', ...) end end
	local function grow(n, ...)
		if n == 0 then return copy(...) end
		return grow(n - 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, ...)
	end
	grow(100, table.unpack({}, 1, 256))
end)
