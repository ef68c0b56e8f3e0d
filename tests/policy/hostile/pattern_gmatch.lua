-- SPDX-License-Identifier: GPL-2.0-or-later
-- gmatch that never finds.
-- limit: timeout
-- says: CPU time limit
-- instructions: off
return require 'common.evil' (function(call)
	for _ in (('a'):rep(3000)):gmatch('.-.-b') do end
end)
