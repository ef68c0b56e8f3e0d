-- SPDX-License-Identifier: GPL-2.0-or-later
-- The application the UE asks for (a=3gpp-req-app) chooses scene and script; avatars and channels
-- that we do not serve go end to end.
local ar = require 'ar.policy'
local m, act = ar.match, ar.act

return ar.new 'applications'
	:rule('nothing of ours', m.no(m.offers('mpeg-sd', '3gpp-ar-metadata')), act.plain())
	:rule('remote help', m.app 'urn:example:remote-help*',
		act.accept { scene = 'workbench', application = 'remote-help' })
	:rule('avatar call', m.any_of(m.reason 'avatar', m.offers '3gpp-ar-animation'),
		act.accept { scene = 'stage', application = 'avatars' })
	:rule('split rendering', m.offers '3gpp-sr-*',
		act.process { party = 'caller', media = 'video', op = 'split-render' },
		act.accept { scene = 'default' })
	:rule('anything else', m.class 'ar', act.accept { scene = 'default' })
	:rule('a data channel, but not AR', m.any, act.plain())
