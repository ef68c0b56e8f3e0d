-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- ar.lists: subscribers, numbers and domains from files. Files are read while the policy loads,
-- and again at every reload; a missing file or a bad line is an error, and the old policy stays.
--
--	local blocked = lists.file 'blocked.list'	-- relative to the policy's folder
--	blocked:has 'alice@ims.example'
--	m.caller_in(blocked)

local host = require 'ar.host'

return host.seal { file = host.list }
