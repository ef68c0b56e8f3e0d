-- SPDX-License-Identifier: GPL-2.0-or-later
-- The most expensive formats.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
-- also: nomem
return require 'common.evil' (function(call)
	local f = ('%99.99f'):rep(100)
	local t = {}
	for i = 1, 100 do t[i] = 1.7e308 end
	while true do string.format(f, table.unpack(t)) end
end)
