-- SPDX-License-Identifier: GPL-2.0-or-later
-- Two equal long strings compared for ever.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	local a, b = ('a'):rep(60000), ('a'):rep(60000)
	while true do local _ = a < b, a == b end
end)
