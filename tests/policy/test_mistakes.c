/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What operators write by mistake: each is refused while the policy loads, and the message says
 * where, what, and what to do about it. None of these may be taken in silence: the rule would match
 * every call, or none.
 */
#include "policy_help.h"

#include "common/daemon/ar_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define OK_ACT "act.plain()"

/* says "": nothing is wrong with it. */
static const struct {
	const char *rule, *says;
} mistakes[] = {
	{":rule('r', m.caller, " OK_ACT ")", "m.caller is not called; write m.caller()"},
	{":rule('r', m.emergency, " OK_ACT ")", "m.emergency is not called"}, /* true for all */
	{":rule('r', m.any(), " OK_ACT ")", "'any' is a match already: leave out the ()"},
	{":rule('r', m.anny, " OK_ACT ")", "there is no m.anny; did you mean 'any'?"},
	{":rule('r', m.caler_in(1), " OK_ACT ")",
		"there is no m.caler_in; did you mean 'caller_in'?"},
	{":rule('r', m.zzzzzz, " OK_ACT ")",
		"there is no m.zzzzzz; there are: all_of, any, any_of,"},
	{":rule('r', m.check, " OK_ACT ")", "tried with"}, /* the library's own */
	{":rul('r', m.any, " OK_ACT ")", "there is no :rul; did you mean 'rule'?"},
	{".rule('r', m.any, " OK_ACT ")", "write :rule(...), with a colon"},
	{".on_end(function() end)", "write :on_end(...), with a colon"},
	{":rule('r', m.any, act.acept {})", "there is no act.acept; did you mean 'accept'?"},
	{":rule('r', m.any, act.plain { scene = 'x' })", "act.plain takes nothing in (), not 1"},
	{":rule('r', m.any, act.deny(403, 'a', 'b'))", "act.deny takes 2 arguments, not 3"},
	{":rule('r', m.any, act.accept 'x')", "act.accept needs a table: { scene = 'name' }"},
	{":rule('r', m.any, act.accept)", "act.accept is not called; write act.accept()"},
	{":rule('r', m.caller_is('ar-capable', 'avatar'), " OK_ACT ")",
		"takes one argument, not 2"},
	{":rule('r', m.hours(1, 2, 3), " OK_ACT ")", "m.hours takes 2 arguments, not 3"},
	{":rule('r', m.offers 'data channel', " OK_ACT ")", "did you mean 'datachannel'?"},
	{":rule('r', m.offers 'Video', " OK_ACT ")", "did you mean 'video'?"},
	{":rule('r', m.offers 'mpeg-sd', " OK_ACT ")", ""},
	{":rule('r', m.caller 'al*ce', " OK_ACT ")", "is not like 'alice@ims.example'"},
	{":rule('r', m.caller '@*ims', " OK_ACT ")", "is not like"},
	{":rule('r', m.caller 'alice@', " OK_ACT ")", "is not like"},
	{":rule('r', m.caller 'alice bob', " OK_ACT ")", "is not like"},
	{":rule('r', m.caller_in 'a.list', " OK_ACT ")", "needs what lists.file 'a.list' gives"},
	{":rule('last', m.caller 'x', " OK_ACT ")", "there are two rules 'last'"},
	{":rule('r', function() return m.caller 'x' end, " OK_ACT ")",
		"the match function returns a table, not true or false"},
	{":rule('r', function(c) return c.caller.usr end, " OK_ACT ")",
		"a party has no field 'usr'"},
	{":rule('r', function(c) return c.caller.caps.ar end, " OK_ACT ")",
		"'ar' is no capability"},
	{":rule('r', function() return os.time() end, " OK_ACT ")", "the sandbox does not have it"},
	{":rule('r', function() return print 'x' end, " OK_ACT ")", "write with ar.log(text)"},
	{":rule('r', function() return blocked end, " OK_ACT ")", "or its 'local' is missing"},
	{":on_answer('r', m.any, act.trace())", "act.trace does not belong in :on_answer"},
	{":rule('r', m.any, act.process { party = 'caller', media = 'video', op = 'overlya' })",
		"there is no op 'overlya'; did you mean 'overlay'?"},
	{":rule('r', m.any, act.process { party = 'caller', media = 'audio', op = 'overlay' })",
		"of audio there is only op 'relay'"},
	{":rule('r', m.any, act.process { party = 'caller', media = 'video', op = 'overlay', codec "
	 "= 'VP9' })",
		"there is no codec 'VP9' for video"},
	{":rule('r', m.any, act.process { party = 'caller', media = 'video', op = 'relay', codec = "
	 "'opus' })",
		"there is no codec 'opus' for video"},
};

static void all(void **state)
{
	char text[2048], why[POLICY_MAX_ERROR + 1];
	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		const char *says = mistakes[i].says;
		struct policy *p = NULL;
		int rc;

		snprintf(text, sizeof(text),
			HEAD "return ar.new 'x' %s :rule('last', m.any, " OK_ACT ")\n",
			mistakes[i].rule);
		rc = policy_test_load(&p, text, NULL, why);
		if ((rc == 0) == (says[0] == '\0') &&
			(rc == 0 || (strstr(why, says) && strncmp(why, "policy.lua:", 11) == 0))) {
			policy_free(p);
			continue;
		}
		print_error("%s: %s, not '%s'\n", mistakes[i].rule, rc ? why : "was taken", says);
		policy_free(p);
		bad++;
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all)};

	ar_log_init("test_mistakes", AR_LOG_ERR);
	return cmocka_run_group_tests(tests, policy_test_setup, policy_test_teardown);
}
