-- SPDX-License-Identifier: GPL-2.0-or-later
-- %b from every position.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	(('('):rep(60000)):gsub('%b()', '')
	while true do (('('):rep(60000)):find('%b()') end
end)
