-- SPDX-License-Identifier: GPL-2.0-or-later
-- A value for each character of a long string.
-- limit: error
-- says: more than 256 values
return require 'common.evil' (function(call)
	utf8.codepoint(('x'):rep(60000), 1, -1)
end)
