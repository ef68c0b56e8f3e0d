-- SPDX-License-Identifier: GPL-2.0-or-later
-- Replacements out of an endless __index.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	local t = setmetatable({}, { __index = function() while true do end end })
	;('x'):gsub('.', t)
end)
