-- SPDX-License-Identifier: GPL-2.0-or-later
-- A set as long as the subject.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	(('a'):rep(30000)):find('[' .. ('b'):rep(30000) .. ']')
end)
