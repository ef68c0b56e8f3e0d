-- SPDX-License-Identifier: GPL-2.0-or-later
-- Close to the limit all the time.
-- limit: nomem
-- says: memory limit
-- instructions: off
-- also: timeout
return require 'common.evil' (function(call)
	local t, n = {}, 0
	while true do
		pcall(function()
			for _ = 1, 100 do n = n + 1; t[n % 40000 + 1] = { {}, {} } end
		end)
	end
end)
