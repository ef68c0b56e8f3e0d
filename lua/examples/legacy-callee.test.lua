-- SPDX-License-Identifier: GPL-2.0-or-later
return { policy = 'legacy-callee.lua', cases = {
	{ name = 'the callee can', call = {}, outcome = 'ar-capable',
		expect = { keep = false, process = {}, rule = '' } },
	{ name = 'refused', call = {}, outcome = 'dc-refused', expect = { keep = true,
		rule = 'overlay for a legacy phone',
		process = { { party = 'caller', by = 'armf', op = 'overlay' } } } },
	{ name = 'never offered', call = {}, outcome = 'none-offered', expect = { keep = true } },
	{ name = 'refused, without video', call = { media = { 'audio', 'datachannel' } },
		outcome = 'dc-refused',
		expect = { keep = false, rule = 'no video either', process = {} } },
	{ name = 'a video section that is off', call = { media = { 'audio',
		{ media = 'video', live = false }, 'datachannel' } }, outcome = 'dc-refused',
		expect = { rule = 'no video either' } },
} }
