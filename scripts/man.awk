# SPDX-License-Identifier: GPL-2.0-or-later
# man.awk: a manual page from its text and what the program's --help says of its settings, so that neither
# can be out of date:  asd --help | awk -f scripts/man.awk -v text=docs/man/asd.8.in -v version=0.1.0
# The line @SETTINGS@ of the text is where they go.

function roff(s)
{
	gsub(/\\/, "\\e", s)
	gsub(/-/, "\\-", s)
	return s
}

# "    name                   = default                      what it is": the text begins after two spaces
function setting(line,    name, rest, at)
{
	name = line
	sub(/^ +/, "", name)
	sub(/ .*/, "", name)
	rest = substr(line, index(line, "=") + 1)
	sub(/^ /, "", rest)
	at = match(rest, /  +/)
	if (substr(rest, 1, 1) == " ")
		at = 1
	if (!at)
		at = match(rest, / /)
	settings = settings ".TP\n.B " roff(name) "\\fR " (at > 1 ? "= " roff(substr(rest, 1, at - 1)) : "(no default)") "\n"
	rest = substr(rest, at)
	sub(/^ +/, "", rest)
	settings = settings "\\&" roff(rest) "\n"
}

/^settings/ { on = 1; next }
on && /^  \[/ { line = $1; settings = settings ".SS " line "\n"; next }
on && /^    [a-z]/ { setting($0) }

END {
	if (settings == "") {
		print "man.awk: --help lists no settings" > "/dev/stderr"
		exit 1
	}
	while ((got = (getline line < text)) > 0) {
		gsub(/@VERSION@/, version, line)
		if (line == "@SETTINGS@")
			printf "%s", settings
		else
			print line
	}
	if (got < 0) {
		print "man.awk: cannot read " text > "/dev/stderr"
		exit 1
	}
}
