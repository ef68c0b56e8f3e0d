-- SPDX-License-Identifier: GPL-2.0-or-later
-- An error whose text would run code outside the limits.
-- limit: error
-- says: (the error is a table)
return require 'common.evil' (function(call)
	error(setmetatable({}, { __tostring = function() while true do end end }))
end)
