/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verdicts, answers, records and counters, through policy.h alone: a policy is written to a file,
 * loaded, and asked.
 */
#include "policy_help.h"
#include "asd/policy/policy_tool.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- verdicts ---- */

static void test_accept(void **state)
{
	struct policy *p = policy_test_good(HEAD
		"return ar.new 'x':rule('all', m.any,\n"
		"  act.process { party = 'both', media = 'video', op = 'overlay' },\n"
		"  act.header('X-One', 'two, three'), act.trace(),\n"
		"  act.accept { scene = 's', application = 'a', dcmf = 'd',\n"
		"    network = { caller = 'n1', callee = 'n2' },\n"
		"    process = { { party = 'caller', media = 'audio', by = 'armf', op = 'relay',\n"
		"      codec = 'opus', max_kbps = 32 } },\n"
		"    limits = { max_seconds = 1, max_kbps = 2, max_pose_hz = 3, max_nodes = 4 } "
		"})\n");
	struct policy_verdict v;

	(void)state;
	assert_int_equal(
		policy_test_decide(p, policy_test_ar_call("sip:alice@ims.example"), &v), POLICY_OK);
	assert_int_equal(v.action, POLICY_AR);
	assert_string_equal(v.rule, "all");
	assert_string_equal(v.scene, "s");
	assert_string_equal(v.application, "a");
	assert_string_equal(v.dcmf, "d");
	assert_string_equal(v.network[POLICY_CALLER], "n1");
	assert_string_equal(v.network[POLICY_CALLEE], "n2");
	assert_int_equal(v.nsteps, 3);
	assert_int_equal(v.step[0].party, POLICY_CALLER);
	assert_int_equal(v.step[1].party, POLICY_CALLEE);
	assert_string_equal(v.step[1].op, "overlay");
	assert_string_equal(v.step[1].by, "armf");
	assert_string_equal(v.step[2].media, "audio");
	assert_string_equal(v.step[2].codec, "opus");
	assert_int_equal(v.step[2].max_kbps, 32);
	assert_int_equal(v.nheaders, 1);
	assert_string_equal(v.header[0].name, "X-One");
	assert_string_equal(v.header[0].value, "two, three");
	assert_true(v.trace);
	assert_int_equal(v.limits.max_seconds, 1);
	assert_int_equal(v.limits.max_nodes, 4);
	assert_int_equal(v.generation, 1);
	/* Nothing of one call is left in the next. */
	assert_int_equal(
		policy_test_decide(p, policy_test_ar_call("sip:alice@ims.example"), &v), POLICY_OK);
	assert_int_equal(v.nsteps, 3);
	assert_int_equal(v.nheaders, 1);
	policy_free(p);
}

static void test_deny_and_plain(void **state)
{
	struct policy *p = policy_test_good(
		HEAD "return ar.new 'x':rule('bad', m.caller 'mallory', act.deny(603, 'Go away'))\n"
		     "  :rule('media', m.any, act.process { party = 'caller', media = 'video', op "
		     "= 'relay' })\n"
		     "  :rule('rest', m.caller 'alice', act.plain())\n");
	struct policy_verdict v;

	(void)state;
	assert_int_equal(
		policy_test_decide(p, policy_test_ar_call("sip:mallory@x"), &v), POLICY_DENIED);
	assert_int_equal(v.action, POLICY_DENY);
	assert_int_equal(v.code, 603);
	assert_string_equal(v.reason, "Go away");
	assert_int_equal(policy_test_decide(p, policy_test_ar_call("sip:alice@x"), &v), POLICY_OK);
	assert_int_equal(v.action, POLICY_PLAIN);
	assert_int_equal(v.code, 0);
	assert_int_equal(v.nsteps, 0); /* no processing in an ordinary call */
	/* Falling off the end. */
	assert_int_equal(
		policy_test_decide(p, policy_test_ar_call("sip:carol@x"), &v), POLICY_DENIED);
	assert_int_equal(v.code, 403);
	assert_string_equal(v.rule, "(no rule)");
	assert_string_equal(v.reason, "No rule of policy x matches");
	policy_free(p);
}

static void test_too_long(void **state)
{
	struct policy *p =
		policy_test_good(HEAD "return ar.new 'x':rule('r', m.any, act.accept {})");
	struct policy_call *c = policy_test_ar_call("sip:alice@x");
	struct policy_verdict v;
	static char text[5000];

	(void)state;
	memset(text, 'a', sizeof(text));
	c->callee.uri = (struct ar_span){text, 4096};
	assert_int_equal(policy_test_decide(p, c, &v), POLICY_OK);
	c->callee.uri = (struct ar_span){text, 4097};
	assert_int_equal(policy_test_decide(p, c, &v), POLICY_DENIED);
	assert_int_equal(v.code, 400);
	assert_string_equal(v.rule, "(too long)");
	policy_free(p);
}

/* Every field as the script sees it. */
static void test_view(void **state)
{
	struct policy *p = policy_test_good(HEAD
		"local function check(c)\n"
		"  if c.callid ~= 'call-7' then return end\n"
		"  assert(c.callid == 'call-7' and c.role == 'originating' and c.side == 'a')\n"
		"  assert(c.caller.uri == 'sip:alice@ims.example:5070;x=y')\n"
		"  assert(c.caller.host == 'ims.example' and c.callee.user == 'bob')\n"
		"  assert(c.caller.caps['ar-assisted'] and c.caller.caps.datachannel)\n"
		"  assert(not c.caller.caps['ar-capable'] and not next(c.callee.caps))\n"
		"  assert(c.asserted == 'sip:alice@ims.example' and c.initial and c.class == "
		"'ar')\n"
		"  assert(c.reasons.subprotocol and c.reasons['dc-section'] and not "
		"c.reasons.avatar)\n"
		"  assert(#c.media == 3 and c.media[1].media == 'audio' and c.media[2].live)\n"
		"  assert(c.media[3].datachannel and c.media[3].proto == 'UDP/DTLS/SCTP')\n"
		"  assert(#c.channels == 2 and c.channels[1].id == 1000 and "
		"c.channels[1].reliable)\n"
		"  assert(c.channels[1].label == 'scene' and c.channels[1].priority == 256)\n"
		"  assert(c.channels[2].max_retr == 0 and not c.channels[2].ordered)\n"
		"  assert(c.channels[2].max_time == nil and not c.channels[2].reliable)\n"
		"  assert(c.offers.audio and c.offers.video and c.offers.datachannel)\n"
		"  assert(c.offers['mpeg-sd'] and not c.offers.text)\n"
		"  assert(c.req_app == 'urn:x' and c.source == '192.0.2.7:5060')\n"
		"  assert(c.calls_of_caller == 1 and c.calls_total == 17)\n"
		"  assert(c.hour == 12 and c.minute == 34 and c.weekday == 3)\n"
		"  assert(#c.dcmfs == 2 and c.dcmfs[1].name == 'one' and c.dcmfs[1].load == 50)\n"
		"  assert(c.dcmfs[1].calls == 5 and not c.dcmfs[2].healthy)\n"
		"  assert(c.facts.tier == 'gold' and c.facts.age == false and c.facts.x == nil)\n"
		"  assert(c.outcome == nil and c.verdict == nil and c.ended == nil)\n"
		"end\n"
		"return ar.new 'x':rule('r', function(c) check(c); return true end, act.accept "
		"{})\n");
	struct policy_verdict v;

	(void)state;
	if (policy_test_decide(p, policy_test_ar_call("sip:alice@ims.example:5070;x=y"), &v) !=
		POLICY_OK)
		print_error("%s\n", v.error);
	assert_int_equal(v.action, POLICY_AR);
	policy_free(p);
}

static void test_party(void **state)
{
	static const struct {
		const char *uri, *user, *host;
	} cases[] = {
		{"sip:alice@ims.example", "alice", "ims.example"},
		{"sips:alice:secret@ims.example:5061;transport=tcp", "alice", "ims.example"},
		{"sip:+4930;phone-context=x@ims.example;user=phone?H=1", "+4930", "ims.example"},
		{"sip:alice@[2001:db8::1]:5060", "alice", "[2001:db8::1]"},
		{"sip:[2001:db8::1", "", "[2001:db8::1"},
		{"sip:ims.example", "", "ims.example"},
		{"tel:+49-30-123;ext=5", "+49-30-123", ""},
		{"TEL:112", "112", ""},
		{"sip:", "", ""},
		{"", "", ""},
		{"@", "", ""},
		{"alice", "", "alice"},
		{"sip:a@", "a", ""},
	};
	struct policy_party p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		/* Not terminated: a reader that goes on would be seen by ASan. */
		size_t n = strlen(cases[i].uri);
		char *copy = malloc(n ? n : 1);

		memcpy(copy, cases[i].uri, n);
		policy_party_set(&p, (struct ar_span){copy, n});
		assert_true(ar_span_eq(p.user, ar_span_str(cases[i].user)));
		assert_true(ar_span_eq(p.host, ar_span_str(cases[i].host)));
		free(copy);
	}
}

/* ---- what is refused while loading ---- */

static void test_load_errors(void **state)
{
	(void)state;
	policy_test_bad(HEAD "return ar.new 'x'", "policy.lua:3: policy 'x' has no rule");
	policy_test_bad(HEAD "return 7", "policy.lua:3: the policy returns a number");
	policy_test_bad(
		HEAD "return ar.new 'x':rule('r', m.any)", "policy.lua:3: rule 'r' has no action");
	policy_test_bad(HEAD "return ar.new 'x':rule('r', m.any):rule('s', m.any, act.plain())",
		"policy.lua:3: rule 'r' has no action");
	policy_test_bad(HEAD "return ar.new 'x':rule('r', m.anyy, act.plain())",
		"policy.lua:3: there is no m.anyy; did you mean 'any'?");
	policy_test_bad(HEAD "return ar.new 'x':rule('r', m.any, act.deny)",
		"policy.lua:3: rule 'r': act.deny is not called");
	policy_test_bad(HEAD "return ar.new 'x':rule('', m.any, act.plain())",
		"policy.lua:3: a rule needs a name");
	policy_test_bad(HEAD "return ar.new 'x':rule(('x'):rep(64), m.any, act.plain())",
		"policy.lua:3: a rule needs a name");
	policy_test_bad(HEAD "return ar.new 'x':rule('r', m.any, act.plain(), act.trace())",
		"policy.lua:3: rule 'r': nothing runs after act.plain");
	policy_test_bad(HEAD "return ar.new 'x':rule('r', m.outcome 'dc-only', act.plain())",
		"policy.lua:3: rule 'r': m.outcome is known only with the answer");
	policy_test_bad(HEAD
		"return ar.new 'x':rule('r', m.no(m.all_of(m.outcome 'dc-only')), act.plain())",
		"policy.lua:3: rule 'r': m.outcome is known only with the answer");
	policy_test_bad(HEAD "return ar.new 'x':rule('r', m.any, act.keep_caller())",
		"policy.lua:3: rule 'r': act.keep_caller does not belong in :rule");
	policy_test_bad(HEAD "return ar.new 'x':on_answer('r', m.any, act.plain())",
		"policy.lua:3: rule 'r': act.plain does not belong in :on_answer");
	policy_test_bad(
		HEAD "return ar.new('x', { api = 2 })", "policy.lua:3: this policy wants API 2");
	policy_test_bad(HEAD "return ar.new('x', { foo = 2 })",
		"policy.lua:3: ar.new: unknown option 'foo'");
	policy_test_bad(
		HEAD "local a = act.deny(200)", "policy.lua:3: act.deny.code must be 400 to 699");
	policy_test_bad(HEAD "local a = act.deny('403')",
		"policy.lua:3: act.deny.code must be a whole number");
	policy_test_bad(HEAD "local a = act.accept { scene = 'a b' }",
		"policy.lua:3: act.accept.scene has a character that is not allowed (byte 2)");
	policy_test_bad(HEAD "local a = act.accept { scene = 1 }",
		"policy.lua:3: act.accept.scene must be a string, it is a number");
	policy_test_bad(HEAD "local a = act.accept { limits = { max_kbps = -1 } }",
		"policy.lua:3: act.accept.limits.max_kbps must be 0 to");
	policy_test_bad(HEAD "local a = act.accept { limits = { max_bps = 1 } }",
		"policy.lua:3: act.accept.limits has an unknown key 'max_bps'");
	policy_test_bad(HEAD "local a = act.accept { network = 'x' }",
		"policy.lua:3: act.accept.network must be a table");
	policy_test_bad(HEAD "local a = act.accept { process = { { party = 'caller' } } }",
		"policy.lua:3: act.accept.process[1] needs party, media and op");
	policy_test_bad(HEAD "local a = act.accept { process = { party = 'caller' } }",
		"policy.lua:3: act.accept.process must be a list of tables");
	policy_test_bad(HEAD
		"local a = act.process { party = 'nobody', media = 'video', op = 'overlay' }",
		"policy.lua:3: act.process.party must be one of 'caller', 'callee'");
	policy_test_bad(HEAD "local a = act.header('Via', 'x')",
		"policy.lua:3: act.header: a policy may not set Via");
	policy_test_bad(HEAD "local a = act.header('X-A', 'a\\r\\nB: c')",
		"policy.lua:3: act.header.value has a character that is not allowed");
	policy_test_bad(HEAD "local a = act.header('X A', 'a')",
		"policy.lua:3: act.header.name must be a header name");
	policy_test_bad(
		HEAD "local a = m.hours(6, 25)", "policy.lua:3: m.hours: needs a whole number");
	policy_test_bad(
		HEAD "local a = m.days 'noday'", "policy.lua:3: m.days: 'noday' is none of");
	policy_test_bad(HEAD "local a = m.caller 'sip:x@y'",
		"policy.lua:3: m.caller: 'sip:x@y': leave out");
	policy_test_bad(HEAD "local a = m.source '192.0.2.0/33'",
		"policy.lua:3: '192.0.2.0/33' is not a network");
	policy_test_bad(HEAD "local a = m.source 'x'", "policy.lua:3: 'x' is not an address");
	policy_test_bad(HEAD "local a = lists.file 'no.list'", "policy.lua:3: ");
	policy_test_bad(HEAD "local a = require 'nothing'", "policy.lua:3: ");
	policy_test_bad("local x = 1\nlocal y = nil + x",
		"policy.lua:2: attempt to perform arithmetic on a nil");
	policy_test_bad("return (", "policy.lua:1: ");
	policy_test_bad("\033Lua\124", "policy.lua: attempt to load a binary chunk");
	policy_test_bad(HEAD
		"return ar.new 'x':rule('r', m.any, act.plain())\n"
		"  :selftest { { name = 'n', call = {}, expect = { action = 'ar' } } }",
		"policy.lua: selftest 'n': action is \"plain\", expected \"ar\"");
	policy_test_bad(HEAD "return ar.new 'x':rule('r', m.any, act.plain())\n"
			     "  :selftest { { call = { callr = 'x' }, expect = { code = 1 } } }",
		"policy.lua: selftest case 1: call.callr: there is no such field");
	policy_test_bad(HEAD
		"return ar.new 'x':rule('r', function(c) return c.caler end, act.plain())",
		"policy.lua:3: call has no field 'caler' (tried with an AR call)");
	policy_test_bad(HEAD
		"return ar.new 'x':rule('r', m.any, act.plain()):on_end(function() return 1 end)",
		"policy.lua: record must be a table (tried with an AR call)");
}

static void test_many_rules(void **state)
{
	static const char src[] =
		HEAD "local p = ar.new 'x'\n"
		     "for i = 1, %d do p:rule('r' .. i, m.share(0), act.plain()) end\n"
		     "return p:rule('last', m.any, act.accept {})\n";
	struct policy_verdict v;
	struct policy *p;
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), src, 255);
	p = policy_test_good(text);
	assert_int_equal(policy_test_decide(p, policy_test_ar_call("sip:alice@x"), &v), POLICY_OK);
	assert_string_equal(v.rule, "last");
	policy_free(p);
	snprintf(text, sizeof(text), src, 256);
	policy_test_bad(text, "policy.lua:5: more than 256 rules");
}

/* ---- the other hooks ---- */

static void test_answer(void **state)
{
	struct policy *p = policy_test_good(HEAD
		"return ar.new 'x':rule('r', m.any,\n"
		"    act.process { party = 'caller', media = 'video', op = 'overlay' }, act.accept "
		"{})\n"
		"  :on_answer('thin', m.outcome 'ar-assisted',\n"
		"    act.process { party = 'callee', media = 'video', op = 'split-render' })\n"
		"  :on_answer('scene', function(c) return c.verdict.scene == 'never' end, "
		"act.keep_caller())\n"
		"  :on_answer('keep', m.outcome('dc-refused', 'none-offered'), act.keep_caller())\n"
		"  :on_answer('not reached', m.outcome 'dc-refused', act.drop_caller())\n");
	struct policy_gen *gen = policy_pin(p);
	struct policy_call *c = policy_test_ar_call("sip:alice@x");
	struct policy_verdict v;
	struct policy_answer a;

	(void)state;
	assert_int_equal(policy_decide(gen, c, &v), POLICY_OK);
	assert_int_equal(policy_on_answer(gen, c, &v, AR_OUTCOME_AR_CAPABLE, &a), POLICY_OK);
	assert_false(a.keep_a);
	assert_int_equal(a.nsteps, 1);
	assert_string_equal(a.rule, "");
	assert_int_equal(policy_on_answer(gen, c, &v, AR_OUTCOME_AR_ASSISTED, &a), POLICY_OK);
	assert_int_equal(a.nsteps, 2);
	assert_string_equal(a.step[0].op, "overlay");
	assert_string_equal(a.step[1].op, "split-render");
	assert_int_equal(a.step[1].party, POLICY_CALLEE);
	assert_int_equal(policy_on_answer(gen, c, &v, AR_OUTCOME_DC_REFUSED, &a), POLICY_OK);
	assert_true(a.keep_a);
	assert_string_equal(a.rule, "keep");
	assert_int_equal(a.nsteps, 1);
	policy_unpin(gen);
	policy_free(p);
}

/* More steps than there is room for, from verdict and answer together: the verdict's own stay. */
static void test_answer_steps(void **state)
{
	struct policy *p = policy_test_good(
		HEAD "local s = act.process { party = 'both', media = 'video', op = 'overlay' }\n"
		     "local p = ar.new 'x'\n"
		     "for i = 1, 7 do p:rule('s' .. i, m.any, s) end\n"
		     "p:rule('r', m.any, act.accept {})\n"
		     "for i = 1, 7 do p:on_answer('a' .. i, m.all_of(m.outcome 'dc-only', "
		     "m.caller 'evil'), s) end\n"
		     "return p\n");
	struct policy_gen *gen = policy_pin(p);
	struct policy_call *c = policy_test_ar_call("sip:evil@x");
	struct policy_verdict v;
	struct policy_answer a;

	(void)state;
	ar_log_set_level(AR_LOG_ERR);
	assert_int_equal(policy_decide(gen, c, &v), POLICY_OK);
	assert_int_equal(v.nsteps, 14);
	assert_int_equal(policy_on_answer(gen, c, &v, AR_OUTCOME_DC_ONLY, &a), POLICY_BADVERDICT);
	assert_int_equal(a.nsteps, 14);
	assert_non_null(strstr(a.error, "more than 16 process steps"));
	policy_unpin(gen);
	policy_free(p);
}

static void test_change(void **state)
{
	struct policy *p =
		policy_test_good(HEAD "return ar.new 'x':rule('r', m.any, act.accept {})\n"
				      "  :on_change('no', m.by_callee, act.deny(488, 'No'))\n");
	struct policy_call *c = policy_test_ar_call("sip:alice@x");
	struct policy_verdict v;

	(void)state;
	c->side = AR_SIDE_B;
	assert_int_equal(policy_test_decide(p, c, &v), POLICY_OK); /* initial: not a change */
	c->initial = false;
	assert_int_equal(policy_test_decide(p, c, &v), POLICY_DENIED);
	assert_string_equal(v.rule, "no");
	c->side = AR_SIDE_A;
	assert_int_equal(policy_test_decide(p, c, &v), POLICY_OK);
	assert_string_equal(v.rule, "r");
	policy_free(p);
}

static const char *field(const struct policy_record *r, const char *name)
{
	unsigned i;

	for (i = 0; i < r->n; i++)
		if (strcmp(r->field[i].name, name) == 0)
			return r->field[i].value;
	return "(none)";
}

static void test_end(void **state)
{
	struct policy *p = policy_test_good(
		HEAD "return ar.new 'x':rule('r', m.any, act.accept {}):on_end(function(call)\n"
		     "  local e = call.ended\n"
		     "  if call.caller.user == 'evil' then return { a = {} } end\n"
		     "  if call.caller.user == 'many' then local t = {} for i = 1, 17 do t['k' .. "
		     "i] = i end return t end\n"
		     "  if call.caller.user == 'none' then return nil end\n"
		     "  return { who = call.caller.user, s = e.seconds, half = 0.5, yes = true, "
		     "why = e.reason,\n"
		     "    poses = e.poses, action = e.action }\n"
		     "end)\n");
	struct policy_gen *gen = policy_pin(p);
	struct policy_end end = {
		.reason = AR_SPAN("bye"), .seconds = 60, .poses = 3600, .action = POLICY_AR};
	struct policy_record r;

	(void)state;
	assert_int_equal(
		policy_on_end(gen, policy_test_ar_call("sip:alice@x"), &end, &r), POLICY_OK);
	assert_int_equal(r.n, 7);
	assert_string_equal(field(&r, "who"), "alice");
	assert_string_equal(field(&r, "s"), "60");
	assert_string_equal(field(&r, "half"), "0.5");
	assert_string_equal(field(&r, "yes"), "true");
	assert_string_equal(field(&r, "why"), "bye");
	assert_string_equal(field(&r, "action"), "ar");
	assert_int_equal(
		policy_on_end(gen, policy_test_ar_call("sip:none@x"), &end, &r), POLICY_OK);
	assert_int_equal(r.n, 0);
	assert_int_equal(
		policy_on_end(gen, policy_test_ar_call("sip:evil@x"), &end, &r), POLICY_BADVERDICT);
	assert_int_equal(r.n, 0);
	assert_int_equal(
		policy_on_end(gen, policy_test_ar_call("sip:many@x"), &end, &r), POLICY_BADVERDICT);
	assert_int_equal(r.n, 0);
	policy_unpin(gen);
	policy_free(p);
}

/* ---- generations ---- */

/* ---- fallback, counters ---- */

static void test_items(void **state)
{
	struct policy *p = policy_test_good(
		HEAD "return ar.new 'x':rule('bad', m.caller 'mallory', act.deny())\n"
		     "  :rule('r', m.any, act.accept {}):on_answer('a', m.outcome 'dc-only', "
		     "act.keep_caller())\n");
	struct policy_gen *gen = policy_pin(p);
	struct policy_verdict v;
	struct policy_answer a;
	json_t *items, *o;
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		policy_decide(gen, policy_test_ar_call("sip:alice@x"), &v);
	policy_on_answer(gen, policy_test_ar_call("sip:alice@x"), &v, AR_OUTCOME_DC_ONLY, &a);
	policy_decide(gen, policy_test_ar_call("sip:mallory@x"), &v);
	items = policy_items(p);
	assert_int_equal(json_array_size(items), 4);
	o = json_array_get(items, 0);
	assert_string_equal(json_string_value(json_object_get(o, "policy")), "x");
	assert_string_equal(json_string_value(json_object_get(o, "state")), "current");
	assert_int_equal(json_integer_value(json_object_get(o, "calls")), 1);
	assert_int_equal(json_integer_value(json_object_get(o, "ok")), 4);
	assert_int_equal(json_integer_value(json_object_get(o, "denied")), 1);
	o = json_array_get(items, 1);
	assert_string_equal(json_string_value(json_object_get(o, "rule")), "bad");
	assert_string_equal(json_string_value(json_object_get(o, "match")), "caller is mallory");
	assert_int_equal(json_integer_value(json_object_get(o, "hits")), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(items, 2), "hits")), 3);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(items, 3), "hook")), "answer");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(items, 3), "hits")), 1);
	json_decref(items);
	policy_unpin(gen);
	policy_free(p);
}

static void test_random_repeats(void **state)
{
	struct policy *p = policy_test_good(
		HEAD "return ar.new 'x':rule('r', m.any, function()\n"
		     "  return act.accept { scene = ('s%d'):format(math.random(1000000)) }\n"
		     "end)\n");
	struct policy_call *c = policy_test_ar_call("sip:alice@x");
	struct policy_verdict v;
	char first[POLICY_MAX_NAME];

	(void)state;
	policy_test_decide(p, c, &v);
	memcpy(first, v.scene, sizeof(first));
	policy_test_decide(p, c, &v);
	assert_string_equal(v.scene, first);
	c->callid = AR_SPAN("another");
	policy_test_decide(p, c, &v);
	assert_string_not_equal(v.scene, first);
	policy_free(p);
}

static void test_modules(void **state)
{
	struct policy_verdict v;
	struct policy *p;

	(void)state;
	policy_test_write_to("scenes.lua", "return { day = 'sun' }");
	p = policy_test_good(
		HEAD "local s = require 'scenes'\n"
		     "assert(s == require 'scenes')\n"
		     "return ar.new 'x':rule('r', m.any, act.accept { scene = s.day })");
	policy_test_decide(p, policy_test_ar_call("sip:alice@x"), &v);
	assert_string_equal(v.scene, "sun");
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_deny_and_plain),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_view),
		cmocka_unit_test(test_party),
		cmocka_unit_test(test_load_errors),
		cmocka_unit_test(test_many_rules),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_answer_steps),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_random_repeats),
		cmocka_unit_test(test_modules),
	};

	return cmocka_run_group_tests(tests, policy_test_setup, policy_test_teardown);
}
