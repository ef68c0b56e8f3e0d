-- SPDX-License-Identifier: GPL-2.0-or-later
-- A call kept for later.
-- limit: error
-- says: was decided before
local ar = require 'ar.policy'
local kept
return ar.new 'hostile'
	:rule('evil', function(call)
		if call.caller.user == 'evil' then return kept.calls_total end
		kept = call
	end, ar.act.plain())
	:rule('rest', ar.match.any, ar.act.accept {})
