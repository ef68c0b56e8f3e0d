-- SPDX-License-Identifier: GPL-2.0-or-later
-- Which of mediad's networks each side is given: UEs of the access network reach it inside, the
-- others over the border. Test equipment may not make AR calls.
local ar = require 'ar.policy'
local m, act = ar.match, ar.act

return ar.new 'networks'
	:rule('test equipment', m.source('198.51.100.0/24', '2001:db8:bad::/48'),
		act.deny(403, 'Not from here'))
	:rule('inside', m.source('192.0.2.0/24', '2001:db8:1::/48'),
		act.accept { network = { caller = 'access', callee = 'access' } })
	:rule('from a partner', m.role 'terminating',
		act.accept { network = { caller = 'border', callee = 'access' } })
	:rule('to a partner', m.any, act.accept { network = { caller = 'access', callee = 'border' } })
