-- SPDX-License-Identifier: GPL-2.0-or-later
-- Long captures compared at every position.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	while true do (('a'):rep(60000)):find('^(.-)%1%1%1b') end
end)
