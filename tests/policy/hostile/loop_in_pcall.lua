-- SPDX-License-Identifier: GPL-2.0-or-later
-- pcall cannot catch the end.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	while true do pcall(function() while true do end end) end
end)
