-- SPDX-License-Identifier: GPL-2.0-or-later
return { policy = 'networks.lua', cases = {
	{ name = 'inside', call = { source = '192.0.2.200:5060' },
		expect = { network = { caller = 'access', callee = 'access' } } },
	{ name = 'inside, IPv6', call = { source = '[2001:db8:1:2::7]:5060' },
		expect = { rule = 'inside' } },
	{ name = 'just outside', call = { source = '192.0.3.1:5060' },
		expect = { rule = 'to a partner', network = { callee = 'border' } } },
	{ name = 'test equipment', call = { source = '198.51.100.9' }, expect = { code = 403 } },
	{ name = 'test equipment, IPv6', call = { source = '[2001:db8:bad::1]:5060' },
		expect = { code = 403 } },
	{ name = 'terminating', call = { source = '203.0.113.1', role = 'terminating' },
		expect = { network = { caller = 'border' } } },
	{ name = 'an address that is none', call = { source = 'unix:/run/x' },
		expect = { rule = 'to a partner' } },
} }
