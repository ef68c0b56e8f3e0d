-- SPDX-License-Identifier: GPL-2.0-or-later
-- State that grows with every call: the call is answered, the limit holds.
-- limit: nomem
-- says: memory limit
-- calls: 20
local ar = require 'ar.policy'
local kept = {}
return ar.new 'hostile'
	:rule('evil', function(call)
		if call.caller.user ~= 'evil' then
			kept = {}
			return false
		end
		for _ = 1, 20000 do kept[#kept + 1] = { #kept } end
		return true
	end, ar.act.plain())
	:rule('rest', ar.match.any, ar.act.accept {})
