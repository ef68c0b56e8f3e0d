-- SPDX-License-Identifier: GPL-2.0-or-later
-- An endless loop under a C function that cannot be yielded across.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	table.sort({ 3, 2, 1 }, function() while true do end end)
end)
