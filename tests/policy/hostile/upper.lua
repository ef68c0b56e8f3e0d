-- SPDX-License-Identifier: GPL-2.0-or-later
-- Plain linear library calls on the longest strings.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
-- also: nomem
return require 'common.evil' (function(call)
	local s = ('a'):rep(65000)
	while true do s:upper() end
end)
