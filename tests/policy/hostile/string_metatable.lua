-- SPDX-License-Identifier: GPL-2.0-or-later
-- Poisoning every later call through the strings.
-- limit: error
-- says: attempt to index a boolean
return require 'common.evil' (function(call)
	getmetatable('').__index = function() return 'poison' end
end)
