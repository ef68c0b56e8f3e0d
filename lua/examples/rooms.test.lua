-- SPDX-License-Identifier: GPL-2.0-or-later
return { policy = 'rooms.lua', cases = {
	{ name = 'the meeting', call = { callee = 'sip:meeting@ims.example' },
		expect = { action = 'ar', share = 'meeting', full = 486,
			limits = { max_participants = 10 } } },
	{ name = 'the meeting by its number', call = { callee = 'tel:+4930900' },
		expect = { share = 'meeting' } },
	{ name = 'a team', call = { caller = 'sip:alice@ims.example' },
		expect = { rule = 'team', share = 'team-red', limits = { max_participants = 20 } } },
	{ name = 'the other team', call = { caller = 'sip:carol@ims.example' },
		expect = { rule = 'team', share = 'team-blue' } },
	{ name = 'nobody else is with them', call = { caller = 'sip:dave@ims.example' },
		expect = { rule = 'two of them', scene = 'tabletop' } },
	{ name = 'voice', call = { callee = 'sip:meeting@ims.example', media = { 'audio' } },
		expect = { action = 'plain' } },
} }
