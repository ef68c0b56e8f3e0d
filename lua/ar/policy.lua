-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- ar.policy: what a policy script starts with.
--
--	local ar = require 'ar.policy'
--	local m, act = ar.match, ar.act
--	return ar.new 'example'
--	  :rule('name', m.any, act.accept { scene = 'default' })
--
-- Rules are tried in order. A final action (plain, deny, accept) ends the evaluation; the others
-- (process, header, trace) add to the verdict and the next rule is tried. A call that no rule ends
-- is denied with 403 "No rule of policy NAME matches". docs/policy.md explains the rest.

local host = require 'ar.host'
local match = require 'ar.match'
local act = require 'ar.action'
local suggest = require 'ar.suggest'

local API = host.api

local Methods = {}
local Policy = { __index = Methods }

local function check_name(what, name)
	if type(name) ~= 'string' or name == '' or #name > 63 then
		host.fail(what .. ' needs a name of 1 to 63 characters')
	end
	if not utf8.len(name) or name:find '%c' then
		host.fail(what .. ' needs a name of printable characters (UTF-8)')
	end
end

-- p.rule(...) instead of p:rule(...) is easily written.
local function check_self(self, method)
	if getmetatable(self) ~= Policy then
		host.fail(('write :%s(...), with a colon'):format(method))
	end
end

local METHODS = { call = 'rule', answer = 'on_answer', change = 'on_change' }

local function add(self, hook, name, when, ...)
	check_self(self, METHODS[hook])
	check_name('a rule', name)
	if self.names[hook .. name] then
		host.fail(("there are two rules '%s'; logs and counters could not tell which"):format(name))
	end
	self.names[hook .. name] = true
	local rule = {
		hook = hook, name = name,
		match = match.check(when, hook, name),
		actions = act.check_all({ ... }, hook, name),
	}
	self.rules[#self.rules + 1] = rule
	return self
end

-- A new call, and a change inside a call where no on_change rule ended it.
function Methods:rule(name, when, ...) return add(self, 'call', name, when, ...) end

-- The callee's answer: matches may ask m.outcome; final actions are keep_caller, drop_caller.
function Methods:on_answer(name, when, ...) return add(self, 'answer', name, when, ...) end

-- An offer inside an existing call (re-INVITE, UPDATE), tried before the ordinary rules.
function Methods:on_change(name, when, ...) return add(self, 'change', name, when, ...) end

-- fn(call) returns a flat table for the call record, or nil. call.ended has the figures.
function Methods:on_end(fn)
	check_self(self, 'on_end')
	if type(fn) ~= 'function' then host.fail('on_end needs a function(call)') end
	if self.finish then host.fail('on_end is set twice') end
	self.finish = fn
	return self
end

-- Cases that must hold before this version is used: { name =, call = {}, expect = {} }.
function Methods:selftest(cases)
	check_self(self, 'selftest')
	if type(cases) ~= 'table' then host.fail('selftest needs a list of cases') end
	self.cases = cases
	return self
end

suggest.strict(Methods, ':', {})

local M = { match = match, act = act, log = host.log }

function M.new(name, options)
	check_name('a policy', name)
	for k, v in pairs(options or {}) do
		if k ~= 'api' then host.fail(("ar.new: unknown option '%s'"):format(tostring(k))) end
		if math.type(v) ~= 'integer' or v < 1 then
			host.fail(('ar.new: api is a whole number from 1 to %d, not %s'):format(API, type(v)))
		end
		if v > API then
			host.fail(('this policy wants API %d, this asd has %d: it needs a newer asd')
				:format(v, API))
		end
	end
	return setmetatable({ name = name, rules = {}, names = {}, cases = false, finish = false }, Policy)
end

-- For ar.compile only.
M.is_policy = function(p) return type(p) == 'table' and getmetatable(p) == Policy end

return host.seal(suggest.strict(M, 'ar.', { is_policy = true }))
