/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Lua library in tables: what each match says to each call, what each wrong use is told while
 * the policy loads, and what a function's wrong result costs in a call.
 */
#include "asd/policy/policy.h"
#include "asd/policy/policy_json.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <unistd.h>

#define HEAD                                                                                       \
	"local ar, lists = require 'ar.policy', require 'ar.lists'\n"                              \
	"local m, act = ar.match, ar.act\n"

static char dir[] = "/tmp/test_library.XXXXXX";
static char script[64], list[64], map[64];

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	(void)state;
	ar_log_init("test", AR_LOG_ERR);
	if (!mkdtemp(dir))
		return -1;
	snprintf(script, sizeof(script), "%s/policy.lua", dir);
	snprintf(list, sizeof(list), "%s/some.list", dir);
	snprintf(map, sizeof(map), "%s/some.map", dir);
	write_file(list, "alice@ims.example\n@vip.example\n+4930*\n");
	write_file(map, "alice@ims.example gold\n@ims.example silver\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(script);
	unlink(list);
	unlink(map);
	return rmdir(dir);
}

/* NULL with the reason. */
static struct policy *load(const char *text, char *why, size_t cap)
{
	struct policy_conf conf = {.script = script, .lib_dir = SRC_DIR "/lua/ar"};
	struct policy *p = NULL;
	struct ar_buf err;

	write_file(script, text);
	ar_buf_init(&err, 4096);
	if (policy_load(&p, &conf, &err) != 0)
		snprintf(why, cap, "%.*s", (int)err.n, err.p ? err.p : "");
	ar_buf_free(&err);
	return p;
}

static enum policy_result decide(struct policy *p, const char *json, struct policy_verdict *v)
{
	struct policy_case *c = malloc(sizeof(*c));
	json_t *call = json_loads(json, 0, NULL);
	struct policy_gen *gen = policy_pin(p);
	enum policy_result r;
	char why[256];

	if (!call)
		fail_msg("not JSON: %s", json);
	if (policy_case_read(c, call, why, sizeof(why)) != 0)
		fail_msg("%s: %s", json, why);
	r = policy_decide(gen, &c->call, v);
	policy_case_free(c);
	policy_unpin(gen);
	json_decref(call);
	free(c);
	return r;
}

/* ---- what each match says ---- */

#define SIP(who) "{\"caller\":\"sip:" who "\"}"
#define TO(who) "{\"callee\":\"" who "\"}"

static const struct {
	const char *match, *call;
	bool yes;
} truths[] = {
	{"m.any", "{}", true},
	{"m.no(m.any)", "{}", false},
	{"m.no(m.no(m.any))", "{}", true},
	{"m.all_of(m.any, m.any)", "{}", true},
	{"m.all_of(m.any, m.no(m.any))", "{}", false},
	{"m.any_of(m.no(m.any), m.any)", "{}", true},
	{"m.any_of(m.no(m.any))", "{}", false},
	{"function() return true end", "{}", true},
	{"function() return false end", "{}", false},
	{"function() return nil end", "{}", false},
	{"m.no(function() return nil end)", "{}", true},
	/* who: user and domain */
	{"m.caller 'alice@ims.example'", "{}", true},
	{"m.caller 'alice@IMS.example'", "{}", true},
	{"m.caller 'Alice@ims.example'", "{}", false}, /* RFC 3261 19.1.4: the user part counts */
	{"m.caller 'alice@ims.example'", SIP("alice@Ims.Example"), true},
	{"m.caller 'alice@ims.example'", SIP("alice@ims.example.evil"), false},
	{"m.caller 'alice@ims.example'", SIP("xalice@ims.example"), false},
	{"m.caller 'alice@ims.example'", SIP("alice@ims.example;user=phone"), true},
	{"m.caller 'alice@ims.example'", SIP("alice:secret@ims.example:5060"), true},
	{"m.caller 'alice'", SIP("alice@anywhere"), true},
	{"m.caller 'alice'", SIP("alicia@anywhere"), false},
	{"m.caller 'al*'", SIP("alicia@anywhere"), true},
	{"m.caller 'al*'", SIP("a@al"), false},
	{"m.caller '*'", SIP("anybody@x"), true},
	{"m.caller '@ims.example'", SIP("carol@ims.example"), true},
	{"m.caller '@ims.example'", SIP("carol@sub.ims.example"), false},
	{"m.caller '@*.example'", SIP("carol@ims.example"), true},
	{"m.caller '@*.example'", SIP("carol@a.b.example"), true},
	{"m.caller '@*.example'", SIP("carol@example"), false},
	{"m.caller '@*.example'", SIP("carol@badexample"), false},
	{"m.caller '+4930*'", "{\"caller\":\"tel:+49301234\"}", true},
	{"m.caller '+4930*'", "{\"caller\":\"tel:+4940\"}", false},
	{"m.caller '+4930*'", SIP("+49301@gw.example"), true},
	{"m.caller '@ims.example'", "{\"caller\":\"tel:+49301234\"}", false},
	{"m.caller('bob', 'alice')", "{}", true},
	{"m.caller('bob', 'carol')", "{}", false},
	{"m.callee 'bob@ims.example'", "{}", true},
	{"m.callee 'bob'", TO("sip:rob@ims.example"), false},
	{"m.caller 'a%a'", SIP("a%a@x"), true}, /* no patterns anywhere */
	{"m.caller 'a.c'", SIP("abc@x"), false},
	{"m.caller '^a*'", SIP("abc@x"), false},
	{"m.caller ''", SIP("abc@x"), false},
	/* lists and maps */
	{"m.caller_in(l)", "{}", true},
	{"m.caller_in(l)", SIP("bob@ims.example"), false},
	{"m.caller_in(l)", SIP("bob@vip.example"), true},
	{"m.caller_in(l)", "{\"caller\":\"tel:+493012\"}", true},
	{"m.callee_in(l)", "{}", false},
	{"m.callee_in(l)", TO("sip:x@vip.example"), true},
	{"m.caller_has(t)", "{}", true},
	{"m.caller_has(t, 'gold')", "{}", true},
	{"m.caller_has(t, 'silver')", "{}", false},
	{"m.caller_has(t, 'silver', 'gold')", SIP("bob@ims.example"), true},
	{"m.caller_has(t)", SIP("bob@other"), false},
	{"m.callee_has(t, 'silver')", "{}", true},
	/* emergency */
	{"m.emergency()", TO("urn:service:sos"), true},
	{"m.emergency()", TO("urn:service:sos.police"), true},
	{"m.emergency()", TO("URN:SERVICE:SOS"), true},
	{"m.emergency()", TO("urn:service:counseling"), false},
	{"m.emergency()", TO("tel:112"), true},
	{"m.emergency()", TO("sip:911@x"), true},
	{"m.emergency()", TO("tel:110"), false},
	{"m.emergency('110')", TO("tel:110"), true},
	{"m.emergency('110')", TO("tel:112"), false},
	{"m.emergency('110')", TO("urn:service:sos"), true},
	/* identity and source */
	{"m.asserted", "{}", false},
	{"m.asserted", "{\"asserted\":\"sip:a@x\"}", true},
	{"m.source '192.0.2.7'", "{\"source\":\"192.0.2.7:5060\"}", true},
	{"m.source '192.0.2.7'", "{\"source\":\"192.0.2.70:5060\"}", false},
	{"m.source '192.0.2.0/25'", "{\"source\":\"192.0.2.127:1\"}", true},
	{"m.source '192.0.2.0/25'", "{\"source\":\"192.0.2.128:1\"}", false},
	{"m.source '0.0.0.0/0'", "{\"source\":\"8.8.8.8\"}", true},
	{"m.source '0.0.0.0/0'", "{\"source\":\"[2001:db8::1]:5060\"}", false},
	{"m.source '2001:db8::/33'", "{\"source\":\"[2001:db8:7fff::1]:5060\"}", true},
	{"m.source '2001:db8::/33'", "{\"source\":\"[2001:db8:8000::1]:5060\"}", false},
	{"m.source '::/0'", "{\"source\":\"2001:db8::1\"}", true},
	{"m.source('10.0.0.0/8', '::1')", "{\"source\":\"[::1]:1\"}", true},
	{"m.source '10.0.0.0/8'", "{\"source\":\"\"}", false},
	{"m.source '10.0.0.0/8'", "{\"source\":\"10.0.0.1.evil\"}", false},
	{"m.role 'originating'", "{}", true},
	{"m.role 'terminating'", "{}", false},
	/* what they can */
	{"m.caller_is 'ar-capable'", "{}", true},
	{"m.caller_is 'ar-assisted'", "{}", false},
	{"m.caller_is 'avatar'", "{\"caller\":{\"uri\":\"sip:a@x\",\"caps\":[\"avatar\"]}}", true},
	{"m.callee_is 'datachannel'", "{}", false},
	{"m.callee_is 'datachannel'",
		"{\"callee\":{\"uri\":\"sip:b@x\",\"caps\":{\"datachannel\":true}}}", true},
	{"m.caller_registered 'ar-assisted'", "{}", false},
	{"m.caller_registered 'ar-assisted'",
		"{\"caller\":{\"uri\":\"sip:a@x\",\"registered\":[\"ar-assisted\"]}}", true},
	{"m.caller_registered 'ar-assisted'",
		"{\"caller\":{\"uri\":\"sip:a@x\",\"caps\":[\"ar-assisted\"]}}", false},
	{"m.callee_registered 'ar-capable'",
		"{\"callee\":{\"uri\":\"sip:b@x\",\"registered\":[\"ar-capable\"]}}", true},
	/* what is offered */
	{"m.offers 'audio'", "{}", true},
	{"m.offers 'video'", "{\"media\":[\"audio\"]}", false},
	{"m.offers('video', 'audio')", "{\"media\":[\"audio\"]}", true},
	{"m.offers 'video'", "{\"media\":[{\"media\":\"video\",\"live\":false}]}", false},
	{"m.offers 'datachannel'", "{}", true},
	{"m.offers 'datachannel'", "{\"media\":[\"audio\"]}", false},
	{"m.offers 'mpeg-sd'", "{}", true},
	{"m.offers 'mpeg-*'", "{}", true},
	{"m.offers 'mpeg-*'", "{\"channels\":[\"xmpeg-sd\"]}", false},
	{"m.offers '*'", "{\"channels\":[]}", false},
	{"m.offers 'application'", "{}", false},
	{"m.offers('x', 'mpeg-sd')", "{}", true},
	{"m.app 'help'", "{}", false},
	{"m.app 'help'", "{\"req_app\":\"help\"}", true},
	{"m.app 'help*'", "{\"req_app\":\"helpdesk\"}", true},
	{"m.app 'help'", "{\"req_app\":\"helpdesk\"}", false},
	{"m.class 'ar'", "{}", true},
	{"m.class 'dc'", "{}", false},
	{"m.class 'none'", "{\"class\":\"none\"}", true},
	{"m.reason 'dc-section'", "{}", true},
	{"m.reason 'max-bundle'", "{}", false},
	{"m.reason 'max-bundle'", "{\"reasons\":[\"max-bundle\"]}", true},
	/* changes */
	{"m.change", "{}", false},
	{"m.change", "{\"initial\":false}", true},
	{"m.by_callee", "{\"initial\":false}", false},
	{"m.by_callee", "{\"initial\":false,\"side\":\"b\"}", true},
	/* time */
	{"m.hours(8, 18)", "{\"hour\":8}", true},
	{"m.hours(8, 18)", "{\"hour\":17,\"minute\":59}", true},
	{"m.hours(8, 18)", "{\"hour\":18}", false},
	{"m.hours(8, 18)", "{\"hour\":7}", false},
	{"m.hours(22, 6)", "{\"hour\":22}", true},
	{"m.hours(22, 6)", "{\"hour\":5}", true},
	{"m.hours(22, 6)", "{\"hour\":6}", false},
	{"m.hours(22, 6)", "{\"hour\":21}", false},
	{"m.hours(0, 24)", "{\"hour\":23}", true},
	{"m.hours(22, 24)", "{\"hour\":0}", false},
	{"m.days 'wed'", "{}", true},
	{"m.days('sat', 'sun')", "{}", false},
	{"m.days('sat', 'sun')", "{\"weekday\":7}", true},
	{"m.days 'mon'", "{\"weekday\":\"mon\"}", true},
	/* how much */
	{"m.caller_has_calls(1)", "{}", false},
	{"m.caller_has_calls(1)", "{\"calls_of_caller\":1}", true},
	{"m.caller_has_calls(2)", "{\"calls_of_caller\":1}", false},
	{"m.total_calls(10)", "{\"calls_total\":10}", true},
	{"m.total_calls(10)", "{\"calls_total\":9}", false},
	{"m.load_above(50)", "{\"dcmfs\":[{\"name\":\"a\",\"load\":50}]}", false},
	{"m.load_above(50)", "{\"dcmfs\":[{\"name\":\"a\",\"load\":51}]}", true},
	{"m.load_above(50)", "{\"dcmfs\":[]}", true},
	{"m.load_above(50)",
		"{\"dcmfs\":[{\"name\":\"a\",\"load\":99},{\"name\":\"b\",\"load\":1}]}", false},
	{"m.load_above(50)", "{\"dcmfs\":[{\"name\":\"b\",\"load\":1,\"healthy\":false}]}", true},
	{"m.share(0)", "{}", false},
	{"m.share(100)", "{}", true},
	/* facts */
	{"m.fact 'tier'", "{}", false},
	{"m.fact 'tier'", "{\"facts\":{\"tier\":\"gold\"}}", true},
	{"m.fact('tier', 'gold')", "{\"facts\":{\"tier\":\"gold\"}}", true},
	{"m.fact('tier', 'gold')", "{\"facts\":{\"tier\":\"silver\"}}", false},
	{"m.fact('tier', 'gold')", "{\"facts\":{\"tier\":false}}", false},
	{"m.fact 'tier'", "{\"facts\":{\"tier\":false}}", false},
	{"m.fact 'tier'", "{\"facts\":{\"tier\":\"\"}}", true},
	{"m.fact_failed 'tier'", "{}", false},
	{"m.fact_failed 'tier'", "{\"facts\":{\"tier\":false}}", true},
	{"m.fact_failed 'tier'", "{\"facts_failed\":{\"tier\":\"late\"}}", true},
	{"m.fact_failed 'tier'", "{\"facts\":{\"tier\":\"x\"}}", false},
	{"function(c) return c.facts_failed.tier == 'late' end",
		"{\"facts_failed\":{\"tier\":\"late\"}}", true},
	{"function(c) return c.facts_failed.tier == 'failed' end", "{\"facts\":{\"tier\":false}}",
		true},
	{"function(c) return next(c.facts_failed) == nil end", "{\"facts\":{\"tier\":\"x\"}}",
		true},
};

static void truth(void **state)
{
	char text[1024], why[4096];
	struct policy_verdict v;

	(void)state;
	for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++) {
		struct policy *p;

		snprintf(text, sizeof(text),
			HEAD "local l, t = lists.file 'some.list', lists.map 'some.map'\n"
			     "return ar.new 'x' :rule('it', %s, act.deny(499))"
			     " :rule('other', m.any, act.plain())\n",
			truths[i].match);
		p = load(text, why, sizeof(why));
		if (!p)
			fail_msg("%s: %s", truths[i].match, why);
		(void)decide(p, truths[i].call, &v);
		if (strcmp(v.rule, truths[i].yes ? "it" : "other") != 0)
			fail_msg("%s of %s: rule %s; %s", truths[i].match, truths[i].call, v.rule,
				v.error);
		policy_free(p);
	}
}

/* ---- wrong uses, told while the policy loads ---- */

#define OK_ACT "act.plain()"

static const struct {
	const char *rule, *says;
} wrong[] = {
	{":rule('r', nil, " OK_ACT ")", "rule 'r': not a match but a nil"},
	{":rule('r', 7, " OK_ACT ")", "not a match but a number"},
	{":rule('r', {}, " OK_ACT ")", "not a match but a table"},
	{":rule('r', 'any', " OK_ACT ")", "not a match but a string"},
	{":rule('r', m.any)", "rule 'r' has no action"},
	{":rule('r', m.any, nil)", "has no action"},
	{":rule('r', m.any, 7)", "an action is missing or is not one (it is a number)"},
	{":rule('r', m.any, function() return act.plain() end)", ""},
	{":rule('r', m.any, act.plain)", "act.plain is not called; write act.plain()"},
	{":rule('r', m.any, act.deny)", "act.deny is not called"},
	{":rule('r', m.any, {})", "an action is missing or is not one"},
	{":rule('', m.any, " OK_ACT ")", "a rule needs a name"},
	{":rule(nil, m.any, " OK_ACT ")", "a rule needs a name"},
	{":rule(('x'):rep(64), m.any, " OK_ACT ")", "name of 1 to 63"},
	{":rule('a\\nb', m.any, " OK_ACT ")", "printable"},
	{":rule('a\\xff', m.any, " OK_ACT ")", "printable characters (UTF-8)"},
	{":rule('r', m.outcome 'dc-only', " OK_ACT ")", "m.outcome is known only with the answer"},
	{":rule('r', m.no(m.outcome 'dc-only'), " OK_ACT ")", "known only with the answer"},
	{":on_change('r', m.any_of(m.any, m.outcome 'dc-only'), " OK_ACT ")", "known only with"},
	{":rule('r', m.any, act.keep_caller())", "act.keep_caller does not belong in :rule"},
	{":rule('r', m.any, act.drop_caller())", "does not belong in :rule"},
	{":on_answer('r', m.any, act.plain())", "act.plain does not belong in :on_answer"},
	{":on_answer('r', m.any, act.header('X-A', 'b'))", "act.header does not belong in"},
	{":rule('r', m.any, act.plain(), act.trace())", "nothing runs after act.plain"},
	{":on_end(7)", "on_end needs a function"},
	{":on_end(function() end):on_end(function() end)", "on_end is set twice"},
	{":selftest(7)", "selftest needs a list"},
	/* matches */
	{":rule('r', m.caller(), " OK_ACT ")", "m.caller: needs at least one value"},
	{":rule('r', m.caller(7), " OK_ACT ")", "m.caller: needs a string, not a number"},
	{":rule('r', m.caller 'sip:a@b', " OK_ACT ")", "leave out the scheme"},
	{":rule('r', m.callee 'tel:1', " OK_ACT ")", "leave out the scheme"},
	{":rule('r', m.caller_in(), " OK_ACT ")", "m.caller_in: needs what lists.file gives"},
	{":rule('r', m.caller_in 'x.list', " OK_ACT ")", "needs what lists."},
	{":rule('r', m.caller_has(), " OK_ACT ")", "m.caller_has: needs what lists.map"},
	{":rule('r', m.caller_has(lists.map 'some.map', 7), " OK_ACT ")", "needs a string"},
	{":rule('r', m.caller_in(lists.file 'none.list'), " OK_ACT ")", "none.list: No such file"},
	{":rule('r', m.caller_is 'clever', " OK_ACT ")",
		"'clever' is none of ar-assisted, ar-capable"},
	{":rule('r', m.caller_is(), " OK_ACT ")", "'nil' is none of"},
	{":rule('r', m.caller_registered 'x', " OK_ACT ")", "m.caller_registered: 'x' is none of"},
	{":on_answer('r', m.outcome 'x', act.trace())", "m.outcome: 'x' is none of"},
	{":on_answer('r', m.outcome(), act.trace())", "m.outcome: needs at least one value"},
	{":rule('r', m.class 'x', " OK_ACT ")", "m.class: 'x' is none of"},
	{":rule('r', m.role 'x', " OK_ACT ")", "m.role: 'x' is none of"},
	{":rule('r', m.days 'monday', " OK_ACT ")", "'monday' is none of fri, mon"},
	{":rule('r', m.days(), " OK_ACT ")", "m.days: needs at least one value"},
	{":rule('r', m.hours(8), " OK_ACT ")", "m.hours: needs a whole number from 0 to 24"},
	{":rule('r', m.hours(8, 8), " OK_ACT ")", "from and to are the same hour"},
	{":rule('r', m.hours(-1, 8), " OK_ACT ")", "from 0 to 23"},
	{":rule('r', m.hours(24, 8), " OK_ACT ")", "from 0 to 23"},
	{":rule('r', m.hours(8, 25), " OK_ACT ")", "from 0 to 24"},
	{":rule('r', m.hours(8.5, 9), " OK_ACT ")", "needs a whole number"},
	{":rule('r', m.caller_has_calls(0), " OK_ACT ")", "from 1 to"},
	{":rule('r', m.total_calls 'many', " OK_ACT ")", "needs a whole number"},
	{":rule('r', m.load_above(101), " OK_ACT ")", "from 0 to 100"},
	{":rule('r', m.share(101), " OK_ACT ")", "needs a number from 0 to 100"},
	{":rule('r', m.share 'half', " OK_ACT ")", "needs a number from 0 to 100"},
	{":rule('r', m.source(), " OK_ACT ")", "m.source: needs at least one value"},
	{":rule('r', m.source 'here', " OK_ACT ")", "'here' is not an address or a network"},
	{":rule('r', m.source '10.0.0.0/33', " OK_ACT ")", "is not a network: 0 to 32 bits"},
	{":rule('r', m.source '10.0.0.0/', " OK_ACT ")", "is not a network"},
	{":rule('r', m.source '10.0.0.0/8x', " OK_ACT ")", "is not a network"},
	{":rule('r', m.source '::1/129', " OK_ACT ")", "0 to 128 bits"},
	{":rule('r', m.offers(), " OK_ACT ")", "m.offers: needs at least one value"},
	{":rule('r', m.offers(7), " OK_ACT ")", "m.offers: needs a string"},
	{":rule('r', m.app(), " OK_ACT ")", "m.app: needs a string"},
	{":rule('r', m.reason(), " OK_ACT ")", "m.reason: needs a string"},
	{":rule('r', m.fact(), " OK_ACT ")", "m.fact: needs a string"},
	{":rule('r', m.fact('x', 7), " OK_ACT ")", "m.fact: needs a string"},
	{":rule('r', m.fact_failed(), " OK_ACT ")", "m.fact_failed: needs a string"},
	{":rule('r', m.no(), " OK_ACT ")", "m.no: not a match but a nil"},
	{":rule('r', m.all_of(), " OK_ACT ")", "m.all_of: needs at least one match"},
	{":rule('r', m.any_of(m.any, 7), " OK_ACT ")", "m.any_of: not a match but a number"},
	{":rule('r', m.nobody(), " OK_ACT ")", "nobody"},
	/* actions */
	{":rule('r', m.any, act.deny(200))", "act.deny.code must be 400 to 699, it is 200"},
	{":rule('r', m.any, act.deny(700))", "must be 400 to 699"},
	{":rule('r', m.any, act.deny 'no')", "act.deny.code must be a whole number"},
	{":rule('r', m.any, act.deny(403, 7))", "act.deny.reason must be a string"},
	{":rule('r', m.any, act.deny(403, 'a\\r\\nb'))",
		"a character that is not allowed (byte 2)"},
	{":rule('r', m.any, act.deny(403, ('x'):rep(256)))", "is too long: 256 bytes, at most 255"},
	{":rule('r', m.any, act.deny(403, 'half \\xc3'))", "act.deny.reason is not UTF-8"},
	{":rule('r', m.any, act.accept { scen = 'x' })", "unknown key 'scen'"},
	{":rule('r', m.any, act.accept { action = 'plain' })", "unknown key 'action'"},
	{":rule('r', m.any, act.accept { code = 403 })", "unknown key 'code'"},
	{":rule('r', m.any, act.accept { scene = 'a b' })", "not allowed (byte 2)"},
	{":rule('r', m.any, act.accept { scene = 7 })", "scene must be a string"},
	{":rule('r', m.any, act.accept { scene = ('x'):rep(64) })", "too long"},
	{":rule('r', m.any, act.accept { network = 'x' })", "network must be a table"},
	{":rule('r', m.any, act.accept { network = { both = 'x' } })", "unknown key 'both'"},
	{":rule('r', m.any, act.accept { network = { caller = ('x'):rep(32) } })", "too long"},
	{":rule('r', m.any, act.accept { limits = 7 })", "limits must be a table"},
	{":rule('r', m.any, act.accept { limits = { max_kbps = -1 } })", "must be 0 to 1000000"},
	{":rule('r', m.any, act.accept { limits = { max_pose_hz = 1001 } })", "0 to 1000"},
	{":rule('r', m.any, act.accept { limits = { max_nodes = 1.5 } })", "whole number"},
	{":rule('r', m.any, act.accept { limits = { max_kpbs = 1 } })", "unknown key 'max_kpbs'"},
	{":rule('r', m.any, act.accept { 7 })", "has a key that is a number"},
	{":rule('r', m.any, act.process())", "act.process needs a table"},
	{":rule('r', m.any, act.process {})", "party must be one of"},
	{":rule('r', m.any, act.process { party = 'x', media = 'video', op = 'relay' })",
		"party must be one of 'caller', 'callee'"},
	{":rule('r', m.any, act.process { party = 'caller', media = 'smell', op = 'relay' })",
		"media must be one of 'video', 'audio'"},
	{":rule('r', m.any, act.process { party = 'caller', media = 'video' })",
		"needs party, media"},
	{":rule('r', m.any, act.process { party = 'both', media = 'video', op = 'a b' })",
		"there is no op 'a b'"},
	{":rule('r', m.any, act.process { party = 'caller', media = 'video', op = 'relay', by = "
	 "'x' })",
		"by must be one of 'armf'"},
	{":rule('r', m.any, act.process { party = 'caller', media = 'video', op = 'relay', "
	 "max_kbps = 'x' })",
		"max_kbps must be a whole number"},
	{":rule('r', m.any, act.header('X A', 'b'))", "name must be a header name"},
	{":rule('r', m.any, act.header('', 'b'))", "must be a header name"},
	{":rule('r', m.any, act.header('X-A', 'b\\r\\nVia: x'))", "not allowed (byte 2)"},
	{":rule('r', m.any, act.header('X-A', '\\xff'))", "is not UTF-8"},
	{":rule('r', m.any, act.header('Via', 'b'))", "a policy may not set Via"},
	{":rule('r', m.any, act.header('v', 'b'))", "a policy may not set v"},
	{":rule('r', m.any, act.header('CONTENT-LENGTH', '0'))", "may not set CONTENT-LENGTH"},
	{":rule('r', m.any, act.header('P-Asserted-Identity', 'x'))", "may not set P-Asserted"},
	{":rule('r', m.any, act.header('P-IMS-AR', 'x'))", "may not set P-IMS-AR"},
	{":rule('r', m.any, act.header('Route', 'x'))", "may not set Route"},
	{":rule('r', m.any, act.header('X-A', ('x'):rep(256)))", "too long"},
	{":rule('r', m.any, act.header('X-A'))", ""}, /* an empty value is one */
};

static void told_while_loading(void **state)
{
	char text[2048], why[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct policy *p;

		snprintf(text, sizeof(text),
			HEAD "return ar.new 'x' %s :rule('last', m.any, " OK_ACT ")\n",
			wrong[i].rule);
		p = load(text, why, sizeof(why));
		if ((p != NULL) != (wrong[i].says[0] == '\0'))
			fail_msg("%s: %s", wrong[i].rule, p ? "was taken" : why);
		if (!p && !strstr(why, wrong[i].says))
			fail_msg("%s: said '%s', not '%s'", wrong[i].rule, why, wrong[i].says);
		if (!p && strncmp(why, "policy.lua", 10) != 0 && !strstr(why, "tried with") &&
			!strstr(why, ".list"))
			fail_msg("%s: '%s' does not say where", wrong[i].rule, why);
		policy_free(p);
	}
}

static const struct {
	const char *text, *says;
} whole[] = {
	{"", "the policy returns a nil"},
	{"return 7", "the policy returns a number"},
	{"return {}", "the policy returns a table"},
	{"return ar.new()", "a policy needs a name"},
	{"return ar.new ''", "a policy needs a name"},
	{"return ar.new 'x'", "policy 'x' has no rule"},
	{"return ar.new('x', { api = 2 })", "this policy wants API 2, this asd has 1"},
	{"return ar.new('x', { api = 'one' })", "api is a whole number"},
	{"return ar.new('x', { apy = 1 })", "ar.new: unknown option 'apy'"},
	{"return ar.new('x'):on_answer('a', m.any, act.keep_caller())", "has no rule"},
	{"x = 1", "policy.lua:3"},
	{"local x = y", "policy.lua:3"},
	{"return ar.new 'x' :rool('r')", "rool"},
	{"local p = ar.new 'x' for i = 1, 257 do p:rule('r' .. i, m.any, act.plain()) end return p",
		"more than 256 rules"},
	{"local s = setmetatable({}, {}) s.x = 1 m.any = s return 7", "policy.lua:3"},
	{"ar.new = nil return 7", "policy.lua:3"},
	{"require 'nothing'", "nothing"},
	{"require '../etc/passwd'", "policy.lua:3"},
	{"return ar.new 'x' :rule('r', m.any, act.plain()) :selftest { { name = 'n', call = "
	 "{ hour = 99 }, expect = { code = 1 } } }",
		"hour"},
	{"return ar.new 'x' :rule('r', m.any, act.plain()) :selftest { { name = 'wrong', call = "
	 "{}, "
	 "expect = { action = 'ar' } } }",
		"wrong"},
};

static void whole_policies(void **state)
{
	char text[2048], why[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		struct policy *p;

		snprintf(text, sizeof(text), HEAD "%s\n", whole[i].text);
		p = load(text, why, sizeof(why));
		if (p)
			fail_msg("%s: was taken", whole[i].text);
		if (!strstr(why, whole[i].says))
			fail_msg("%s: said '%s', not '%s'", whole[i].text, why, whole[i].says);
	}
}

/* ---- what a function's wrong result costs in a call ---- */

static const struct {
	const char *action; /* of a rule that only the evil caller meets */
	enum policy_result result;
	const char *says;
} results[] = {
	{"function() return nil end", POLICY_OK, ""},
	{"function() return act.plain() end", POLICY_OK, ""},
	{"function() return 7 end", POLICY_ERROR, "an action is missing or is not one"},
	{"function() return 'plain' end", POLICY_ERROR, "is not one"},
	{"function() return { action = 'ar' } end", POLICY_ERROR, "is not one"},
	{"function() return function() end end", POLICY_ERROR, "returned a function"},
	{"function() return act.keep_caller() end", POLICY_ERROR, "does not belong in"},
	{"function() return act.deny(99) end", POLICY_ERROR, "must be 400 to 699"},
	{"function(c) return act.deny(403, c.caller.user .. '\\r\\n') end", POLICY_ERROR,
		"not allowed"},
	{"function(c) return act.deny(403, ('\\xc3\\xb6'):sub(1, 1)) end", POLICY_ERROR,
		"not UTF-8"},
	{"function(c) return act.accept { scene = c.caller.user .. ' x' } end", POLICY_ERROR,
		"not allowed"},
	{"function(c) return c.nothing end", POLICY_ERROR, "call has no field 'nothing'"},
	{"function(c) c.hour = 3 end", POLICY_ERROR, "call is read-only"},
	{"function(c) return c.caller.user.x.y end", POLICY_ERROR, "index a nil"},
	{"function(c) return c.asserted .. '' end", POLICY_ERROR, "concatenate a nil"},
	{"function(c) return c[7] end", POLICY_ERROR, "has no field"},
	{"function(c) return c[{}] end", POLICY_ERROR, "has no field"},
	{"function() error() end", POLICY_ERROR, ""},
	{"function() error { 1 } end", POLICY_ERROR, ""},
	{"function() for i = 1, 20 do ar.log(('x'):rep(500)) end end", POLICY_OK, ""},
	{"function() return lists.file 'some.list' and nil end", POLICY_ERROR, "only while"},
	{"function() while true do end end", POLICY_TIMEOUT, ""},
};

static void in_a_call(void **state)
{
	char text[2048], why[4096];
	struct policy_verdict v;

	(void)state;
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		enum policy_result r;
		struct policy *p;

		snprintf(text, sizeof(text),
			HEAD "return ar.new 'x' :rule('it', m.caller 'evil', %s)"
			     " :rule('ar', m.any, act.accept { scene = 'default' })\n",
			results[i].action);
		p = load(text, why, sizeof(why));
		if (!p)
			fail_msg("%s: %s", results[i].action, why);
		r = decide(p, SIP("evil@x"), &v);
		if (r != results[i].result || !strstr(v.error, results[i].says))
			fail_msg("%s: %s, '%s'", results[i].action, policy_result_name(r), v.error);
		if (r != POLICY_OK) { /* the fallback, which names the rule at work */
			assert_int_equal(v.action, POLICY_PLAIN);
			assert_string_equal(v.rule, "(fallback)");
		}
		assert_int_equal(decide(p, "{}", &v), POLICY_OK); /* the next call */
		assert_int_equal(v.action, POLICY_AR);
		policy_free(p);
	}
}

/* ---- calls as JSON ---- */

static const struct {
	const char *call, *says;
} cases[] = {
	{"7", "the call must be a table"},
	{"[1]", "the call must be a table"},
	{"{\"coller\":\"x\"}", "call.coller: there is no such field"},
	{"{\"caller\":7}", "call.caller: must be a URI"},
	{"{\"caller\":{\"uri\":\"sip:a@x\",\"age\":7}}", "call.caller: has an unknown member"},
	{"{\"caller\":{\"user\":7}}", "call.caller: must be a string"},
	{"{\"caller\":{\"caps\":\"ar\"}}", "must be a list of names"},
	{"{\"caller\":{\"caps\":[\"clever\"]}}", "has an unknown name"},
	{"{\"caller\":{\"registered\":[7]}}", "has an unknown name"},
	{"{\"callee\":{\"caps\":{\"clever\":true}}}", "has an unknown name"},
	{"{\"callid\":7}", "call.callid: must be a string"},
	{"{\"asserted\":false}", "call.asserted: must be a string"},
	{"{\"side\":\"c\"}", "call.side: must be 'a' or 'b'"},
	{"{\"initial\":1}", "call.initial: must be true or false"},
	{"{\"class\":\"x\"}", "call.class: must be"},
	{"{\"reasons\":[\"x\"]}", "call.reasons: has an unknown name"},
	{"{\"media\":\"audio\"}", "call.media: must be a list"},
	{"{\"media\":[7]}", "call.media: needs a name"},
	{"{\"media\":[{\"media\":\"audio\",\"life\":true}]}", "call.media: has an unknown member"},
	{"{\"media\":[{\"media\":\"audio\",\"live\":1}]}", "must be true or false"},
	{"{\"channels\":7}", "call.channels: must be a list"},
	{"{\"channels\":[{\"id\":-1}]}", "0 or more"},
	{"{\"channels\":[{\"idd\":1}]}", "call.channels: has an unknown member"},
	{"{\"channels\":[{\"ordered\":1}]}", "must be true or false"},
	{"{\"calls_of_caller\":-1}", "call.calls_of_caller: must be a number"},
	{"{\"calls_total\":1.5}", "must be a number"},
	{"{\"hour\":60}", "call.hour: is out of range"},
	{"{\"minute\":\"x\"}", "call.minute: must be a number"},
	{"{\"weekday\":0}", "call.weekday: must be 1"},
	{"{\"weekday\":8}", "call.weekday: must be 1"},
	{"{\"weekday\":\"monday\"}", "call.weekday: must be 1"},
	{"{\"dcmfs\":7}", "call.dcmfs: must be a list"},
	{"{\"dcmfs\":[{\"nome\":\"x\"}]}", "call.dcmfs: has an unknown member"},
	{"{\"dcmfs\":[{\"load\":-5}]}", "0 or more"},
	{"{\"facts\":{\"a\":7}}", "a fact is a string, or false"},
	{"{\"facts\":{\"a\":true}}", "a fact is a string, or false"},
	{"{\"facts_failed\":{\"a\":7}}", "a reason, of a fact that has no value"},
	{"{\"facts\":{\"a\":\"x\"},\"facts_failed\":{\"a\":\"late\"}}", "that has no value"},
	{"{\"facts\":{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\",\"e\":\"\",\"f\":\"\",\"g\":\"\","
	 "\"h\":\"\",\"i\":\"\",\"j\":\"\",\"k\":\"\",\"l\":\"\",\"m\":\"\",\"n\":\"\",\"o\":\"\","
	 "\"p\":\"\",\"q\":\"\"}}",
		"call.facts: too many"},
};

static void calls_as_json(void **state)
{
	struct policy_case *c = malloc(sizeof(*c));
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *call = json_loads(cases[i].call, JSON_DECODE_ANY, NULL);

		assert_non_null(call);
		if (policy_case_read(c, call, why, sizeof(why)) == 0)
			fail_msg("%s: was taken", cases[i].call);
		if (!strstr(why, cases[i].says))
			fail_msg("%s: said '%s', not '%s'", cases[i].call, why, cases[i].says);
		json_decref(call);
	}
	free(c);
}

/* What is shown is cut at a character's end: kamcmd gets JSON, which takes no half ones. */
static void long_texts_are_cut_whole(void **state)
{
	char text[2048] = HEAD "return ar.new 'x' :rule('r', m.caller(", why[4096];
	struct policy *p;
	json_t *items;
	size_t i, cut = 0;
	json_t *o;

	(void)state;
	for (i = 0; i < 3; i++) { /* one of them ends in the middle of a two-byte character */
		strcat(text, "'");
		for (unsigned k = 0; k < 100 + i; k++)
			strcat(text, "\xc3\xb6");
		strcat(text, "',");
	}
	strcat(text, "'x'), act.plain()) :rule('last', m.any, act.plain())\n");
	p = load(text, why, sizeof(why));
	if (!p)
		fail_msg("%s", why);
	items = policy_items(p);
	assert_non_null(items);
	json_array_foreach(items, i, o)
	{
		const char *match = json_string_value(json_object_get(o, "match"));

		if (match && strlen(match) > 200)
			cut++;
	}
	assert_int_equal(cut, 1);
	json_decref(items);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(truth),
		cmocka_unit_test(told_while_loading), cmocka_unit_test(whole_policies),
		cmocka_unit_test(in_a_call), cmocka_unit_test(calls_as_json),
		cmocka_unit_test(long_texts_are_cut_whole)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
