-- SPDX-License-Identifier: GPL-2.0-or-later
-- The ARMF renders for a phone that cannot (ar-assisted, TS 26.264), and only for that phone.
local ar = require 'ar.policy'
local m, act = ar.match, ar.act

local function render(party)
	return act.process { party = party, media = 'video', by = 'armf', op = 'split-render',
		codec = 'H264', max_kbps = 4000 }
end

return ar.new 'capability'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('assisted caller', m.all_of(m.caller_is 'ar-assisted', m.offers 'video'), render 'caller')
	:rule('ar call', m.any, act.accept { scene = 'shared-room', dcmf = 'nearest' })
	-- What the callee can is known with its answer.
	:on_answer('assisted callee', m.outcome 'ar-assisted', render 'callee')
