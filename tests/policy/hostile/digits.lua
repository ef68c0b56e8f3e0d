-- SPDX-License-Identifier: GPL-2.0-or-later
-- Long texts read as numbers by an operator.
-- limit: error
-- says: bitwise operation on a string
return require 'common.evil' (function(call)
	local s = ('0'):rep(60000)
	while true do local _ = s | 1 end
end)
