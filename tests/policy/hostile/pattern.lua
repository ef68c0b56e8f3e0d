-- SPDX-License-Identifier: GPL-2.0-or-later
-- The classic: cubic time in one call of string.find.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	(('a'):rep(2000)):find('.-.-b')
end)
