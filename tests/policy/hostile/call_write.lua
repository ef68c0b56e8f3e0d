-- SPDX-License-Identifier: GPL-2.0-or-later
-- A rule must not change what the next one sees.
-- limit: error
-- says: call is read-only
return require 'common.evil' (function(call)
	call.sides = 1
end)
