-- SPDX-License-Identifier: GPL-2.0-or-later
-- Sorting in C without a look at the clock.
-- limit: error
-- says: more than 16384 elements
return require 'common.evil' (function(call)
	local t = {}
	for i = 1, 20000 do t[i] = -i end
	table.sort(t)
end)
