-- SPDX-License-Identifier: GPL-2.0-or-later
-- The same, stopped by the clock alone.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	while true do end
end)
