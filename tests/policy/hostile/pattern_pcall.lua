-- SPDX-License-Identifier: GPL-2.0-or-later
-- The matcher, its error caught, again and again.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	while true do pcall(string.find, ('a'):rep(2000), '.-.-.-b') end
end)
