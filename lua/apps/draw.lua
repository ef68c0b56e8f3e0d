-- SPDX-License-Identifier: GPL-2.0-or-later
-- Annotations in space, for remote assistance: {"name":"draw","points":[[x,y,z],...],"color":[r,g,b],
-- "width":0.01} draws a stroke of up to 200 points, {"name":"undo"} takes one's last stroke away,
-- {"name":"erase"} all of one's own. All actions of the shared scene work beside it.
local ar = require 'ar.app'

local scene = ar.scene
local app = {}
local strokes = {} -- participant's name -> list of strokes, each a list of nodes

local MAX_POINTS, MAX_STROKES = 200, 20
local PIECE = 6 -- segments of one mesh: its bytes fit a message of 1024 (docs/messages.md)

local function sub(a, b) return { a[1] - b[1], a[2] - b[2], a[3] - b[3] } end

local function cross(a, b)
	return { a[2] * b[3] - a[3] * b[2], a[3] * b[1] - a[1] * b[3], a[1] * b[2] - a[2] * b[1] }
end

local function scaled(a, length)
	local n = math.sqrt(a[1] * a[1] + a[2] * a[2] + a[3] * a[3])
	if n < 1e-9 then return nil end
	return { a[1] / n * length, a[2] / n * length, a[3] / n * length }
end

-- Two directions across the way from a to b, of the length given.
local function across(a, b, length)
	local way = scaled(sub(b, a), 1)
	if not way then return { length, 0, 0 }, { 0, length, 0 } end
	local up = math.abs(way[2]) < 0.9 and { 0, 1, 0 } or { 1, 0, 0 }
	local u = scaled(cross(way, up), length)
	return u, scaled(cross(way, u), length)
end

-- A three-sided tube along points first..last.
local function tube(points, first, last, width)
	local positions, indices = {}, {}
	for i = first, last do
		local p = points[i]
		local u, v = across(points[math.max(i - 1, 1)], points[math.min(i + 1, #points)], width / 2)
		for k = 0, 2 do
			local c, s = math.cos(k * 2.0944), math.sin(k * 2.0944)
			positions[#positions + 1] = {
				p[1] + u[1] * c + v[1] * s, p[2] + u[2] * c + v[2] * s, p[3] + u[3] * c + v[3] * s,
			}
		end
	end
	for i = 0, last - first - 1 do
		for k = 0, 2 do
			local a, b = i * 3 + k + 1, i * 3 + (k + 1) % 3 + 1
			for _, index in ipairs { a, b, a + 3, b, b + 3, a + 3 } do indices[#indices + 1] = index end
		end
	end
	return positions, indices
end

local function check(action)
	local points = action.points
	if type(points) ~= 'table' or #points < 2 or #points > MAX_POINTS then
		return 'points is a list of 2 to ' .. MAX_POINTS
	end
	for _, p in ipairs(points) do
		if type(p) ~= 'table' then return 'a point is [x,y,z]' end
		for k = 1, 3 do
			if math.type(p[k]) == nil or math.abs(p[k]) > 1000 then return 'a point is [x,y,z] in metres' end
		end
	end
	local width = action.width or 0.01
	if math.type(width) == nil or width < 0.001 or width > 0.2 then return 'width is 0.001 to 0.2' end
end

local function draw(p, action)
	local wrong = check(action)
	if wrong then return false, 'malformed', wrong end
	local mine = strokes[p.name] or {}
	strokes[p.name] = mine
	if #mine >= MAX_STROKES then return false, 'full', MAX_STROKES .. ' strokes are the limit: undo or erase' end
	local c = action.color or { 0.9, 0.2, 0.2 }
	local material = scene.append('materials', {
		pbrMetallicRoughness = { baseColorFactor = { c[1] or 0, c[2] or 0, c[3] or 0, 1 },
			metallicFactor = 0, roughnessFactor = 1 },
	})
	local stroke, points = {}, action.points
	mine[#mine + 1] = stroke
	for first = 1, #points - 1, PIECE do
		local positions, indices = tube(points, first, math.min(first + PIECE, #points), action.width or 0.01)
		stroke[#stroke + 1] = scene.add {
			mesh = scene.mesh { positions = positions, indices = indices, material = material },
			extras = { drawnBy = p.name },
		}
	end
	return true
end

local function remove(stroke)
	for _, node in ipairs(stroke or {}) do scene.remove(node) end
end

function app.on_action(p, action)
	if action.name == 'draw' then return draw(p, action) end
	if action.name == 'undo' then
		remove(table.remove(strokes[p.name] or {}))
		return true
	elseif action.name == 'erase' then
		for _, stroke in ipairs(strokes[p.name] or {}) do remove(stroke) end
		strokes[p.name] = nil
		return true
	end
end

return app
