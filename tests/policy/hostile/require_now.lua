-- SPDX-License-Identifier: GPL-2.0-or-later
-- Files are read while a policy loads, not in a call.
-- limit: error
-- says: works only while
return require 'common.evil' (function(call)
	require 'other'
end)
