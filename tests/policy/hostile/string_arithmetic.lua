-- SPDX-License-Identifier: GPL-2.0-or-later
-- Conversions of long texts hidden in operators.
-- limit: error
-- says: attempt to perform arithmetic on a string
return require 'common.evil' (function(call)
	return ('1'):rep(60000) + 1
end)
