-- SPDX-License-Identifier: GPL-2.0-or-later
-- string.rep of nothing, a million million times.
-- limit: error
-- says: result over
return require 'common.evil' (function(call)
	(''):rep(1000000000000)
end)
