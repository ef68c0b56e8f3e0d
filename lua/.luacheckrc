-- SPDX-License-Identifier: GPL-2.0-or-later
-- luacheck --config lua/.luacheckrc lua	(also for policies of your own)
-- What the policy's sandbox has, and nothing else: docs/policy.md.
std = {
	read_globals = {
		'assert', 'error', 'getmetatable', 'ipairs', 'next', 'pairs', 'pcall', 'rawequal',
		'rawget', 'rawlen', 'require', 'select', 'setmetatable', 'tonumber', 'tostring', 'type',
		'_VERSION',
		string = { fields = { 'byte', 'char', 'find', 'format', 'gmatch', 'gsub', 'len', 'lower',
			'match', 'rep', 'reverse', 'sub', 'upper' } },
		table = { fields = { 'concat', 'insert', 'move', 'pack', 'remove', 'sort', 'unpack' } },
		math = { fields = { 'abs', 'acos', 'asin', 'atan', 'ceil', 'cos', 'deg', 'exp', 'floor',
			'fmod', 'huge', 'log', 'max', 'maxinteger', 'min', 'mininteger', 'modf', 'pi', 'rad',
			'random', 'sin', 'sqrt', 'tan', 'tointeger', 'type', 'ult' } },
		utf8 = { fields = { 'char', 'charpattern', 'codepoint', 'codes', 'len', 'offset' } },
	},
}
allow_defined = false
max_line_length = 100
