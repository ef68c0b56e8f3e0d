-- SPDX-License-Identifier: GPL-2.0-or-later
-- Turn-taking: who has the turn may act, for TURN seconds at most; {"name":"pass"} gives it on.
local ar = require 'ar.app'

local TURN = 30
local app = {}
local order, at, timer = {}, 0, nil

local function current()
	return order[at]
end

local next_turn

local function tell()
	if timer then ar.cancel(timer) end
	timer = #order > 1 and ar.after(TURN, next_turn) or nil
	ar.send_all { turn = current() or ar.null, seconds = TURN }
end

next_turn = function()
	timer = nil
	at = #order > 0 and at % #order + 1 or 0
	tell()
end

function app.on_join(p)
	order[#order + 1] = p.name
	if at == 0 then at = 1 end
	tell()
end

function app.on_leave(p)
	for i, name in ipairs(order) do
		if name == p.name then
			table.remove(order, i)
			if i < at or at > #order then at = at - 1 end
			if at == 0 and #order > 0 then at = 1 end
			break
		end
	end
	tell()
end

function app.on_action(p, action)
	if p.name ~= current() then
		return false, 'not-your-turn', (current() or 'nobody') .. ' has the turn'
	end
	if action.name == 'pass' then
		next_turn()
		return true
	end
end

return app
