-- SPDX-License-Identifier: GPL-2.0-or-later
local thin = { uri = 'sip:alice@ims.example', caps = { 'datachannel', 'ar-assisted' } }

return { policy = 'capability.lua', cases = {
	{ name = 'no data channel', call = { media = { 'audio', 'video' } },
		expect = { action = 'plain' } },
	{ name = 'both render themselves', call = {},
		expect = { action = 'ar', scene = 'shared-room', dcmf = 'nearest', process = {} } },
	{ name = 'assisted caller', call = { caller = thin },
		expect = { action = 'ar', rule = 'ar call', process = {
			{ party = 'caller', media = 'video', op = 'split-render', codec = 'H264',
				max_kbps = 4000 } } } },
	{ name = 'assisted caller without video', call = { caller = thin,
		media = { 'audio', 'datachannel' } }, expect = { process = {} } },
	{ name = 'assisted callee', call = {}, outcome = 'ar-assisted',
		expect = { rule = '', process = { { party = 'callee', op = 'split-render' } } } },
	{ name = 'both assisted', call = { caller = thin }, outcome = 'ar-assisted',
		expect = { process = { { party = 'caller' }, { party = 'callee' } } } },
	{ name = 'capable callee', call = { caller = thin }, outcome = 'ar-capable',
		expect = { process = { { party = 'caller' } } } },
} }
