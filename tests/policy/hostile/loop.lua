-- SPDX-License-Identifier: GPL-2.0-or-later
-- An endless loop.
-- limit: timeout
-- says: instructions reached
-- instructions: 100000
return require 'common.evil' (function(call)
	while true do end
end)
