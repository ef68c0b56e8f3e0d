-- SPDX-License-Identifier: GPL-2.0-or-later
-- An endless loop in a callback of gsub.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	('x'):gsub('x', function() while true do end end)
end)
