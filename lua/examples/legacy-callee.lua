-- SPDX-License-Identifier: GPL-2.0-or-later
-- The callee's phone knows no data channel: the caller keeps the scene, and the ARMF draws it into
-- the video that the caller sends, which the callee sees as any other. Without video both make an
-- ordinary call.
local ar = require 'ar.policy'
local m, act = ar.match, ar.act

local none = m.outcome('dc-refused', 'none-offered')

return ar.new 'legacy-callee'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('ar call', m.any, act.accept { scene = 'default' })
	:on_answer('overlay for a legacy phone', m.all_of(none, m.offers 'video'),
		act.process { party = 'caller', media = 'video', op = 'overlay' },
		act.keep_caller())
	:on_answer('no video either', none, act.drop_caller())
