-- SPDX-License-Identifier: GPL-2.0-or-later
local assisted = { uri = 'sip:alice@ims.example', caps = { 'datachannel', 'ar-assisted' } }
local overlay = { party = 'caller', media = 'video', by = 'armf', op = 'overlay', max_kbps = 3000 }
local view = { party = 'callee', media = 'video', by = 'armf', op = 'split-render', codec = 'H264' }

return { policy = 'armf.lua', cases = {
	{ name = 'nobody needs it', call = {}, expect = { action = 'ar', process = {} } },
	{ name = 'assisted caller', call = { caller = assisted },
		expect = { action = 'ar', rule = 'ar call', scene = 'default', process = { overlay } } },
	{ name = 'assisted caller without video', call = { caller = assisted,
		media = { 'audio', 'datachannel' } }, expect = { action = 'ar', process = {} } },
	{ name = 'assisted caller, video off', call = { caller = assisted,
		media = { 'audio', { media = 'video', live = false }, 'datachannel' } },
		expect = { process = {} } },
	{ name = 'assisted caller without data channel', call = { caller = assisted,
		media = { 'audio', 'video' } }, expect = { action = 'plain', process = {} } },
	{ name = 'assisted callee', call = {}, outcome = 'ar-assisted', expect = { process = { view } } },
	{ name = 'both', call = { caller = assisted }, outcome = 'ar-assisted',
		expect = { process = { overlay, view } } },
	{ name = 'capable callee', call = { caller = assisted }, outcome = 'ar-capable',
		expect = { process = { overlay } } },
	{ name = 'legacy callee', call = { caller = assisted }, outcome = 'none-offered',
		expect = { process = { overlay }, keep = false } },
	{ name = 'recorded line', call = { callee = 'tel:+493011007' }, expect = { process = {
		{ party = 'caller', media = 'audio', op = 'relay' },
		{ party = 'callee', media = 'audio', op = 'relay' } } } },
	{ name = 'another line', call = { callee = 'tel:+493012007' }, expect = { process = {} } },
} }
