-- SPDX-License-Identifier: GPL-2.0-or-later
-- A header for the next hop, the caller of a complaint traced, and figures for the call record.
local ar = require 'ar.policy'
local m, act = ar.match, ar.act

return ar.new 'record'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('mark', m.any, act.header('X-AR-Service', 'scene=default'))
	:rule('complaint 4711', m.caller '+4930123*', act.trace())
	:rule('ar call', m.any, act.accept { scene = 'default' })
	:on_end(function(call)
		local e = call.ended
		if e.action ~= 'ar' then return nil end
		return {
			caller = call.caller.user, rule = e.rule, seconds = e.seconds,
			poses_per_second = e.seconds > 0 and e.poses // e.seconds or 0,
			silent = e.poses == 0,
		}
	end)
