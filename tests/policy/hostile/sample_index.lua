-- SPDX-License-Identifier: GPL-2.0-or-later
-- A rule that fails for a stranger's call is found before it is used.
-- limit: load
-- says: tried with
local ar = require 'ar.policy'
return ar.new 'hostile'
	:rule('first channel', function(call) return call.channels[1].id == 1000 end, ar.act.plain())
