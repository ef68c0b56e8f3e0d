-- SPDX-License-Identifier: GPL-2.0-or-later
-- Everything shifted at every insertion.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
-- also: nomem
return require 'common.evil' (function(call)
	local t = {}
	while true do table.insert(t, 1, true) end
end)
