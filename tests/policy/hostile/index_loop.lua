-- SPDX-License-Identifier: GPL-2.0-or-later
-- An __index chain that ends in itself.
-- limit: error
-- says: loop
return require 'common.evil' (function(call)
	local t = {}
	setmetatable(t, { __index = t })
	return t.x
end)
