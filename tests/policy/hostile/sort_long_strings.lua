-- SPDX-License-Identifier: GPL-2.0-or-later
-- Comparisons that each take long.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	local a, t = ('a'):rep(60000), {}
	for i = 1, 16000 do t[i] = a end
	while true do table.sort(t) end
end)
