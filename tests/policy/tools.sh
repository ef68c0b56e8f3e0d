#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tools.sh POLICY_CLI REPOSITORY: what --check, --decide and --test say to everything that may be wrong,
# and their exit codes: 0 good, 1 the policy or a test is at fault, 2 wrong use.
set -u
cli=$1 repo=$2
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
bad=0 n=0

t() { # STATUS TEXT COMMAND...: the text is in what it prints
	local want=$1 text=$2 out rc
	shift 2
	n=$((n + 1))
	# shellcheck disable=SC2086
	out=$(timeout 100 $cli --policy good.lua "$@" 2>&1 </dev/null)
	rc=$?
	if [ $rc != "$want" ] || [[ $out != *"$text"* ]]; then
		printf 'not so: %s\n  exit %s, want %s; want "%s"\n%s\n' "$*" "$rc" "$want" "$text" "$out" | head -20
		bad=1
	fi
}

policy() { printf "local ar = require 'ar.policy'\nlocal m, act = ar.match, ar.act\n%s\n" "$2" >"$1"; }
policy good.lua "return ar.new 'good' :rule('deny', m.caller 'mallory', act.deny(403)) :rule('all', m.any, act.accept { scene = 'default' })"

# ---- decide
policy twice.lua "local op = function(op) return act.process { party = 'caller', media = 'video', op = op } end
return ar.new 'twice' :rule('one', m.any, op 'overlay') :rule('two', m.any, op 'relay') :rule('all', m.any, act.accept { scene = 'default' })"
echo '{"media":["video","datachannel"]}' >twice.json
t 0 '"op": "overlay", "replaced": true}' --policy twice.lua --decide twice.json
t 0 '"op": "relay"}' --policy twice.lua --decide twice.json

# ---- check
t 0 "good.lua: ok, policy 'good', 2 rules" --check good.lua
t 0 "rule       'deny': caller is mallory" --check good.lua
t 1 "No such file" --check none.lua
t 1 "not a regular file" --check .
t 1 "not a regular file" --check /dev/zero
policy syntax.lua "return ar.new 'x' :rule("
t 1 "syntax.lua:4" --check syntax.lua
policy type.lua "return ar.new 'x' :rule('r', m.hours(9), act.plain())"
t 1 "type.lua:3: m.hours: needs a whole number" --check type.lua
policy loop.lua "while true do end"
t 1 "loop.lua:3" --check loop.lua
policy self.lua "return ar.new 'x' :rule('r', m.any, act.plain()) :selftest { { name = 'mine', call = {}, expect = { action = 'ar' } } }"
t 1 "selftest 'mine': action is \"plain\", expected \"ar\"" --check self.lua
policy sample.lua "return ar.new 'x' :rule('r', function(c) return #c.asserted > 0 end, act.plain()) :rule('s', m.any, act.plain())"
t 1 "tried with" --check sample.lua
head -c 300000 /dev/zero | tr '\0' ' ' >large.lua
t 1 "large.lua" --check large.lua
printf '\033Lua' >binary.lua
t 1 "binary.lua" --check binary.lua
policy list.lua "local l = require 'ar.lists'.file 'bad.list' return ar.new 'x' :rule('r', m.caller_in(l), act.plain())"
t 1 "list.lua:3: ./bad.list: No such file or directory (it is looked for beside the policy)" --check list.lua
printf 'alice\nbob x\n' >bad.list
t 1 "bad.list:2" --check list.lua
printf 'a;b\n' >bad.list
t 1 "URI parameters" --check list.lua
printf '*a\n' >bad.list
t 1 "'*' may stand at the end" --check list.lua
printf '%0300d\n' 1 >bad.list
t 1 "over 255 bytes" --check list.lua
policy map.lua "local l = require 'ar.lists'.map 'bad.map' return ar.new 'x' :rule('r', m.caller_has(l), act.plain())"
printf 'alice gold\nalice,silver\n' >bad.map
t 1 "bad.map:2: this key is in the file already" --check map.lua
printf 'alice\n' >bad.map
t 1 "no value behind the key" --check map.lua
printf 'alice ,\n' >bad.map
t 1 "no value behind the key" --check map.lua
printf 'alice , gold\n' >bad.map
t 0 "1 list entries" --check map.lua
# what editors and databases do to files
printf '\xef\xbb\xbfalice\r\nbob\r\n' >bad.list
t 0 "2 list entries" --check list.lua
printf 'x\n\xff\xfea\0' >bad.list
t 1 "bad.list:2: a zero byte: the file must be text in UTF-8" --check list.lua
printf 'al\xe9x@ims\n' >bad.list
t 1 "bad.list:1: not UTF-8" --check list.lua
printf 'bob\tx\n' >bad.list
t 1 "bad.list:1: blank or control character" --check list.lua
seq 1000001 >bad.list
t 1 "bad.list:1000001: more than 1000000 list entries ([policy] list_entries)" --check list.lua
mkfifo fifo.list
policy fifo.lua "local l = require 'ar.lists'.file 'fifo.list' return ar.new 'x' :rule('r', m.caller_in(l), act.plain())"
t 1 "fifo.list: not a regular file" --check fifo.lua
{ printf '\xef\xbb\xbf' && cat good.lua; } >bom.lua
t 0 "bom.lua: ok" --check bom.lua
policy dead.lua "return ar.new 'x' :rule('a', m.any, act.plain()) :rule('b', m.any, act.plain())"
t 0 "note: 'b' is never reached, 'a' ends every call" --check dead.lua
policy open.lua "return ar.new 'x' :rule('a', m.caller 'a', act.plain())"
t 0 "note: calls that no rule ends are refused with 403" --check open.lua
policy module.lua "require 'util'"
t 1 "module.lua:3: require 'util': there is no ./util.lua" --check module.lua
policy leak.lua "blocked = {} return 7"
t 1 "leak.lua:3: 'blocked' cannot be set here" --check leak.lua
ln -s . here
policy 'with space.lua' "return ar.new 'x' :rule('r', m.any, act.plain())"
t 0 "ok, policy 'x'" --check 'here/with space.lua'

if [ "$(id -u)" = 0 ]; then # as a user who may not read them
	mkdir -m 755 shut && cp list.lua shut && echo a >shut/bad.list && chmod 755 . && chmod 0 shut/bad.list
	whole=$cli
	cli="setpriv --reuid=65534 --clear-groups $whole"
	t 1 "shut/bad.list: Permission denied; asd's user must be able to read it" --check shut/list.lua
	cli=$whole
fi

# ---- decide
call() { printf '%s\n' "$1" >call.json; }
call '{}'
t 0 "rule         all" --decide call.json
call '{ "caller": "sip:mallory@x" }'
t 0 "code         403" --decide call.json
t 2 "No such file" --decide none.json
call '{ "caller": }'
t 2 "call.json:1" --decide call.json
call '{ "caller": "sip:a@x", "caller": "sip:b@x" }'
t 2 "duplicate" --decide call.json
call '{ "coller": "sip:a@x" }'
t 2 "there is no such field" --decide call.json
call '{ "hour": 77 }'
t 2 "call.hour: is out of range" --decide call.json
call '[]'
t 2 "" --decide call.json
printf 'hello\n' >call.sip
t 2 "call.sip" --decide call.sip
printf 'INVITE sip:bob@x SIP/2.0\r\nFrom: <sip:mallory@x>;tag=1\r\nTo: <sip:bob@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n' >call.sip
t 0 "rule         deny" --decide call.sip
printf 'INVITE sip:bob@x SIP/2.0\r\nFrom: <sip:a@x>\r\n\r\nnonsense\r\n' >call.sip
t 2 "call.sip" --decide call.sip
head -c 400000 /dev/zero >call.sip
t 2 "" --decide call.sip

# ---- test
mkdir empty tests
t 2 "no *.test.lua in it" --test empty
t 2 "No such file" --test nowhere
cp good.lua tests/good.lua
table() { printf '%s\n' "$1" >tests/a.test.lua; }
table "return { policy = 'good.lua', cases = { { name = 'one', call = {}, expect = { rule = 'all' } } } }"
t 0 "1 passed, 0 failed, in 1 files" --test tests
table "return { policy = 'good.lua', cases = { { name = 'one', call = {}, expect = { rule = 'deny' } } } }"
t 1 "a.test.lua: 'one': rule is \"all\", expected \"deny\"" --test tests
table "return { policy = 'good.lua', cases = { { name = 'typo', call = { coller = 1 }, expect = { rule = 'all' } } } }"
t 1 "'typo': call.coller: there is no such field" --test tests
table "return { policy = 'good.lua', cases = { { name = 'hollow', call = {}, expect = {} } } }"
t 1 "'hollow': expect is missing or names nothing" --test tests
table "return { policy = 'good.lua', cases = { { name = 'how', call = {}, outcome = 'x', expect = { keep = true } } } }"
t 1 "'how': outcome is none of" --test tests
table "return { policy = 'good.lua', cases = {} }"
t 1 "has no cases" --test tests
table "return { policy = 'none.lua', cases = { {} } }"
t 1 "0 passed, 1 failed" --test tests
table "return 7"
t 1 "1 failed" --test tests
table "while true do end"
t 1 "a.test.lua" --test tests
table "return { policy = 'good.lua', cases = { { name = 'f', call = function() end } } }"
t 1 "a table of plain values" --test tests
table "io.open 'x'"
t 1 "a.test.lua:1" --test tests
[ "$bad" = 0 ] && echo "$n uses are told what is wrong"
exit "$bad"
