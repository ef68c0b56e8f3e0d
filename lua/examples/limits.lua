-- SPDX-License-Identifier: GPL-2.0-or-later
-- At most two AR calls a subscriber, none when every media function is busy, and a bound on each.
local ar = require 'ar.policy'
local m, act = ar.match, ar.act

return ar.new 'limits'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('two calls a subscriber', m.caller_has_calls(2),
		act.deny(486, 'Two AR calls already'))
	:rule('media functions busy', m.load_above(85), act.plain())
	:rule('too many calls in all', m.total_calls(10000), act.plain())
	:rule('ar call', m.any, act.accept {
		scene = 'default', dcmf = 'least-loaded',
		limits = { max_seconds = 3600, max_kbps = 2000, max_pose_hz = 60, max_nodes = 500 },
	})
