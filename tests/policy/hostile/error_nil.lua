-- SPDX-License-Identifier: GPL-2.0-or-later
-- An error that is nothing.
-- limit: error
-- says: (the error is a nil)
return require 'common.evil' (function(call)
	error(nil)
end)
