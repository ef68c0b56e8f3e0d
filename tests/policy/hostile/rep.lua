-- SPDX-License-Identifier: GPL-2.0-or-later
-- string.rep of a gigabyte.
-- limit: error
-- says: result over
return require 'common.evil' (function(call)
	('x'):rep(1000000000)
end)
