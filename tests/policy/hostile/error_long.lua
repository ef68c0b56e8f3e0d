-- SPDX-License-Identifier: GPL-2.0-or-later
-- An error as long as a string can be.
-- limit: error
-- says: xxx
return require 'common.evil' (function(call)
	error(('x'):rep(65000))
end)
