-- SPDX-License-Identifier: GPL-2.0-or-later
-- One presents, the others watch: only the presenter may act on the scene. The first who joins
-- presents; {"name":"present","to":"b"} hands over; when the presenter leaves, the next one does.
local ar = require 'ar.app'

local app = {}
local presenter

local function present(name)
	presenter = name
	ar.log('presenter is ' .. (name or 'nobody'))
	ar.send_all { presenter = name or ar.null }
end

function app.on_join(p)
	if not presenter then
		present(p.name)
	else
		ar.send(p, { presenter = presenter })
	end
end

function app.on_leave(p)
	if p.name ~= presenter then return end
	local others = ar.participants()
	present(others[1] and others[1].name)
end

function app.on_action(p, action)
	if p.name ~= presenter then
		return false, 'not-presenter', (presenter or 'nobody') .. ' presents'
	end
	if action.name ~= 'present' then return end -- the built-in actions
	for _, other in ipairs(ar.participants()) do
		if other.name == action.to then
			present(other.name)
			return true
		end
	end
	return false, 'no-participant', 'to names nobody who is here'
end

return app
