-- SPDX-License-Identifier: GPL-2.0-or-later
return { policy = 'record.lua', cases = {
	{ name = 'marked', call = {}, expect = { action = 'ar', trace = false,
		headers = { { name = 'X-AR-Service', value = 'scene=default' } } } },
	{ name = 'traced', call = { caller = 'tel:+49301234' }, expect = { trace = true } },
	{ name = 'plain and not marked', call = { media = { 'audio' } },
		expect = { action = 'plain', headers = {} } },
} }
