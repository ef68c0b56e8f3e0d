-- SPDX-License-Identifier: GPL-2.0-or-later
-- A full hash that is rebuilt at every insertion.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
-- also: nomem
return require 'common.evil' (function(call)
	local t, n = {}, 32768
	for i = 1, n do t[i + 0.5] = true end
	local i = 1
	while true do
		t[i + 0.5] = nil
		t[i + n + 0.5] = true
		i = i + 1
	end
end)
