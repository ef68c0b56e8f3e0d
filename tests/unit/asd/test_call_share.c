/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that share a scene by policy: what is asked of mediad, where, and what a full one means. */
#include "world.h"

#include "asd/call/call_share.h"
#include "asd/call/call_store.h"

#include "common/daemon/ar_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define T1 "00000000000000a1"
#define T2 "00000000000000a2"
#define T3 "00000000000000a3"

static struct world w;
static char *sdp_a, *sdp_b;

/* bob's calls meet; carol's too, and get a busy tone when there is no place. */
static const char policy[] =
	"local ar = require 'ar.policy'\n"
	"local m, act = ar.match, ar.act\n"
	"return ar.new 'share'\n"
	"	:rule('bob', m.callee 'bob@ims', act.accept { share = 'hall', limits = { "
	"max_participants = 6 } })\n"
	"	:rule('carol', m.callee 'carol@ims', act.header('X-Room', 'small'),\n"
	"		act.accept { share = 'hall', full = 486 })\n"
	"	:rule('alone', m.any, act.accept { scene = 'default' })\n";

static int setup(void **state)
{
	char path[] = "/tmp/ims-ar-policy.XXXXXX";
	int fd = mkstemp(path);
	struct policy_conf pc;
	struct ar_buf err;

	(void)state;
	world_open(&w);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, policy, strlen(policy)), strlen(policy));
	close(fd);
	free(w.a.conf.policy_file);
	w.a.conf.policy_file = strdup(path);
	policy_free(w.a.policy);
	w.a.policy = NULL;
	pc = asd_policy_conf(&w.a.conf);
	ar_buf_init(&err, 4096);
	if (policy_load(&w.a.policy, &pc, &err) != 0)
		fail_msg("%.*s", (int)err.n, err.p);
	ar_buf_free(&err);
	unlink(path);
	sdp_a = world_sdp("ufa1", "actpass", 52718);
	sdp_b = world_sdp("ufb1", "active", 6000);
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

static unsigned invite(const char *token, const char *to)
{
	struct front_offer m = world_invite(token, sdp_a);

	m.callid = token;
	m.to = to;
	return world_offer(&w, &m);
}

static void answer(const char *token)
{
	struct front_event e = world_event("answered", token);

	e.cseq = 1;
	e.has_cseq = true;
	e.status = 200;
	e.sdp = sdp_b;
	e.outcome = "ar-capable";
	call_on_event(&w.a, &e);
	world_check(&w);
}

static const json_t *asked(unsigned order, const char *member)
{
	return json_object_get(json_object_get(w.order[order].doc, "x-ims-ar"), member);
}

static void what_mediad_is_asked(void **state)
{
	(void)state;
	invite(T1, "sip:bob@ims");
	invite(T2, "sip:dave@ims");
	assert_string_equal(json_string_value(asked(0, "share")), "hall");
	assert_int_equal(
		json_integer_value(json_object_get(asked(0, "limits"), "maxParticipants")), 6);
	assert_int_equal(w.order[0].only, -1); /* the first one: by its name */
	assert_string_equal(w.order[0].prefer, "m1");
	assert_null(asked(1, "share"));
	assert_int_equal(w.order[1].only, -1);
	assert_string_equal(w.order[1].prefer, "");
	world_confirm(&w, 0);
	world_confirm(&w, 1);
	invite(T3, "sip:carol@ims");
	assert_int_equal(w.order[2].only, 0); /* there or nowhere */
}

static void full_is_an_ordinary_call(void **state)
{
	unsigned r;

	(void)state;
	r = invite(T1, "sip:bob@ims");
	world_refuse(&w, 0, -EUSERS);
	assert_string_equal(world_verdict(&w, r), "plain");
	assert_non_null(strstr(
		json_string_value(json_object_get(w.answer[r], "reason")), "'hall' is full"));
	assert_int_equal(w.a.stats.n[ASD_SHARE_FULL], 1);
	assert_int_equal(w.a.stats.n[ASD_PLAIN_NO_DCMF], 0);
	world_check_empty(&w);
}

static void full_is_refused(void **state)
{
	const json_t *h;
	unsigned r;

	(void)state;
	r = invite(T1, "sip:carol@ims");
	world_refuse(&w, 0, -EUSERS);
	assert_string_equal(world_verdict(&w, r), "deny");
	assert_int_equal(json_integer_value(json_object_get(w.answer[r], "code")), 486);
	h = json_object_get(w.answer[r], "headers");
	/* of the answer: what the policy adds to the request stays out of it */
	assert_int_equal(json_array_size(h), 1);
	h = json_array_get(h, 0);
	assert_string_equal(json_string_value(json_object_get(h, "name")), "Warning");
	assert_memory_equal(json_string_value(json_object_get(h, "value")), "399 ", 4);
	assert_int_equal(w.a.stats.n[ASD_SHARE_FULL], 1);
	world_check_empty(&w);
}

/* An ordinary denial has no headers, those of the policy are for the request. */
static void other_refusals_are_as_before(void **state)
{
	unsigned r;

	(void)state;
	r = invite(T1, "sip:carol@ims");
	world_refuse(&w, 0, -EREMOTEIO);
	assert_string_equal(world_verdict(&w, r), "plain");
	assert_int_equal(w.a.stats.n[ASD_SHARE_FULL], 0);
	assert_non_null(json_object_get(w.answer[r], "headers"));
}

/* The AR part begins inside the dialog: the change is refused, and as what it is. */
static void full_in_a_change(void **state)
{
	struct front_offer m;
	unsigned r;

	(void)state;
	invite(T1, "sip:carol@ims");
	world_confirm(&w, 0);
	answer(T1);
	call_on_context_gone(&w.a, 0, w.live[0], "worker died");
	calls_find(&w.a.calls, T1)->ctx.state = CTX_NONE;
	m = world_invite(T1, sdp_a);
	m.callid = T1;
	m.cseq = 2;
	m.initial = false;
	m.to_tag = "tb";
	r = world_offer(&w, &m);
	assert_int_equal(w.norders, 2);
	world_refuse(&w, 1, -EUSERS);
	assert_string_equal(world_verdict(&w, r), "deny");
	assert_int_equal(json_integer_value(json_object_get(w.answer[r], "code")), 488);
	assert_int_equal(calls_n(&w.a.calls), 1);
}

static unsigned sharing(void)
{
	const struct call *c = NULL;
	unsigned n = 0;

	while ((c = calls_find_share(&w.a.calls, "hall", c)) != NULL)
		n++;
	return n;
}

static void found_by_name_until_the_end(void **state)
{
	struct front_event bye = world_event("bye", T1);

	(void)state;
	invite(T1, "sip:bob@ims");
	invite(T2, "sip:bob@ims");
	invite(T3, "sip:dave@ims");
	assert_int_equal(sharing(), 2);
	for (unsigned i = 0; i < 3; i++)
		world_confirm(&w, i);
	answer(T1);
	bye.from_tag = "ta";
	bye.to_tag = "tb";
	call_on_event(&w.a, &bye);
	assert_int_equal(sharing(), 1);
	/* one is over, the other's context stays */
	assert_int_equal(w.releases, 1);
	assert_int_equal(calls_find(&w.a.calls, T2)->ctx.state, CTX_UP);
}

static void back_after_a_restart(void **state)
{
	json_t *stored;

	(void)state;
	invite(T1, "sip:bob@ims");
	world_confirm(&w, 0);
	answer(T1);
	call_store_flush(&w.a, false);
	stored = json_incref(w.stored);
	call_flow_close(&w.a);
	calls_free(&w.a.calls);
	assert_int_equal(calls_init(&w.a.calls, 1000), 0);
	assert_int_equal(call_store_load(&w.a), 0);
	json_decref(stored);
	assert_int_equal(sharing(), 1);
	invite(T2, "sip:bob@ims");
	assert_int_equal(w.order[1].only, 0);
}

/* What the policy says later does not move a call that is in its scene. */
static void stays_where_it_is(void **state)
{
	struct policy_verdict v = {.share = "attic"};
	struct call *c;

	(void)state;
	invite(T1, "sip:bob@ims");
	c = calls_find(&w.a.calls, T1);
	world_confirm(&w, 0);
	call_share_take(&w.a, c, &v);
	assert_string_equal(c->share, "hall");
	assert_int_equal(sharing(), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_mediad_is_asked),
		T(full_is_an_ordinary_call),
		T(full_is_refused),
		T(other_refusals_are_as_before),
		T(full_in_a_change),
		T(found_by_name_until_the_end),
		T(back_after_a_restart),
		T(stays_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
