-- SPDX-License-Identifier: GPL-2.0-or-later
return { policy = 'changes.lua', cases = {
	{ name = 'the first offer', call = {}, expect = { rule = 'ar call' } },
	{ name = 'video by the caller', call = { initial = false }, expect = { rule = 'ar call' } },
	{ name = 'video by the callee', call = { initial = false, side = 'b' },
		expect = { code = 488, rule = 'video by the callee' } },
	{ name = 'hold by the callee', call = { initial = false, side = 'b',
		media = { 'audio', 'datachannel' } }, expect = { rule = 'ar call' } },
	{ name = 'data channel given up', call = { initial = false, media = { 'audio' } },
		expect = { action = 'plain', rule = 'data channel given up' } },
	{ name = 'video by the callee is a matter of changes only', call = { side = 'b' },
		expect = { rule = 'ar call' } },
} }
