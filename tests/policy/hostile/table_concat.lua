-- SPDX-License-Identifier: GPL-2.0-or-later
-- A large result from few strings.
-- limit: nomem
-- says: memory limit
-- also: timeout
return require 'common.evil' (function(call)
	local t = {}
	for i = 1, 1000 do t[i] = ('x'):rep(60000) end
	return table.concat(t)
end)
