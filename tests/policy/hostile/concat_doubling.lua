-- SPDX-License-Identifier: GPL-2.0-or-later
-- A string that doubles.
-- limit: nomem
-- says: memory limit
return require 'common.evil' (function(call)
	local s = 'x'
	while true do s = s .. s end
end)
