-- SPDX-License-Identifier: GPL-2.0-or-later
-- Each of the five answers, asked beforehand, takes all the time that it gets: together they have one
-- decision's.
-- hook: answer
-- limit: timeout
-- says: CPU time limit
-- instructions: off
local ar = require 'ar.policy'
local m, act = ar.match, ar.act

return ar.new 'answer_loop'
	:rule('ar', m.any, act.accept { scene = 'default' })
	:on_answer('endless', m.caller 'evil', function() while true do end end)
