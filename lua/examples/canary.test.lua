-- SPDX-License-Identifier: GPL-2.0-or-later
-- Call-IDs picked so that one falls into the tenth and one does not; they always will.
return { policy = 'canary.lua', cases = {
	{ name = 'tester', call = { caller = 'sip:tester7@ims.example' },
		expect = { trace = true, dcmf = 'canary', rule = 'tester' } },
	{ name = 'a tester of somebody else', call = { caller = 'sip:tester7@other.example',
		callid = 'b' }, expect = { rule = 'the rest' } },
	{ name = 'in', call = { callid = 'a' }, expect = { rule = 'a tenth', trace = false } },
	{ name = 'out', call = { callid = 'b' }, expect = { rule = 'the rest' } },
} }
