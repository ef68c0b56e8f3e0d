-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- ar.compile: turns what the script returned into what asd calls. Returns a table:
--	name, rules = { { hook, name, text, ends }... }, call, change, answer, finish, selftest, progress
-- Each of call, change, answer is a function(call) -> table or nil, number of the rule. progress[1]
-- is the rule at work, progress[2] how many matched, their numbers follow: asd reads it also after
-- a run that it had to stop.

local host = require 'ar.host'
local act = require 'ar.action'
local match = require 'ar.match'
local policy = require 'ar.policy'

local MAX_RULES = 256

-- Adds what a non-final action says. Lists are appended, never overwritten.
local function collect(acc, a)
	acc = acc or {}
	for _, key in ipairs { 'process', 'headers' } do
		if a[key] then
			local list = acc[key] or {}
			acc[key] = list
			for _, x in ipairs(a[key]) do list[#list + 1] = x end
		end
	end
	if a.trace then acc.trace = true end
	return acc
end

-- The final action's table together with what was collected before it.
local function merge(final, acc)
	if not acc then return final end
	local v = {}
	for k, x in pairs(final) do v[k] = x end
	v.headers = acc.headers
	v.trace = acc.trace
	if acc.process and v.action ~= 'plain' and v.action ~= 'deny' then
		local list = acc.process
		for _, x in ipairs(final.process or {}) do list[#list + 1] = x end
		v.process = list
	end
	return v
end

-- Runs the actions of a rule: final table or nil, and the collection.
local function run_actions(rule, call, acc)
	for _, a in ipairs(rule.actions) do
		if type(a) == 'function' then a = act.check_result(a(call), rule.hook, rule.name) end
		if a then
			if a.final then return a.final, acc end
			acc = collect(acc, a)
		end
	end
	return nil, acc
end

local function evaluator(all, hook, progress)
	local rules, number = {}, {}
	local matches, finals = {}, {}
	for i, r in ipairs(all) do
		if r.hook == hook then
			local n = #rules + 1
			rules[n], number[n], matches[n] = r, i, r.match.fn
			local only = #r.actions == 1 and r.actions[1]
			finals[n] = type(only) == 'table' and only.final or false
		end
	end
	local count = #rules
	return count > 0 and function(call)
		local acc
		for i = 1, count do
			progress[1] = number[i]
			if matches[i](call) then
				local k = progress[2] + 1
				progress[2], progress[k + 2] = k, number[i]
				local final = finals[i]
				if not final then final, acc = run_actions(rules[i], call, acc) end
				if final then return merge(final, acc), number[i] end
			end
		end
		return nil, 0, acc
	end
end

local function compile(p)
	if not policy.is_policy(p) then
		host.fail(('the policy returns a %s: it must end with "return ar.new ..."')
			:format(type(p)))
	end
	local rules, progress = {}, { 0, 0 }
	if #p.rules > MAX_RULES then host.fail(('more than %d rules'):format(MAX_RULES)) end
	for i, r in ipairs(p.rules) do
		local last = r.actions[#r.actions]
		rules[i] = { hook = r.hook, name = r.name, text = r.match.text,
			ends = r.match == match.any and type(last) == 'table' and last.final ~= nil }
		progress[i + 2] = 0
	end
	local call = evaluator(p.rules, 'call', progress)
	local change = evaluator(p.rules, 'change', progress)
	local answer = evaluator(p.rules, 'answer', progress)
	if not call then host.fail(("policy '%s' has no rule"):format(p.name)) end
	return {
		name = p.name, rules = rules, progress = progress, selftest = p.cases or false,
		call = call, finish = p.finish or false,
		change = change and function(c)
			local v, rule = change(c)
			if v then return v, rule end
			return call(c)
		end or call,
		answer = answer and function(c)
			local v, rule, acc = answer(c)
			return merge(v or {}, v and nil or acc), rule
		end or false,
	}
end

return compile
