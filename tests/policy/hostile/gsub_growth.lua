-- SPDX-License-Identifier: GPL-2.0-or-later
-- A small pattern, a huge result.
-- limit: nomem
-- says: memory limit
return require 'common.evil' (function(call)
	(('a'):rep(60000)):gsub('a', ('b'):rep(60000))
end)
