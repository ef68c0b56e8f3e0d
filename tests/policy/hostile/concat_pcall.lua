-- SPDX-License-Identifier: GPL-2.0-or-later
-- The same, caught.
-- limit: nomem
-- says: memory limit
return require 'common.evil' (function(call)
	local s = 'x'
	while true do pcall(function() s = s .. s end) end
end)
