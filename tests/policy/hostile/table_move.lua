-- SPDX-License-Identifier: GPL-2.0-or-later
-- A million million assignments in C.
-- limit: error
-- says: more than 16384 elements
return require 'common.evil' (function(call)
	table.move({}, 1, 1000000000000, 2)
end)
