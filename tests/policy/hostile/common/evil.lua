-- SPDX-License-Identifier: GPL-2.0-or-later
-- A policy that does what it is given when the caller is "evil", and is a good one otherwise.
local ar = require 'ar.policy'

return function(evil)
	return ar.new 'hostile'
		:rule('evil', function(call)
			if call.caller.user == 'evil' then evil(call) end
			return false
		end, ar.act.plain())
		:rule('rest', ar.match.any, ar.act.accept { scene = 'default' })
end
