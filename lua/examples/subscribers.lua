-- SPDX-License-Identifier: GPL-2.0-or-later
-- Listed subscribers are blocked always, everyone but staff at night.
local ar, lists = require 'ar.policy', require 'ar.lists'
local m, act = ar.match, ar.act

local blocked = lists.file 'lists/blocked.list' -- read now, and at every reload
local staff = lists.file 'lists/staff.list'

return ar.new 'subscribers'
	:rule('blocked subscriber', m.caller_in(blocked), act.deny(403, 'AR service not allowed'))
	:rule('night: staff only', m.all_of(m.hours(23, 6), m.no(m.caller_in(staff))), act.plain())
	:rule('ar call', m.any, act.accept { scene = 'default' })
