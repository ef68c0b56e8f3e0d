-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- ar.match: when a rule applies. A match is made and checked when the policy loads; a
-- function(call) that returns true or false will do as well.

local host = require 'ar.host'
local suggest = require 'ar.suggest'

local M = {}
local Match = {
	__call = function(x)
		host.fail(("'%s' is a match already: leave out the ()"):format(x.text))
	end,
}
local made -- the functions that make matches

-- text: how kamcmd ims_ar.policy shows it. answer: needs the callee's answer.
local function new(text, fn, answer)
	return setmetatable({ text = text, fn = fn, answer = answer or false }, Match)
end

local function is_match(x) return type(x) == 'table' and getmetatable(x) == Match end

-- A table would be true for every call: a match that was made and never asked.
local function checked(fn, where)
	return function(call)
		local r = fn(call)
		local t = type(r)
		if t == 'table' or t == 'function' or t == 'userdata' then
			error(('%s: the match function returns a %s, not true or false'):format(where, t), 0)
		end
		return r
	end
end

local function as_match(x, where)
	if made[x] then
		host.fail(('%s: %s is not called; write %s() with what it needs')
			:format(where, made[x], made[x]))
	end
	if type(x) == 'function' then return new('function', checked(x, where)) end
	if not is_match(x) then
		host.fail(('%s: not a match but a %s; it begins with m. or is a function(call)')
			:format(where, type(x)))
	end
	return x
end

local function as_matches(list, where)
	if #list == 0 then host.fail(where .. ': needs at least one match') end
	local texts, fns, answer = {}, {}, false
	for i = 1, #list do
		local x = as_match(list[i], where)
		texts[i], fns[i], answer = x.text, x.fn, answer or x.answer
	end
	return table.concat(texts, ', '), fns, answer
end

local function need(where, what, x)
	if type(x) ~= what then
		host.fail(('%s: needs a %s, not a %s'):format(where, what, type(x)))
	end
	return x
end

local function whole(where, x, min, max)
	if math.type(x) ~= 'integer' or x < min or x > max then
		host.fail(('%s: needs a whole number from %d to %d'):format(where, min, max))
	end
	return x
end

local function words(where, list)
	if #list == 0 then host.fail(where .. ': needs at least one value') end
	for i = 1, #list do need(where, 'string', list[i]) end
	return table.concat(list, ', ')
end

-- A value out of a closed set.
local function one_of(where, x, set)
	if not set[x] then
		local names = {}
		for k in pairs(set) do names[#names + 1] = k end
		table.sort(names)
		host.fail(("%s: '%s' is none of %s"):format(where, tostring(x), table.concat(names, ', ')))
	end
	return x
end

-- ---- combining ----

M.any = new('any', function() return true end)

function M.no(x)
	x = as_match(x, 'm.no')
	local fn = x.fn
	return new('not ' .. x.text, function(call) return not fn(call) end, x.answer)
end

function M.all_of(...)
	local text, fns, answer = as_matches({ ... }, 'm.all_of')
	return new('all of (' .. text .. ')', function(call)
		for i = 1, #fns do
			if not fns[i](call) then return false end
		end
		return true
	end, answer)
end

function M.any_of(...)
	local text, fns, answer = as_matches({ ... }, 'm.any_of')
	return new('any of (' .. text .. ')', function(call)
		for i = 1, #fns do
			if fns[i](call) then return true end
		end
		return false
	end, answer)
end

-- ---- who ----

-- '*' at the end, or '*' alone; no patterns, so no surprises with strangers' URIs.
local function glob(text)
	if text == '*' then return function() return true end end
	if text:sub(-1) == '*' then
		local head = text:sub(1, -2)
		return function(s) return s:sub(1, #head) == head end
	end
	return function(s) return s == text end
end

-- One party given as 'alice@ims.example', '@ims.example', '+4930*', 'alice'.
local function party_test(where, text)
	need(where, 'string', text)
	if text:find('^%a+:') then
		host.fail(("%s: '%s': leave out the scheme"):format(where, text))
	end
	if text:find '[%s<>;,]' or text:gsub('@%*%.', '@'):find '%*[^@]' or
		text:find '@%*$' or text:find '@$' then
		host.fail(("%s: '%s' is not like 'alice@ims.example', '@ims.example', '@*.example', 'alice' "
			.. "or '+4930*'"):format(where, text))
	end
	local user, domain = text:match('^(.-)@(.+)$')
	if not user then
		local is_user = glob(text)
		return function(p) return p.user ~= nil and is_user(p.user) end
	end
	domain = domain:lower()
	local is_user = glob(user == '' and '*' or user)
	local sub = domain:sub(1, 2) == '*.' and domain:sub(2)
	return function(p)
		local h = p.host
		if not h or not is_user(p.user or '') then return false end
		h = h:lower()
		return h == domain or sub and #h > #sub and h:sub(-#sub) == sub or false
	end
end

local function party(name, key)
	return function(...)
		local where, tests = 'm.' .. name, {}
		local text = words(where, { ... })
		for i, t in ipairs { ... } do tests[i] = party_test(where, t) end
		return new(('%s is %s'):format(key, text), function(call)
			local p = call[key]
			for i = 1, #tests do
				if tests[i](p) then return true end
			end
			return false
		end)
	end
end

M.caller = party('caller', 'caller')
M.callee = party('callee', 'callee')

local function need_list(where, kind, x)
	if type(x) == 'userdata' then return end
	host.fail(("%s: needs what lists.%s%s gives, not a %s"):format(where, kind,
		type(x) == 'string' and (" '%s'"):format(x) or '', type(x)))
end

local function party_in(name, key)
	return function(list)
		need_list('m.' .. name, 'file', list)
		return new(('%s in %s'):format(key, list:path()), function(call)
			local p = call[key]
			return list:has_party(p.user, p.host)
		end)
	end
end

M.caller_in = party_in('caller_in', 'caller')
M.callee_in = party_in('callee_in', 'callee')

-- A map from ar.lists.map has one of these values for the party; none given: any value.
local function party_has(name, key)
	return function(map, ...)
		local set, list = {}, { ... }
		need_list('m.' .. name, 'map', map)
		for i, v in ipairs(list) do set[need('m.' .. name, 'string', v)] = i end
		return new(('%s has %s in %s'):format(key, #list > 0 and table.concat(list, ', ') or
			'a value', map:path()), function(call)
			local v = map:party(call[key].user, call[key].host)
			return v ~= nil and (#list == 0 or set[v] ~= nil)
		end)
	end
end

M.caller_has = party_has('caller_has', 'caller')
M.callee_has = party_has('callee_has', 'callee')

-- An emergency call (RFC 5031 urn:service:sos, or one of these numbers; none given: 112, 911).
function M.emergency(...)
	local numbers, list = {}, { ... }
	if #list == 0 then list = { '112', '911' } end
	words('m.emergency', list)
	for _, n in ipairs(list) do numbers[n] = true end
	return new('emergency', function(call)
		local p = call.callee
		return numbers[p.user] == true or p.uri:sub(1, 15):lower() == 'urn:service:sos'
	end)
end

-- Has the network asserted the caller's identity (P-Asserted-Identity)?
M.asserted = new('asserted', function(call) return call.asserted ~= nil end)

-- Where the request came from: addresses or networks.
function M.source(...)
	local nets = { ... }
	local text = words('m.source', nets)
	for i, t in ipairs(nets) do nets[i] = { host.cidr(t) } end
	return new('source in ' .. text, function(call)
		local s = call.source
		if not s then return false end
		for i = 1, #nets do
			if host.in_cidr(s, nets[i][1], nets[i][2]) then return true end
		end
		return false
	end)
end

-- ---- what they can ----

local CAPS = { datachannel = true, ['ar-capable'] = true, ['ar-assisted'] = true, avatar = true }

local function caps(name, key)
	return function(cap)
		one_of('m.' .. name, cap, CAPS)
		return new(('%s is %s'):format(key, cap), function(call)
			return call[key].caps[cap] == true
		end)
	end
end

M.caller_is = caps('caller_is', 'caller')
M.callee_is = caps('callee_is', 'callee')

-- What it has registered with (TS 26.264 clause 7), where the Kamailio tells.
local function registered(name, key)
	return function(cap)
		one_of('m.' .. name, cap, CAPS)
		return new(('%s has registered %s'):format(key, cap), function(call)
			return call[key].registered[cap] == true
		end)
	end
end

M.caller_registered = registered('caller_registered', 'caller')
M.callee_registered = registered('callee_registered', 'callee')

local OUTCOMES = { ['ar-capable'] = true, ['ar-assisted'] = true, ['dc-only'] = true,
	['dc-refused'] = true, ['none-offered'] = true }

-- How the callee answered; only in on_answer.
function M.outcome(...)
	local set, list = {}, { ... }
	local text = words('m.outcome', list)
	for _, o in ipairs(list) do set[one_of('m.outcome', o, OUTCOMES)] = true end
	return new('outcome is ' .. text, function(call) return set[call.outcome] == true end, true)
end

-- ---- what is offered ----

local MEDIA = { audio = true, video = true, datachannel = true }

-- 'audio', 'video', 'datachannel', or the subprotocol of a channel ('mpeg-sd', '3gpp-sr-*').
function M.offers(...)
	local list, tests = { ... }, {}
	local text = words('m.offers', list)
	for i, what in ipairs(list) do
		local like = what:lower():gsub('[^%w]', ''):gsub('s$', '')
		if what == '' or what:find '[%s]' or MEDIA[like] and what ~= like then
			host.fail(("m.offers: '%s' is no media and no subprotocol%s"):format(what,
				suggest.instead(like, { 'audio', 'video', 'datachannel' })))
		end
		if what:sub(-1) == '*' then
			local is = glob(what)
			tests[i] = function(call)
				for _, c in ipairs(call.channels) do
					if is(c.subprotocol or '') then return true end
				end
				return false
			end
		else
			tests[i] = function(call) return call.offers[what] == true end
		end
	end
	if #tests == 1 then return new('offers ' .. text, tests[1]) end
	return new('offers one of ' .. text, function(call)
		for i = 1, #tests do
			if tests[i](call) then return true end
		end
		return false
	end)
end

-- The application the UE asks for (a=3gpp-req-app); may end in '*'.
function M.app(text)
	local is = glob(need('m.app', 'string', text))
	return new('app ' .. text, function(call)
		return call.req_app ~= nil and is(call.req_app)
	end)
end

local CLASSES = { none = true, ['dc-capable'] = true, dc = true, ar = true }

-- What the recogniser made of the call.
function M.class(class)
	one_of('m.class', class, CLASSES)
	return new('class ' .. class, function(call) return call.class == class end)
end

-- One of the recogniser's reasons ('subprotocol', 'ar-capable', 'max-bundle', ...).
function M.reason(reason)
	need('m.reason', 'string', reason)
	return new('reason ' .. reason, function(call) return call.reasons[reason] == true end)
end

-- 'originating' or 'terminating': whom this asd serves.
function M.role(role)
	one_of('m.role', role, { originating = true, terminating = true })
	return new(role, function(call) return call.role == role end)
end

-- A change inside a call; and who makes it.
M.change = new('change', function(call) return not call.initial end)
M.by_callee = new('by callee', function(call) return call.side == 'b' end)

-- ---- when and how much ----

-- From the hour `from` up to, not including, the hour `to`; over midnight too.
function M.hours(from, to)
	whole('m.hours', from, 0, 23)
	whole('m.hours', to, 0, 24)
	if from == to then host.fail('m.hours: from and to are the same hour') end
	return new(('%02d:00-%02d:00'):format(from, to), function(call)
		local h = call.hour
		if from < to then return h >= from and h < to end
		return h >= from or h < to
	end)
end

local DAYS = { mon = 1, tue = 2, wed = 3, thu = 4, fri = 5, sat = 6, sun = 7 }

function M.days(...)
	local set, list = {}, { ... }
	local text = words('m.days', list)
	for _, d in ipairs(list) do set[DAYS[one_of('m.days', d, DAYS)]] = true end
	return new(text, function(call) return set[call.weekday] == true end)
end

-- The caller has n or more AR calls already.
function M.caller_has_calls(n)
	whole('m.caller_has_calls', n, 1, 1000000)
	return new(('caller has %d calls'):format(n), function(call)
		return call.calls_of_caller >= n
	end)
end

-- There are n or more AR calls in this asd.
function M.total_calls(n)
	whole('m.total_calls', n, 1, 100000000)
	return new(('%d calls in all'):format(n), function(call) return call.calls_total >= n end)
end

-- No DCMF is healthy and under the load, in per cent.
function M.load_above(percent)
	whole('m.load_above', percent, 0, 100)
	return new(('load above %d %%'):format(percent), function(call)
		for _, d in ipairs(call.dcmfs) do
			if d.healthy and d.load <= percent then return false end
		end
		return true
	end)
end

-- A part of the calls, by Call-ID: the same call is always in or out.
function M.share(percent)
	if type(percent) ~= 'number' or percent < 0 or percent > 100 then
		host.fail('m.share: needs a number from 0 to 100')
	end
	return new(('%g %% of calls'):format(percent), function(call)
		return host.share(call.callid) < percent
	end)
end

-- A fact that the operator has configured; value nil: it is known, whatever it is.
function M.fact(name, value)
	host.fact(need('m.fact', 'string', name))
	if value ~= nil then need('m.fact', 'string', value) end
	return new(('fact %s %s'):format(name, value or 'known'), function(call)
		local v = call.facts[name]
		if value == nil then return type(v) == 'string' end
		return v == value
	end)
end

-- The look-up of the fact failed.
function M.fact_failed(name)
	host.fact(need('m.fact_failed', 'string', name))
	return new(('fact %s failed'):format(name), function(call) return call.facts[name] == false end)
end

-- ---- for ar.policy ----

function M.check(x, hook, rule)
	local where = ("rule '%s'"):format(rule)
	x = as_match(x, where)
	if x.answer and hook ~= 'answer' then
		host.fail(where .. ': m.outcome is known only with the answer; use :on_answer')
	end
	return x
end

made = suggest.arity(M, 'm', { no = 1, caller_in = 1, callee_in = 1, caller_is = 1, callee_is = 1,
	caller_registered = 1, callee_registered = 1, app = 1, class = 1, reason = 1, role = 1, hours = 2,
	caller_has_calls = 1, total_calls = 1, load_above = 1, share = 1, fact = 2, fact_failed = 1 })
made[M.check] = nil

return host.seal(suggest.strict(M, 'm.', { check = true }))
