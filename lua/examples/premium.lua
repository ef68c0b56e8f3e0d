-- SPDX-License-Identifier: GPL-2.0-or-later
-- What a subscriber has bought is a fact that asd has looked up before the decision. When the
-- look-up fails, the caller gets the ordinary service, and the log says so.
local ar = require 'ar.policy'
local m, act = ar.match, ar.act

local accept_basic = act.accept { scene = 'default', limits = { max_kbps = 1000 } }

local function basic(call)
	if call.facts.tier == false then ar.log('tier of ' .. call.caller.user .. ' is not known') end
	return accept_basic
end

return ar.new 'premium'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('barred', m.fact('tier', 'none'), act.deny(403, 'AR calls are not subscribed'))
	:rule('premium', m.fact('tier', 'premium'), act.accept { scene = 'shared-room',
		application = 'shared-scene', limits = { max_kbps = 8000 } })
	:rule('basic', m.any, basic)
