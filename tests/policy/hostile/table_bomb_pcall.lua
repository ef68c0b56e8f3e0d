-- SPDX-License-Identifier: GPL-2.0-or-later
-- A collection at every refused table, each refusal caught.
-- limit: nomem
-- says: memory limit
return require 'common.evil' (function(call)
	local t, n = {}, 0
	while true do
		pcall(function()
			while true do n = n + 1; t[n] = { n } end
		end)
	end
end)
