-- SPDX-License-Identifier: GPL-2.0-or-later
-- The same with a separator.
-- limit: error
-- says: result over
return require 'common.evil' (function(call)
	('x'):rep(100000, ('y'):rep(60000))
end)
