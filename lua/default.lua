-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- The default policy, installed as /etc/ims-ar/policy.lua: every AR call gets the default scene.
-- The camera of a caller that cannot draw goes through the ARMF, which draws the scene into its
-- picture; all other media go end to end. docs/policy.md shows what else a policy can say.
--
--	asd --check /etc/ims-ar/policy.lua	is it right?
--	kamcmd ims_ar.reload			use it from the next call on

local ar = require 'ar.policy'
local m, act = ar.match, ar.act

return ar.new('default', { api = 1 })
	:rule('emergency call', m.emergency(), act.plain())
	:rule('no data channel in the offer', m.no(m.offers 'datachannel'), act.plain())
	:rule('caller cannot draw', m.all_of(m.caller_is 'ar-assisted', m.offers 'video'),
		act.process { party = 'caller', media = 'video', op = 'overlay' })
	:rule('ar call', m.any, act.accept { scene = 'default' })
	-- The callee has no data channel: an ordinary call for both. With act.keep_caller() the
	-- caller would keep the scene to itself.
	:on_answer('callee without data channel', m.outcome('dc-refused', 'none-offered'),
		act.drop_caller())
	:selftest {
		{ name = 'an AR call', call = {}, expect = { action = 'ar', scene = 'default' } },
		{ name = 'a caller that cannot draw',
			call = { media = { 'audio', 'video', 'datachannel' },
				caller = { uri = 'sip:alice@ims.example',
					caps = { 'datachannel', 'ar-assisted' } } },
			expect = { action = 'ar', process = { { party = 'caller', media = 'video',
				op = 'overlay' } } } },
		{ name = 'an ordinary call', call = { media = { 'audio' }, channels = {} },
			expect = { action = 'plain' } },
		{ name = 'an emergency call', call = { callee = 'urn:service:sos.fire' },
			expect = { action = 'plain', rule = 'emergency call' } },
	}
