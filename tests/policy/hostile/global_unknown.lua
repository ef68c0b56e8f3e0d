-- SPDX-License-Identifier: GPL-2.0-or-later
-- No I/O, no loading of code, no debug library.
-- limit: error
-- says: is not defined
return require 'common.evil' (function(call)
	for _, f in ipairs {
		function() return io end, function() return os end, function() return debug end,
		function() return load end, function() return loadstring end, function() return dofile end,
		function() return loadfile end, function() return collectgarbage end,
		function() return coroutine end, function() return package end, function() return _G end,
		function() return rawset end, function() return print end, function() return xpcall end,
	} do
		if pcall(f) then return end
	end
	if pcall(function() return string.dump(error) end) then return end
	return io.open
end)
