-- SPDX-License-Identifier: GPL-2.0-or-later
-- A step over the holes of a large table that was emptied.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	local t = {}
	for i = 1, 60000 do t[i] = true end
	for i = 1, 60000 do t[i] = nil end
	while true do next(t) end
end)
