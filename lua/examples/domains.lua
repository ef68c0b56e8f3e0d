-- SPDX-License-Identifier: GPL-2.0-or-later
-- AR calls with our own domain and with partners; with everyone else an ordinary call. Callers that
-- the network has not asserted are not believed.
local ar, lists = require 'ar.policy', require 'ar.lists'
local m, act = ar.match, ar.act

local partners = lists.file 'lists/partners.list'

return ar.new 'domains'
	:rule('emergency', m.emergency('110', '112', '911'), act.plain())
	:rule('not asserted', m.no(m.asserted), act.deny(403, 'Identity required'))
	:rule('foreign caller', m.no(m.caller_in(partners)), act.plain())
	:rule('foreign callee', m.no(m.callee_in(partners)), act.plain())
	:rule('own subscribers among themselves',
		m.all_of(m.caller '@ims.example', m.callee '@ims.example'),
		act.accept { scene = 'campus' })
	:rule('partners', m.any, act.accept { scene = 'default' })
