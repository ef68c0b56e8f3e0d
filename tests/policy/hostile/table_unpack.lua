-- SPDX-License-Identifier: GPL-2.0-or-later
-- A stack of a million values.
-- limit: error
-- says: more than 256 values
return require 'common.evil' (function(call)
	return table.unpack({}, 1, 1000000)
end)
