-- SPDX-License-Identifier: GPL-2.0-or-later
-- Calls to a number of these rooms meet in one scene: a meeting of up to ten, and one for each team
-- that a map names. Who comes too late is told that the room is full; a team's call goes on as an
-- ordinary one instead.
local ar, lists = require 'ar.policy', require 'ar.lists'
local m, act = ar.match, ar.act

local teams = lists.map 'lists/teams.map'

return ar.new 'rooms'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('meeting', m.callee('+4930900', 'meeting@ims.example'), act.accept {
		scene = 'tabletop', application = 'pointer', share = 'meeting',
		limits = { max_participants = 10 }, full = 486,
	})
	:rule('team', m.caller_has(teams), function(call)
		return act.accept {
			scene = 'tabletop',
			share = 'team-' .. teams:party(call.caller.user, call.caller.host),
			limits = { max_participants = 20 },
		}
	end)
	:rule('two of them', m.any, act.accept { scene = 'tabletop' })
