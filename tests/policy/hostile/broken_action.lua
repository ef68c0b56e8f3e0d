-- SPDX-License-Identifier: GPL-2.0-or-later
-- An action changed after it was checked.
-- limit: badverdict
-- says: scene must be a string
local ar = require 'ar.policy'
local a = ar.act.accept { scene = 'x' }
return ar.new 'hostile'
	:rule('evil', function(call)
		if call.caller.user == 'evil' then a.final.scene = {} else a.final.scene = 'x' end
		return call.caller.user == 'evil'
	end, a)
	:rule('rest', ar.match.any, ar.act.accept {})
