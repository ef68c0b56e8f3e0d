-- SPDX-License-Identifier: GPL-2.0-or-later
-- The same hidden behind __index.
-- limit: error
-- says: table with a metatable
return require 'common.evil' (function(call)
	table.move(setmetatable({}, { __index = function() return 1 end }), 1, 60000, 2, {})
end)
