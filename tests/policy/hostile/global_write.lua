-- SPDX-License-Identifier: GPL-2.0-or-later
-- So are globals.
-- limit: error
-- says: cannot be set here
return require 'common.evil' (function(call)
	calls = 1
end)
