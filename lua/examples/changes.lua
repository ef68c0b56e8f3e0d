-- SPDX-License-Identifier: GPL-2.0-or-later
-- Inside a call: only the caller may add video, and only where its network renders nothing; any
-- other change is decided by the ordinary rules.
local ar = require 'ar.policy'
local m, act = ar.match, ar.act

return ar.new 'changes'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('ar call', m.any, act.accept { scene = 'default' })
	:on_change('video by the callee', m.all_of(m.by_callee, m.offers 'video'),
		act.deny(488, 'Video is for the caller to add'))
	:on_change('data channel given up', m.no(m.offers 'datachannel'), act.plain())
