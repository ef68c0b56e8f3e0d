-- SPDX-License-Identifier: GPL-2.0-or-later
-- Everybody has a pointer: {"type":"urn:x-imsar:pointer:1","message":{"position":[x,y,z],
-- "orientation":[x,y,z,w]}} moves one's own (no acknowledgement, the newest counts), "message":{}
-- hides it. All actions of the shared scene work beside it.
local ar = require 'ar.app'

local scene = ar.scene
local app = {}
local pointers = {}

local COLOURS = { { 0.9, 0.2, 0.2 }, { 0.2, 0.4, 0.9 }, { 0.2, 0.7, 0.3 }, { 0.9, 0.7, 0.1 } }
local made = 0

-- An arrow head of 6 cm that looks along -Z, its tip at the node's place.
local function arrow()
	made = made + 1
	local c = COLOURS[(made - 1) % #COLOURS + 1]
	local material = scene.append('materials', {
		pbrMetallicRoughness = { baseColorFactor = { c[1], c[2], c[3], 1 }, metallicFactor = 0,
			roughnessFactor = 1 },
	})
	return scene.mesh {
		positions = { { 0, 0, 0 }, { 0.02, 0, 0.06 }, { -0.01, 0.0173, 0.06 }, { -0.01, -0.0173, 0.06 } },
		indices = { 1, 2, 3, 1, 3, 4, 1, 4, 2, 2, 4, 3 },
		material = material,
	}
end

local function pointer_of(p)
	local node = pointers[p.name]
	if not node then
		node = scene.add { name = 'pointer ' .. p.name, mesh = arrow(), extras = { pointerOf = p.name } }
		pointers[p.name] = node
	end
	return node
end

function app.on_message(p, m)
	if m.type ~= 'urn:x-imsar:pointer:1' then return end
	local at = m.message
	if not at.position then
		if pointers[p.name] then scene.show(pointers[p.name], false) end
		return
	end
	local node = pointer_of(p)
	scene.move(node, at.position, at.orientation)
	scene.show(node, true)
end

function app.on_leave(p)
	if pointers[p.name] then scene.show(pointers[p.name], false) end
end

return app
