-- SPDX-License-Identifier: GPL-2.0-or-later
return { policy = 'limits.lua', cases = {
	{ name = 'the first', call = {}, expect = { action = 'ar', dcmf = 'least-loaded',
		limits = { max_seconds = 3600, max_kbps = 2000, max_pose_hz = 60, max_nodes = 500 } } },
	{ name = 'the second', call = { calls_of_caller = 1 }, expect = { action = 'ar' } },
	{ name = 'the third', call = { calls_of_caller = 2 },
		expect = { action = 'deny', code = 486 } },
	{ name = 'one is busy, one is not', call = { dcmfs = {
		{ name = 'one', load = 99 }, { name = 'two', load = 85 } } },
		expect = { action = 'ar' } },
	{ name = 'all busy', call = { dcmfs = { { name = 'one', load = 99 } } },
		expect = { action = 'plain', rule = 'media functions busy' } },
	{ name = 'the idle one is not well', call = { dcmfs = {
		{ name = 'one', load = 99 }, { name = 'two', load = 1, healthy = false } } },
		expect = { action = 'plain', rule = 'media functions busy' } },
	{ name = 'none at all', call = { dcmfs = {} }, expect = { action = 'plain' } },
	{ name = 'very many calls', call = { calls_total = 10000 },
		expect = { rule = 'too many calls in all' } },
} }
