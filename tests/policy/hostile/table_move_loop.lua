-- SPDX-License-Identifier: GPL-2.0-or-later
-- As many as are allowed, for ever.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	local t = {}
	while true do table.move(t, 1, 16000, 2) end
end)
