-- SPDX-License-Identifier: GPL-2.0-or-later
-- A value for each byte of a long string.
-- limit: error
-- says: more than 256 values
return require 'common.evil' (function(call)
	(('x'):rep(60000)):byte(1, -1)
end)
