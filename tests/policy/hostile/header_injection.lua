-- SPDX-License-Identifier: GPL-2.0-or-later
-- A header out of a stranger's text, with more headers in it.
-- limit: badverdict
-- says: character that is not allowed
local ar = require 'ar.policy'
local h = ar.act.header('X-User', 'x')
return ar.new 'hostile'
	:rule('evil', function(call)
		if call.caller.user == 'evil' then
			h.headers[1].value = 'a\r\nVia: SIP/2.0/UDP evil'
			return true
		end
		return false
	end, h)
	:rule('rest', ar.match.any, ar.act.accept {})
