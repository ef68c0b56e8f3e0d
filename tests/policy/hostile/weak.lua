-- SPDX-License-Identifier: GPL-2.0-or-later
-- Weak tables make a collection quadratic.
-- limit: error
-- says: __mode are not allowed
return require 'common.evil' (function(call)
	setmetatable({}, { __mode = 'k' })
end)
