-- SPDX-License-Identifier: GPL-2.0-or-later
-- A log line for ever.
-- limit: timeout
-- says: instructions reached
-- instructions: 10000
return require 'common.evil' (function(call)
	local ar = require 'ar.policy'
	while true do ar.log(('x'):rep(1000)) end
end)
