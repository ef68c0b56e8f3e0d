-- SPDX-License-Identifier: GPL-2.0-or-later
-- Exponential, on a short subject.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	(('a'):rep(40)):match('a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?' ..
		('a'):rep(30) .. 'b')
	;(('a'):rep(256)):find('.-.-.-.-b')
end)
