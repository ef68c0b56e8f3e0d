-- SPDX-License-Identifier: GPL-2.0-or-later
return { policy = 'premium.lua', cases = {
	{ name = 'premium', call = { facts = { tier = 'premium' } },
		expect = { scene = 'shared-room', application = 'shared-scene', rule = 'premium' } },
	{ name = 'basic', call = { facts = { tier = 'basic' } },
		expect = { scene = 'default', rule = 'basic', limits = { max_kbps = 1000 } } },
	{ name = 'not subscribed', call = { facts = { tier = 'none' } }, expect = { code = 403 } },
	{ name = 'the look-up failed', call = { facts = { tier = false } },
		expect = { action = 'ar', rule = 'basic' } },
	{ name = 'no such fact', call = {}, expect = { rule = 'basic' } },
} }
