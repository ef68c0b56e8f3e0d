-- SPDX-License-Identifier: GPL-2.0-or-later
-- Nor are lists.
-- limit: error
-- says: only while the script loads
return require 'common.evil' (function(call)
	require('ar.lists').file '/etc/passwd'
end)
