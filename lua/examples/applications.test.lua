-- SPDX-License-Identifier: GPL-2.0-or-later
local function channels(...)
	local list = {}
	for _, name in ipairs { 'mpeg-sd', ... } do list[#list + 1] = { subprotocol = name } end
	return list
end

return { policy = 'applications.lua', cases = {
	{ name = 'plain AR', call = {}, expect = { scene = 'default', rule = 'anything else' } },
	{ name = 'remote help', call = { req_app = 'urn:example:remote-help:2' },
		expect = { application = 'remote-help' } },
	{ name = 'another application', call = { req_app = 'urn:example:chess' },
		expect = { rule = 'anything else' } },
	{ name = 'avatar by Contact', call = { reasons = { 'dc-section', 'avatar' } },
		expect = { application = 'avatars' } },
	{ name = 'avatar by channel', call = { channels = channels '3gpp-ar-animation' },
		expect = { application = 'avatars' } },
	{ name = 'split rendering', call = { channels = channels '3gpp-sr-conf' },
		expect = { process = { { party = 'caller', op = 'split-render' } } } },
	{ name = 'a bootstrap channel only', call = { channels = { { id = 0, subprotocol = 'http' } } },
		expect = { action = 'plain', rule = 'nothing of ours' } },
	{ name = 'not AR', call = { class = 'dc' }, expect = { rule = 'a data channel, but not AR' } },
} }
