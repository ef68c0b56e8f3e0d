-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- ar.act: what a rule does. Actions are made and checked when the policy loads; a rule's action may
-- also be a function(call) that returns one (or nil: the next rule is tried).

local host = require 'ar.host'
local suggest = require 'ar.suggest'

local M = {}
local Action = {}
local made -- the functions that make actions

local CALL = { call = true, change = true }
local ANSWER = { answer = true }
local OPS = { overlay = true, ['split-render'] = true, relay = true }
local CODECS = { video = { vp8 = true, h264 = true }, audio = { opus = true } }
local EITHER = { call = true, change = true, answer = true }

local function new(name, hooks, fields)
	fields.name, fields.hooks = name, hooks
	return setmetatable(fields, Action)
end

-- Let the call go on as an ordinary one, without the data channel.
function M.plain()
	return new('plain', CALL, { final = host.check('verdict', { action = 'plain' }, 'act.plain') })
end

-- Refuse the call.
function M.deny(code, reason)
	return new('deny', CALL, { final = host.check('verdict', {
		action = 'deny', code = code or 403, reason = reason,
	}, 'act.deny') })
end

-- An AR call: scene, application, dcmf, network = { caller =, callee = }, limits = {}; share: all
-- calls with this name meet in one scene, full: the code for those that find no place in it.
function M.accept(t)
	local v = { action = 'ar' }
	if t ~= nil and type(t) ~= 'table' then
		host.fail("act.accept needs a table: { scene = 'name' }")
	end
	for k, x in pairs(t or {}) do
		if k == 'action' or k == 'code' or k == 'reason' then
			host.fail(("act.accept: unknown key '%s'"):format(k))
		end
		v[k] = x
	end
	local d = v.dcmf
	if type(d) == 'string' and d ~= 'nearest' and d ~= 'least-loaded' and d ~= '' then host.dcmf(d) end
	return new('accept', CALL, { final = host.check('verdict', v, 'act.accept') })
end

-- Media processing by the ARMF: party 'caller', 'callee' or 'both', media, op, codec, max_kbps.
function M.process(t)
	if type(t) ~= 'table' then host.fail('act.process needs a table') end
	if t.op ~= nil and not OPS[t.op] then
		host.fail(("act.process: there is no op '%s'%s"):format(tostring(t.op),
			suggest.instead(t.op, { 'overlay', 'split-render', 'relay' })))
	end
	if t.media == 'audio' and t.op ~= 'relay' then
		host.fail("act.process: of audio there is only op 'relay'")
	end
	local codec = type(t.codec) == 'string' and t.codec:lower()
	if codec and not (CODECS[t.media] or {})[codec] then
		host.fail(("act.process: there is no codec '%s' for %s%s"):format(t.codec, tostring(t.media),
			suggest.instead(t.codec, t.media == 'audio' and { 'opus' } or { 'VP8', 'H264' })))
	end
	local steps = {}
	for _, party in ipairs(t.party == 'both' and { 'caller', 'callee' } or { t.party or '' }) do
		local step = {}
		for k, v in pairs(t) do step[k] = v end
		step.party = party
		steps[#steps + 1] = step
	end
	host.check('answer', { process = steps }, 'act.process', 2)
	return new('process', EITHER, { process = steps })
end

-- Adds a header to the INVITE that goes on.
function M.header(name, value)
	local h = { name = name, value = value }
	host.check('verdict', { action = 'plain', headers = { h } }, 'act.header', 2)
	return new('header', CALL, { headers = { h } })
end

-- Debug log for this call, in asd and in mediad; from the beginning, so not in on_answer.
function M.trace()
	return new('trace', CALL, { trace = true })
end

-- The callee has no data channel: the caller keeps its own, and sees the scene alone.
function M.keep_caller()
	return new('keep_caller', ANSWER, { final = { keep = true } })
end

-- The callee has no data channel: nor has the caller, the call goes on as an ordinary one.
function M.drop_caller()
	return new('drop_caller', ANSWER, { final = { keep = false } })
end

-- ---- for ar.policy and ar.compile ----

local function check_one(a, hook, rule)
	if made[a] then
		host.fail(("rule '%s': %s is not called; write %s() with what it needs")
			:format(rule, made[a], made[a]))
	end
	if type(a) == 'function' then return end
	if type(a) ~= 'table' or getmetatable(a) ~= Action then
		host.fail(("rule '%s': an action is missing or is not one (it is a %s)")
			:format(rule, type(a)))
	end
	if not a.hooks[hook] then
		host.fail(("rule '%s': act.%s does not belong in %s"):format(rule, a.name,
			hook == 'answer' and ':on_answer' or hook == 'change' and ':on_change' or ':rule'))
	end
end

function M.check_all(list, hook, rule)
	if #list == 0 then host.fail(("rule '%s' has no action"):format(rule)) end
	for i, a in ipairs(list) do
		check_one(a, hook, rule)
		if type(a) == 'table' and a.final and i < #list then
			host.fail(("rule '%s': nothing runs after act.%s"):format(rule, a.name))
		end
	end
	return list
end

-- What a function action returned.
function M.check_result(a, hook, rule)
	if a ~= nil then check_one(a, hook, rule) end
	if type(a) == 'function' then
		error(("rule '%s': the action function returned a function"):format(rule), 0)
	end
	return a
end

made = suggest.arity(M, 'act', { plain = 0, deny = 2, accept = 1, process = 1, header = 2,
	trace = 0, keep_caller = 0, drop_caller = 0 })
made[M.check_all], made[M.check_result] = nil, nil

return host.seal(suggest.strict(M, 'act.', { check_all = true, check_result = true }))
