-- SPDX-License-Identifier: GPL-2.0-or-later
local known = 'sip:alice@ims.example'

return { policy = 'domains.lua', cases = {
	{ name = 'own', call = { asserted = known }, expect = { scene = 'campus' } },
	{ name = 'to a partner', call = { asserted = known, callee = 'sip:p@partner.example' },
		expect = { scene = 'default', rule = 'partners' } },
	{ name = 'to a roaming partner', call = { asserted = known, callee = 'sip:p@a.roaming.example' },
		expect = { rule = 'partners' } },
	{ name = 'to the name of the zone itself', call = { asserted = known,
		callee = 'sip:p@roaming.example' }, expect = { rule = 'foreign callee' } },
	{ name = 'from elsewhere', call = { asserted = 'x', caller = 'sip:x@elsewhere.example' },
		expect = { action = 'plain', rule = 'foreign caller' } },
	{ name = 'a look-alike', call = { asserted = 'x', caller = 'sip:x@xims.example' },
		expect = { rule = 'foreign caller' } },
	{ name = 'anonymous', call = {}, expect = { code = 403, rule = 'not asserted' } },
	{ name = 'emergency, even anonymous', call = { callee = 'tel:110' },
		expect = { action = 'plain', rule = 'emergency' } },
	{ name = 'emergency by its name', call = { callee = 'URN:service:sos' },
		expect = { rule = 'emergency' } },
} }
