-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- ar.suggest: what an operator may have meant, for the messages of ar.match, ar.act and ar.policy.
-- Runs only while a policy loads, for what is wrong.

local host = require 'ar.host'

local M = {}

-- How many letters differ: Levenshtein, with two swapped neighbours as one.
local function distance(a, b)
	local before, row = nil, {}
	for j = 0, #b do row[j] = j end
	for i = 1, #a do
		local new = { [0] = i }
		for j = 1, #b do
			local same = a:byte(i) == b:byte(j)
			new[j] = math.min(row[j] + 1, new[j - 1] + 1, row[j - 1] + (same and 0 or 1))
			if before and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
				new[j] = math.min(new[j], before[j - 2] + 1)
			end
		end
		before, row = row, new
	end
	return row[#b]
end

-- "; did you mean 'plain'?", else what there is.
function M.instead(word, names)
	local best, least = nil, 3
	table.sort(names)
	if type(word) == 'string' and #word <= 40 then
		for _, name in ipairs(names) do
			local d = distance(word, name)
			if d < least and d < #name then best, least = name, d end
		end
	end
	if best then return ("; did you mean '%s'?"):format(best) end
	return '; there are: ' .. table.concat(names, ', ')
end

-- Names of lib that are not there are an error. hidden: names that are the library's own affair.
function M.strict(lib, prefix, hidden)
	return setmetatable(lib, { __index = function(_, key)
		local names = {}
		for k in pairs(lib) do
			if not hidden[k] then names[#names + 1] = k end
		end
		host.fail(("there is no %s%s%s"):format(prefix, tostring(key), M.instead(key, names)))
	end })
end

-- Functions of the library that take no more than so many arguments, so that none is passed over in
-- silence. The set of all these functions, to tell one that was not called.
function M.arity(lib, what, most)
	local made = {}
	for name, n in pairs(most) do
		local fn = lib[name]
		lib[name] = function(...)
			if select('#', ...) > n then
				host.fail(('%s.%s takes %s, not %d'):format(what, name, n == 0 and 'nothing in ()'
					or n == 1 and 'one argument' or n .. ' arguments', select('#', ...)))
			end
			return fn(...)
		end
	end
	for name, fn in pairs(lib) do
		if type(fn) == 'function' then made[fn] = what .. '.' .. name end
	end
	return made
end

return host.seal(M)
