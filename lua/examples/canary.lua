-- SPDX-License-Identifier: GPL-2.0-or-later
-- A tenth of the calls tries the new application on a media function of its own, traced; testers
-- always do.
local ar = require 'ar.policy'
local m, act = ar.match, ar.act

return ar.new 'canary'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('tester', m.caller('tester*@ims.example', 'qa@ims.example'), act.trace(),
		act.accept { scene = 'next', application = 'shared-scene-2', dcmf = 'canary' })
	:rule('a tenth', m.share(10),
		act.accept { scene = 'next', application = 'shared-scene-2', dcmf = 'canary' })
	:rule('the rest', m.any, act.accept { scene = 'default' })
