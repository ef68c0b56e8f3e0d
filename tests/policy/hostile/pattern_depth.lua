-- SPDX-License-Identifier: GPL-2.0-or-later
-- More recursion than the C stack should take.
-- limit: error
-- says: pattern too complex
return require 'common.evil' (function(call)
	(('a'):rep(1000)):find(('a?'):rep(1000) .. 'b')
	;(('a'):rep(1000)):find(('(a'):rep(20) .. ('a-'):rep(300))
end)
