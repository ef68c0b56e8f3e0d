-- SPDX-License-Identifier: GPL-2.0-or-later
-- Tables until there is no memory.
-- limit: nomem
-- says: memory limit
return require 'common.evil' (function(call)
	local t = {}
	while true do t = { t, t } end
end)
