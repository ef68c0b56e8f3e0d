-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- ar.lists: subscribers, numbers and domains from files. Files are read while the policy loads,
-- and again at every reload; a missing file or a bad line is an error, and the old policy stays.
--
--	local blocked = lists.file 'blocked.list'	-- relative to the policy's folder
--	blocked:has 'alice@ims.example'
--	m.caller_in(blocked)
--
-- A map has a value behind each entry; the most particular one counts.
--
--	local tiers = lists.map 'tiers.map'
--	m.caller_has(tiers, 'gold'), or in a function: tiers:party(call.caller.user, call.caller.host)

local host = require 'ar.host'
local suggest = require 'ar.suggest'

local function map(path) return host.list(path, true) end
local function file(path) return host.list(path, false) end

return host.seal(suggest.strict({ file = file, map = map }, 'lists.', {}))
