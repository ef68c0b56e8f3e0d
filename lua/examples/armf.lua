-- SPDX-License-Identifier: GPL-2.0-or-later
-- The media function works for those who cannot do it themselves (steps 12 and 13). A caller that
-- is ar-assisted gets the scene drawn into the video that it sends, at its pose, so that the callee
-- sees it too; a callee that is ar-assisted is sent the rendered view. All else goes end to end.
local ar = require 'ar.policy'
local m, act = ar.match, ar.act

local with_video = m.offers 'video'
local overlay = act.process { party = 'caller', media = 'video', by = 'armf', op = 'overlay',
	max_kbps = 3000 }

return ar.new 'armf'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('assisted caller', m.all_of(m.caller_is 'ar-assisted', with_video), overlay)
	-- A recorder wants all media at one place, as they are.
	:rule('recorded line', m.all_of(m.callee '+4930110*', m.offers 'audio'),
		act.process { party = 'both', media = 'audio', op = 'relay' })
	:rule('ar call', m.any, act.accept { scene = 'default' })
	:on_answer('assisted callee', m.all_of(m.outcome 'ar-assisted', with_video),
		act.process { party = 'callee', media = 'video', by = 'armf', op = 'split-render',
			codec = 'H264' })
