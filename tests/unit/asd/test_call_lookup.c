/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A call that waits for its facts: what the policy sees, and everything that may happen meanwhile.
 */
#include "world.h"
#include "asd/call/call_lookup.h"
#include "asd/policy/policy.h"
#include "common/daemon/ar_clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define T1 "0123456789abcdef"

static struct world w;
static char *sdp_a, *sdp_b;

static void use_policy(const char *rules)
{
	char path[] = "/tmp/test_call_lookup.XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	struct policy_conf pc = asd_policy_conf(&w.a.conf);
	struct ar_buf err;

	assert_non_null(f);
	fprintf(f,
		"local ar = require 'ar.policy'\nlocal m, act = ar.match, ar.act\n"
		"return ar.new 'facts'\n%s\n",
		rules);
	fclose(f);
	policy_free(w.a.policy);
	w.a.policy = NULL;
	pc.script = path;
	pc.facts_known = false; /* the stand-in for the look-ups gives what is asked for */
	ar_buf_init(&err, 4096);
	if (policy_load(&w.a.policy, &pc, &err) != 0)
		fail_msg("%.*s", (int)err.n, err.p);
	ar_buf_free(&err);
	unlink(path);
}

static int setup(void **state)
{
	(void)state;
	world_open(&w);
	w.a.lookup = (struct lookup *)&w; /* only the fakes see it */
	w.lookup_err = -EINPROGRESS;
	sdp_a = world_sdp("aaaa", "actpass", 52718);
	sdp_b = world_sdp("bbbb", "active", 52718);
	use_policy(
		":rule('gold', m.fact('tier', 'gold'), act.accept{ scene = 'gold' })\n"
		":rule('failed', function(call) return call.facts_failed.tier == 'timeout' end,\n"
		"  act.deny(503, 'tier is not known'))\n"
		":rule('busy', m.fact_failed 'tier', act.deny(500, 'no look-up'))\n"
		":rule('other', m.any, act.plain())");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&w);
	free(sdp_a);
	free(sdp_b);
	return 0;
}

static unsigned invite(uint32_t cseq)
{
	struct front_offer m = world_invite(T1, sdp_a);

	m.cseq = cseq;
	return world_offer(&w, &m);
}

static void event(const char *ev, uint32_t cseq, unsigned status, const char *sdp)
{
	struct front_event e = world_event(ev, T1);

	e.cseq = cseq;
	e.has_cseq = cseq != 0;
	e.status = status;
	e.sdp = sdp;
	e.outcome = *sdp ? "ar-capable" : "";
	call_on_event(&w.a, &e);
	world_check(&w);
}

static struct call *the_call(void)
{
	return calls_find(&w.a.calls, T1);
}

static void the_offer_waits(void **state)
{
	unsigned r = invite(1);

	(void)state;
	assert_string_equal(w.looked_up, "alice");
	assert_string_equal(world_verdict(&w, r), "");
	assert_int_equal(w.norders, 0); /* nothing is reserved before the policy has spoken */
	world_looked_up(&w, 1, world_facts("tier", "gold"));
	assert_int_equal(w.norders, 1);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(w.order[0].doc, "x-ims-ar"), "scene")),
		"gold");
	world_confirm(&w, 0);
	assert_string_equal(world_verdict(&w, r), "ar");
	event("answered", 1, 200, sdp_b);
	assert_int_equal(the_call()->state, CALL_UP);
	event("bye", 0, 0, "");
	world_check_empty(&w);
}

static void known_at_once(void **state)
{
	unsigned r;

	(void)state;
	w.lookup_err = 0;
	r = invite(1);
	assert_int_equal(w.norders, 1);
	world_confirm(&w, 0);
	assert_string_equal(world_verdict(&w, r), "ar");
	event("failed", 1, 486, "");
	world_check_empty(&w);
}

static void a_failure_is_seen_by_the_rule(void **state)
{
	unsigned r = invite(1);

	(void)state;
	world_looked_up(&w, 1, world_facts("tier", NULL));
	assert_string_equal(world_verdict(&w, r), "deny");
	assert_int_equal(json_integer_value(json_object_get(w.answer[r], "code")), 503);
	world_check_empty(&w);
}

static void no_room_for_a_look_up(void **state)
{
	unsigned r;

	(void)state;
	w.lookup_err = -ENOSPC;
	r = invite(1);
	assert_int_equal(json_integer_value(json_object_get(w.answer[r], "code")), 500);
	assert_int_equal(w.a.stats.n[ASD_LOOKUPS_REFUSED], 1);
	world_check_empty(&w);
}

static void cancelled_meanwhile(void **state)
{
	unsigned r = invite(1);

	(void)state;
	event("cancelled", 1, 0, "");
	event("failed", 1, 487, "");
	assert_string_equal(world_verdict(&w, r), "error:gone");
	assert_null(the_call());
	world_looked_up(&w, 1, world_facts("tier", "gold"));
	assert_int_equal(w.a.stats.n[ASD_LOOKUPS_UNWANTED], 1);
	assert_int_equal(w.norders, 0);
	world_check_empty(&w);
}

static void begun_anew_meanwhile(void **state)
{
	unsigned first = invite(1), second = invite(2);

	(void)state;
	assert_string_equal(world_verdict(&w, first), "error:superseded");
	world_looked_up(&w, 1, world_facts("tier", NULL)); /* the first one's: nobody's now */
	assert_string_equal(world_verdict(&w, second), "");
	world_looked_up(&w, 2, world_facts("tier", "gold"));
	world_confirm(&w, 0);
	assert_string_equal(world_verdict(&w, second), "ar");
	world_check(&w);
	event("failed", 2, 486, "");
	world_check_empty(&w);
}

static void asked_again_meanwhile(void **state)
{
	unsigned first = invite(1), again = invite(1);

	(void)state;
	assert_string_equal(world_verdict(&w, first), "error:repeated");
	assert_int_equal(w.nlookups, 1);
	world_looked_up(&w, 1, world_facts("tier", NULL));
	assert_string_equal(world_verdict(&w, again), "deny");
	world_check_empty(&w);
}

static void twice_is_once(void **state)
{
	unsigned r = invite(1);

	(void)state;
	world_looked_up(&w, 1, world_facts("tier", "gold"));
	world_looked_up(&w, 1, world_facts("tier", NULL));
	assert_string_equal(world_verdict(&w, r), "");
	world_confirm(&w, 0);
	assert_string_equal(world_verdict(&w, r), "ar");
	assert_string_equal(the_call()->facts->fact[0].text, "gold");
	event("failed", 1, 486, "");
	world_check_empty(&w);
}

/* The look-up has a deadline of its own; should it fail, the offer is answered all the same. */
static void it_never_comes(void **state)
{
	unsigned r = invite(1);

	(void)state;
	world_pass(&w, 1900);
	assert_string_equal(world_verdict(&w, r), "");
	world_pass(&w, 200);
	assert_string_equal(world_verdict(&w, r), "plain");
	world_looked_up(&w, 1, world_facts("tier", "gold"));
	world_check_empty(&w);
}

static void asd_stops_meanwhile(void **state)
{
	unsigned r = invite(1);

	(void)state;
	call_flow_stop(&w.a);
	assert_string_equal(world_verdict(&w, r), "error:stopping");
	world_looked_up(&w, 1, world_facts("tier", "gold"));
	world_check_empty(&w);
}

/* A change waits too; the context stays, whether the facts come or not. */
static void a_change_waits(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned r;

	(void)state;
	w.lookup_err = 0;
	(void)invite(1);
	world_confirm(&w, 0);
	event("answered", 1, 200, sdp_b);
	for (unsigned i = 0; i < w.nupdates; i++)
		world_updated(&w, i, 0);
	w.lookup_err = -EINPROGRESS;
	m.cseq = 2;
	m.initial = false;
	m.to_tag = "tb";
	r = world_offer(&w, &m);
	world_pass(&w, 1000); /* longer than mediad would have */
	assert_string_equal(world_verdict(&w, r), "");
	world_looked_up(&w, 1, world_facts("tier", "gold"));
	assert_string_equal(world_verdict(&w, r), "ar");
	m.cseq = 3;
	r = world_offer(&w, &m);
	world_pass(&w, 2100);
	assert_string_equal(world_verdict(&w, r), "error:no_plan");
	assert_int_equal(the_call()->ctx.state, CTX_UP);
	world_check(&w);
	event("bye", 0, 0, "");
	world_check_empty(&w);
}

static void ended_by_bye_meanwhile(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned r;

	(void)state;
	w.lookup_err = 0;
	(void)invite(1);
	world_confirm(&w, 0);
	event("answered", 1, 200, sdp_b);
	w.lookup_err = -EINPROGRESS;
	m.cseq = 2;
	m.initial = false;
	m.to_tag = "tb";
	r = world_offer(&w, &m);
	event("bye", 0, 0, "");
	assert_string_equal(world_verdict(&w, r), "error:gone");
	world_looked_up(&w, 1, world_facts("tier", "gold"));
	world_check_empty(&w);
}

static void without_facts_nothing_is_asked(void **state)
{
	unsigned r;

	(void)state;
	w.a.lookup = NULL;
	r = invite(1);
	assert_int_equal(w.nlookups, 0);
	assert_string_equal(world_verdict(&w, r), "plain"); /* the last rule */
	world_check_empty(&w);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(the_offer_waits), T(known_at_once),
		T(a_failure_is_seen_by_the_rule), T(no_room_for_a_look_up), T(cancelled_meanwhile),
		T(begun_anew_meanwhile), T(asked_again_meanwhile), T(twice_is_once),
		T(it_never_comes), T(asd_stops_meanwhile), T(a_change_waits),
		T(ended_by_bye_meanwhile), T(without_facts_nothing_is_asked)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
