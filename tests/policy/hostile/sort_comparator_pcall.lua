-- SPDX-License-Identifier: GPL-2.0-or-later
-- The same, each error caught by the comparator and outside.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	while true do
		pcall(table.sort, { 5, 3, 2, 1, 4 }, function(a, b)
			pcall(function() while true do end end)
			return a < b
		end)
	end
end)
