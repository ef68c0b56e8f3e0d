/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every order in which events, answers and time may come to a call. */
#include "world.h"
#include "asd/call/call_store.h"
#include "common/daemon/ar_clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define T1 "0123456789abcdef"
#define T2 "fedcba9876543210"

static struct world w;
static char *sdp_a, *sdp_b, *sdp_off;

static int setup(void **state)
{
	(void)state;
	world_open(&w);
	sdp_a = world_sdp("aaaa", "actpass", 52718);
	sdp_b = world_sdp("bbbb", "active", 52718);
	sdp_off = world_sdp("bbbb", "active", 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&w);
	free(sdp_a);
	free(sdp_b);
	free(sdp_off);
	return 0;
}

static struct call *the_call(void)
{
	return calls_find(&w.a.calls, T1);
}

/* A call whose offer has its plan. */
static unsigned ringing(void)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned r = world_offer(&w, &m);

	world_confirm(&w, (unsigned)world_order(&w));
	assert_string_equal(world_verdict(&w, r), "ar");
	world_check(&w);
	return r;
}

static void event(const char *ev, uint32_t cseq, const char *from, const char *to, unsigned status,
	const char *sdp, const char *outcome)
{
	struct front_event e = world_event(ev, T1);

	e.cseq = cseq;
	e.has_cseq = cseq != 0;
	e.from_tag = from;
	e.to_tag = to;
	e.status = status;
	e.sdp = sdp ? sdp : "";
	e.outcome = outcome ? outcome : "";
	call_on_event(&w.a, &e);
	world_check(&w);
}

static void up(void)
{
	ringing();
	event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(the_call()->state, CALL_UP);
	for (unsigned i = 0; i < w.nupdates; i++)
		world_updated(&w, i, 0);
	world_check(&w);
}

static unsigned re_invite(uint32_t cseq, enum ar_side side, const char *sdp)
{
	struct front_offer m = world_invite(T1, sdp);

	m.cseq = cseq;
	m.initial = false;
	m.side = side;
	m.from_tag = side == AR_SIDE_A ? "ta" : "tb";
	m.to_tag = side == AR_SIDE_A ? "tb" : "ta";
	return world_offer(&w, &m);
}

/* ---- directed ---- */

static void offer_answer_bye(void **state)
{
	(void)state;
	up();
	assert_string_equal(the_call()->to_tag, "tb");
	event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
	assert_int_equal(w.releases, 1);
}

static void decision_times_out(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned r = world_offer(&w, &m);

	(void)state;
	world_pass(&w, 1900);
	assert_string_equal(world_verdict(&w, r), "");
	world_pass(&w, 200);
	assert_string_equal(world_verdict(&w, r), "plain");
	world_confirm(&w, 0); /* too late */
	world_check_empty(&w);
	assert_int_equal(w.a.stats.n[ASD_PLAIN_TIMEOUT], 1);
}

static void no_dcmf(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);

	(void)state;
	w.reserve_err = -EHOSTUNREACH;
	assert_string_equal(world_verdict(&w, world_offer(&w, &m)), "plain");
	world_check_empty(&w);
}

static void refused_by_all(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned r = world_offer(&w, &m);

	(void)state;
	world_refuse(&w, 0, -EREMOTEIO);
	assert_string_equal(world_verdict(&w, r), "plain");
	world_check_empty(&w);
}

static void nobody_waits_any_more(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);

	(void)state;
	world_offer(&w, &m);
	w.module_gone = true;
	world_confirm(&w, 0);
	world_check_empty(&w);
}

static void ring_ttl(void **state)
{
	(void)state;
	ringing();
	world_pass(&w, 199000);
	assert_non_null(the_call());
	event("early", 1, "ta", "tb", 183, sdp_b, NULL); /* it rings on */
	world_pass(&w, 199000);
	assert_non_null(the_call());
	world_pass(&w, 3000);
	world_check_empty(&w);
	assert_int_equal(w.a.stats.n[ASD_CALLS_EXPIRED_RING], 1);
}

static void call_ttl(void **state)
{
	(void)state;
	w.a.conf.call_ttl_s = 600;
	up();
	world_pass(&w, 590000);
	assert_string_equal(world_verdict(&w, re_invite(2, AR_SIDE_A, sdp_a)), "ar");
	event("answered", 2, "ta", "tb", 200, sdp_b, "ar-capable");
	world_pass(&w, 590000);
	assert_non_null(the_call());
	world_pass(&w, 12000);
	world_check_empty(&w);
	assert_int_equal(w.a.stats.n[ASD_CALLS_EXPIRED_TTL], 1);
}

static void policy_limits_the_ar_part(void **state)
{
	(void)state;
	ringing();
	the_call()->ar_ends = w.now + 10 * AR_SEC;
	event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	world_pass(&w, 12000);
	assert_int_equal(the_call()->ctx.state, CTX_LOST);
	assert_int_equal(w.told, 1);
	event("bye", 0, "tb", "ta", 0, NULL, NULL);
	world_check_empty(&w);
}

static void retry_after_407(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned r;

	(void)state;
	ringing();
	m.cseq = 2;
	r = world_offer(&w, &m);
	assert_string_equal(world_verdict(&w, r), "ar");
	assert_int_equal(w.norders, 1); /* the context serves again */
	event("failed", 1, "ta", "", 407, NULL, NULL);
	assert_non_null(the_call());
	event("answered", 2, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(the_call()->state, CALL_UP);
	event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void retry_while_the_first_is_decided(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned first = world_offer(&w, &m), second;

	(void)state;
	m.cseq = 2;
	second = world_offer(&w, &m);
	assert_string_equal(world_verdict(&w, first), "error:superseded");
	world_confirm(&w, 0); /* of the first: deleted */
	world_check(&w);
	world_confirm(&w, 1);
	assert_string_equal(world_verdict(&w, second), "ar");
	event("failed", 2, "ta", "", 486, NULL, NULL);
	world_check_empty(&w);
}

static void update_in_the_early_dialog(void **state)
{
	unsigned r;

	(void)state;
	ringing();
	event("early", 1, "ta", "tb", 183, sdp_b, "ar-capable");
	r = re_invite(2, AR_SIDE_A, sdp_a);
	assert_string_equal(world_verdict(&w, r), "ar");
	event("answered", 2, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(the_call()->state, CALL_SETUP);
	event("answered", 1, "ta", "tb", 200, NULL, NULL);
	assert_int_equal(the_call()->state, CALL_UP);
	assert_int_equal(the_call()->map_no, 2); /* the later exchange is the map */
	event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void update_fails_the_invite_goes_on(void **state)
{
	(void)state;
	ringing();
	assert_string_equal(world_verdict(&w, re_invite(2, AR_SIDE_A, sdp_a)), "ar");
	event("failed", 2, "ta", "tb", 491, NULL, NULL);
	assert_non_null(the_call());
	event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void facts_are_told_once(void **state)
{
	(void)state;
	ringing();
	event("early", 1, "ta", "tb", 183, sdp_b, "ar-capable");
	assert_int_equal(w.nupdates, 1);
	event("early", 1, "ta", "t2", 183, sdp_b, "ar-capable");
	assert_int_equal(w.nupdates, 1);
	event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(w.nupdates, 1);
	world_updated(&w, 0, 0);
	assert_int_equal(w.nupdates, 1);
	world_pass(&w, 5000);
	assert_int_equal(w.nupdates, 1);
}

static void facts_are_told_again_after_a_loss(void **state)
{
	(void)state;
	ringing();
	w.update_err = -ENOTCONN;
	event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(w.nupdates, 0);
	w.update_err = 0;
	world_pass(&w, 1100);
	assert_int_equal(w.nupdates, 1);
	world_updated(&w, 0, -ETIMEDOUT);
	world_pass(&w, 1100);
	assert_int_equal(w.nupdates, 2);
	world_updated(&w, 1, -EREMOTEIO); /* for good */
	world_pass(&w, 5000);
	assert_int_equal(w.nupdates, 2);
}

static void change_waits_for_mediad(void **state)
{
	char *restart = world_sdp("rrrr", "actpass", 52718);
	unsigned r, u;

	(void)state;
	up();
	u = w.nupdates;
	r = re_invite(2, AR_SIDE_A, restart);
	assert_string_equal(world_verdict(&w, r), "");
	assert_int_equal(w.nupdates, u + 1);
	world_updated(&w, u, 0);
	assert_string_equal(world_verdict(&w, r), "ar");
	r = re_invite(3, AR_SIDE_A, sdp_a);
	world_pass(&w, 900); /* mediad says nothing: after reserve_timeout_ms */
	assert_string_equal(world_verdict(&w, r), "ar");
	world_check(&w);
	free(restart);
}

/* The DTLS role, once settled, stays for an offer that leaves it open (RFC 8842 5.5). */
static void roles_stay(void **state)
{
	char *passive = world_sdp("aaaa", "passive", 52718);
	struct front_offer m = world_invite(T1, passive);
	unsigned r = world_offer(&w, &m);

	(void)state;
	world_confirm(&w, 0);
	assert_string_equal(world_verdict(&w, r), "ar");
	event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(the_call()->setup[AR_SIDE_A], AR_SETUP_ACTIVE);
	assert_int_equal(the_call()->setup[AR_SIDE_B], AR_SETUP_PASSIVE);
	r = re_invite(2, AR_SIDE_A, sdp_a); /* actpass */
	for (unsigned i = 0; i < w.nupdates; i++)
		world_updated(&w, i, 0);
	char *text = json_dumps(w.answer[r], 0);
	assert_non_null(strstr(text, "a=setup:active"));
	assert_null(strstr(text, "a=setup:passive"));
	free(text);
	free(passive);
}

static void context_lost_while_changing(void **state)
{
	char *restart = world_sdp("rrrr", "actpass", 52718);
	unsigned r;

	(void)state;
	up();
	r = re_invite(2, AR_SIDE_A, restart);
	free(w.live[--w.nlive]);
	call_on_context_gone(&w.a, 0, "c1", "worker died");
	world_check(&w);
	assert_int_equal(w.told, 1);
	world_updated(&w, w.nupdates - 1, -ENOENT);
	world_pass(&w, 2200);
	assert_int_equal(w.answers[r], 1);
	world_check(&w);
	event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
	free(restart);
}

/* A list asked for before the context was confirmed need not have it. */
static void young_context_is_not_missed(void **state)
{
	uint64_t asked = w.now;
	json_t *listed = json_object();

	(void)state;
	w.now += AR_SEC;
	up();
	call_on_contexts_listed(&w.a, 0, listed, asked);
	assert_int_equal(the_call()->ctx.state, CTX_UP);
	json_object_set_new(listed, "c1", json_object());
	json_object_set_new(listed, "c9", json_object());
	call_on_contexts_listed(&w.a, 0, listed, w.now + 1);
	assert_int_equal(the_call()->ctx.state, CTX_UP);
	assert_int_equal(json_object_size(listed), 1); /* c9 is nobody's */
	call_on_contexts_listed(&w.a, 1, listed, w.now + 1); /* another DCMF's list */
	assert_int_equal(the_call()->ctx.state, CTX_UP);
	free(w.live[--w.nlive]);
	call_on_contexts_listed(&w.a, 0, listed, w.now + 1);
	assert_int_equal(the_call()->ctx.state, CTX_LOST);
	json_decref(listed);
}

static void no_answer_sdp_is_no_harm(void **state)
{
	(void)state;
	ringing();
	event("answered", 1, "ta", "tb", 200, "v=0\r\nbroken", "ar-capable");
	assert_int_equal(the_call()->state, CALL_UP);
	event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void refused_ends_the_ar_part(void **state)
{
	(void)state;
	ringing();
	event("answered", 1, "ta", "tb", 200, sdp_off, "dc-refused");
	assert_int_equal(w.nlive, 0);
	assert_int_equal(w.told, 0); /* the module knows by its plan */
	event("bye", 0, "tb", "ta", 0, NULL, NULL);
	world_check_empty(&w);
}

static void bye_before_the_answer_is_known(void **state)
{
	(void)state;
	ringing();
	event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
	event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	world_check_empty(&w);
}

static void the_cseq_is_zero(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	struct front_event e = world_event("answered", T1);

	(void)state;
	m.cseq = 0;
	world_offer(&w, &m);
	world_confirm(&w, (unsigned)world_order(&w));
	e.from_tag = "ta";
	e.to_tag = "tb";
	e.cseq = 0;
	e.status = 200;
	e.sdp = sdp_b;
	call_on_event(&w.a, &e);
	assert_int_equal(the_call()->state, CALL_UP);
	event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

/* The one that answers is not among the first that rang: mediad hears of it all the same. */
static void more_forks_than_legs(void **state)
{
	char tag[8];

	(void)state;
	ringing();
	for (int i = 0; i < CALL_MAX_LEGS + 1; i++) {
		snprintf(tag, sizeof(tag), "f%d", i);
		event("early", 1, "ta", tag, 183, sdp_a, "dc-only");
	}
	event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_non_null(the_call()->settled[AR_SIDE_B]);
	assert_int_equal(the_call()->outcome, AR_OUTCOME_AR_CAPABLE);
	event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void malformed_offer(void **state)
{
	struct front_offer m = world_invite(T1, "v=0\r\nx\r\n");

	(void)state;
	assert_string_equal(world_verdict(&w, world_offer(&w, &m)), "error:malformed");
	world_check_empty(&w);
}

static void stopping(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned r = world_offer(&w, &m);

	(void)state;
	w.a.stopping = true;
	call_flow_stop(&w.a);
	assert_string_equal(world_verdict(&w, r), "error:stopping");
	m.call = T2;
	assert_string_equal(world_verdict(&w, world_offer(&w, &m)), "error:stopping");
	world_check_empty(&w);
}

/* ---- restart: from the store ---- */

static void restart(void)
{
	json_t *stored = json_incref(w.stored);
	uint64_t now = w.now;
	char *live[WORLD_MAX];
	unsigned n = w.nlive, contexts = w.contexts;

	for (unsigned i = 0; i < n; i++)
		live[i] = strdup(w.live[i]);
	world_close(&w);
	world_open(&w);
	json_decref(w.stored);
	w.stored = stored;
	w.now = now + AR_SEC;
	w.contexts = contexts;
	w.nlive = n;
	memcpy(w.live, live, n * sizeof(live[0]));
	assert_int_equal(call_store_load(&w.a), 0);
	world_check(&w);
}

static void restored_call_goes_on(void **state)
{
	json_t *before, *after;

	(void)state;
	up();
	before = call_to_json(&w.a, the_call());
	restart();
	after = call_to_json(&w.a, the_call());
	json_object_del(before, "heard"); /* a second has passed on one clock */
	json_object_del(after, "heard");
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	assert_string_equal(world_verdict(&w, re_invite(2, AR_SIDE_A, sdp_a)), "ar");
	event("answered", 2, "ta", "tb", 200, sdp_b, "ar-capable");
	event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void calls_that_the_module_does_not_list(void **state)
{
	struct front_offer m = world_invite(T2, sdp_a);
	uint32_t l;

	(void)state;
	up();
	world_offer(&w, &m);
	world_confirm(&w, (unsigned)world_order(&w));
	l = call_listing(&w.a);
	call_on_all_listed(&w.a, l, ""); /* a module without a name: nothing is known of it */
	call_on_all_listed(&w.a, l, "one");
	assert_int_equal(calls_n(&w.a.calls), 2);
	call_on_instance(&w.a, T1, "one");
	call_on_instance(&w.a, T2, "one");
	l = call_listing(&w.a);
	call_on_listed(&w.a, l, T2);
	call_on_listed(&w.a, l, "nonsense");
	call_on_all_listed(&w.a, l, "other");
	assert_int_equal(calls_n(&w.a.calls), 2);
	restart();
	l = call_listing(&w.a);
	call_on_listed(&w.a, l, T2);
	call_on_all_listed(&w.a, l, "one");
	assert_null(calls_find(&w.a.calls, T1));
	assert_non_null(calls_find(&w.a.calls, T2));
	call_on_all_listed(&w.a, call_listing(&w.a), "one");
	assert_non_null(calls_find(&w.a.calls, T2)); /* too young */
	w.now += CALL_YOUNG_S * AR_SEC;
	call_on_all_listed(&w.a, call_listing(&w.a), "one");
	world_check_empty(&w);
}

static void restored_while_ringing(void **state)
{
	(void)state;
	ringing();
	event("early", 1, "ta", "tb", 183, sdp_b, "ar-capable");
	restart();
	event("answered", 1, "ta", "tb", 200, NULL, NULL);
	assert_int_equal(the_call()->outcome, AR_OUTCOME_AR_CAPABLE);
	event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void restored_while_deciding(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);

	(void)state;
	world_offer(&w, &m);
	restart();
	assert_null(the_call());
	assert_int_equal(json_object_size(w.stored), 0);
}

/* The plan is on disk before the turn ends; what follows is one write, and none when it is over. */
static void writes_come_together(void **state)
{
	unsigned before;

	(void)state;
	w.slow_store = true;
	ringing();
	assert_int_equal(w.writes, 1);
	assert_int_equal(json_object_size(w.stored), 1);
	event("early", 1, "ta", "tb", 183, sdp_b, "ar-capable");
	event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(w.writes, 1);
	call_store_flush(&w.a, true); /* a turn with another call's plan */
	assert_int_equal(w.writes, 1);
	call_store_flush(&w.a, false);
	assert_int_equal(w.writes, 2);
	assert_string_equal(world_verdict(&w, re_invite(2, AR_SIDE_A, sdp_a)), "ar");
	assert_int_equal(w.writes, 3);
	before = w.writes;
	event("answered", 2, "ta", "tb", 200, sdp_b, "ar-capable");
	event("bye", 0, "ta", "tb", 0, NULL, NULL);
	call_store_flush(&w.a, false);
	assert_int_equal(w.writes, before);
	assert_int_equal(json_object_size(w.stored), 0);
	w.slow_store = false;
	world_check_empty(&w);
}

static void nonsense_in_the_store(void **state)
{
	static const char *const rows[] = {"", "[]", "{}", "{\"token\":1}",
		"{\"token\":\"" T1 "\",\"callid\":\"a\",\"caller\":\"b\"}",
		"{\"token\":\"" T1 "\",\"callid\":\"a\",\"caller\":\"b\",\"from_tag\":\"t\","
		"\"module\":\"m\",\"state\":1}",
		"{\"token\":\"" T1 "\",\"callid\":\"a\",\"caller\":\"b\",\"from_tag\":\"t\","
		"\"module\":\"m\",\"exchanges\":[{\"from_tag\":\"t\",\"plan\":{\"offer\":7}}]}",
		"{\"token\":\"" T1 "\",\"callid\":\"a\",\"caller\":\"b\",\"from_tag\":\"t\","
		"\"module\":\"m\",\"context\":{\"state\":2,\"dcmf\":\"m1\",\"id\":7}}"};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_object_set_new(w.stored, T1, json_string(rows[i]));
		assert_int_equal(call_store_load(&w.a), 0);
		assert_int_equal(calls_n(&w.a.calls), 0);
		assert_int_equal(json_object_size(w.stored), 0);
	}
}

static void dcmf_is_not_configured_any_more(void **state)
{
	(void)state;
	up();
	snprintf(w.dcmf.at.name, sizeof(w.dcmf.at.name), "m1");
	json_t *stored = json_incref(w.stored);
	world_close(&w);
	world_open(&w);
	json_decref(w.stored);
	w.stored = stored;
	snprintf(w.dcmf.at.name, sizeof(w.dcmf.at.name), "other");
	assert_int_equal(call_store_load(&w.a), 0);
	assert_int_equal(the_call()->ctx.state, CTX_LOST);
	call_on_module(&w.a, "pcscf1");
	assert_int_equal(w.told, 1);
	call_on_module(&w.a, "somebody");
	assert_int_equal(w.told, 1);
}

/* ---- any order at all ---- */

static uint32_t rng_state;

static unsigned rnd(unsigned n)
{
	rng_state = rng_state * 1664525u + 1013904223u;
	return (rng_state >> 8) % n;
}

static void random_offer(void)
{
	static const char *const tokens[] = {T1, T2};
	static const char *const methods[] = {"INVITE", "UPDATE"};
	char *sdp[] = {sdp_a, sdp_a, sdp_b, sdp_off};
	struct front_offer m = world_invite(tokens[rnd(2)], sdp[rnd(4)]);

	m.initial = rnd(3) == 0;
	m.cseq = 1 + rnd(3);
	m.method = methods[rnd(2)];
	m.side = m.initial || rnd(2) ? AR_SIDE_A : AR_SIDE_B;
	m.from_tag = m.side == AR_SIDE_A ? "ta" : "tb";
	world_offer(&w, &m);
}

static void random_event(void)
{
	static const char *const tokens[] = {T1, T2};
	static const char *const evs[] = {
		"early", "answered", "answered", "failed", "cancelled", "offer", "gone", "bye"};
	static const char *const tags[] = {"ta", "tb", "tc"};
	static const char *const hashes[] = {"", "1", "2", "3", "4"};
	static const char *const outs[] = {
		"ar-capable", "ar-assisted", "dc-only", "dc-refused", "none-offered", "", "x"};
	const char *sdp[] = {sdp_a, sdp_b, sdp_off, "", "v=0\r\nx"};
	struct front_event e = world_event(evs[rnd(8)], tokens[rnd(2)]);

	if (rnd(12) && (strcmp(e.ev, "bye") == 0 || strcmp(e.ev, "gone") == 0))
		return; /* else nothing lives long */
	e.cseq = rnd(4);
	e.has_cseq = e.cseq != 0;
	e.from_tag = tags[rnd(2)];
	e.to_tag = tags[rnd(3)];
	e.status = 180 + 10 * rnd(40);
	e.sdp = sdp[rnd(5)];
	e.hash = hashes[rnd(5)];
	e.outcome = outs[rnd(7)];
	e.side = rnd(2) ? AR_SIDE_A : AR_SIDE_B;
	call_on_event(&w.a, &e);
}

static void random_loss(void)
{
	static const char *const tokens[] = {T1, T2};
	struct call *c = calls_find(&w.a.calls, tokens[rnd(2)]);

	if (!c || c->ctx.state != CTX_UP)
		return;
	for (unsigned i = 0; i < w.nlive; i++) {
		if (strcmp(w.live[i], c->ctx.id) == 0) {
			free(w.live[i]);
			w.live[i] = w.live[--w.nlive];
			break;
		}
	}
	if (rnd(2)) {
		json_t *listed = json_object();

		for (unsigned i = 0; i < w.nlive; i++)
			json_object_set_new(listed, w.live[i], json_object());
		call_on_contexts_listed(&w.a, 0, listed, w.now + 1);
		assert_int_equal(json_object_size(listed), 0);
		json_decref(listed);
	} else {
		call_on_context_gone(&w.a, 0, c->ctx.id, "");
	}
}

/* Facts come at once, later, never, or twice. */
static void random_lookup(void)
{
	static const int errs[] = {-EINPROGRESS, -EINPROGRESS, 0, -ENOSPC, -ENOMEM};

	w.lookup_err = errs[rnd(5)];
	if (w.nlookups)
		world_looked_up(
			&w, 1 + rnd(w.nlookups), world_facts("tier", rnd(2) ? "gold" : NULL));
}

static void random_step(void)
{
	int o = world_order(&w);

	if (w.a.lookup && rnd(3) == 0)
		random_lookup();

	switch (rnd(10)) {
	case 0:
	case 1:
		random_offer();
		break;
	case 2:
	case 3:
	case 4:
		random_event();
		break;
	case 5:
		if (o >= 0)
			world_confirm(&w, (unsigned)o);
		break;
	case 6:
		if (o >= 0 && rnd(3) == 0)
			world_refuse(&w, (unsigned)o, rnd(2) ? -ETIMEDOUT : -EREMOTEIO);
		else if (rnd(10) == 0)
			random_loss();
		break;
	case 7:
		if (w.nupdates)
			world_updated(&w, rnd(w.nupdates),
				rnd(3)   ? 0
				: rnd(2) ? -ETIMEDOUT
					 : -EREMOTEIO);
		break;
	case 8:
		world_pass(&w, 100 + 100 * rnd(4));
		break;
	default:
		if (rnd(20) == 0)
			world_pass(&w, 250000);
		if (rnd(10) == 0)
			call_on_module(&w.a, "pcscf1");
		break;
	}
}

static void any_order(void **state)
{
	const char *more = getenv("ASD_SEEDS");
	unsigned ups = 0, seeds = more ? (unsigned)atoi(more) : 60;

	(void)state;
	for (unsigned seed = 1; seed <= seeds; seed++) {
		rng_state = seed * 7919;
		if (seed > 1) {
			world_close(&w);
			world_open(&w);
		}
		w.a.conf.call_ttl_s = 3600;
		w.a.lookup = seed % 2 ? NULL : (struct lookup *)&w; /* only the fake sees it */
		for (unsigned i = 0; i < 600; i++) {
			random_step();
			world_check(&w);
		}
		ups += (unsigned)w.a.stats.n[ASD_CALLS_ANSWERED];
		for (unsigned i = 0; i < w.norders;
			i++) { /* mediad answers everything in the end */
			if (w.order[i].open)
				world_refuse(&w, i, -ETIMEDOUT);
		}
		world_pass(&w, 3000);
		for (unsigned i = 0; i < w.requests; i++) {
			if (w.answers[i] != 1)
				fail_msg("seed %u: request %u was answered %u times", seed, i,
					w.answers[i]);
		}
		w.now += 4000 * AR_SEC; /* nobody is heard of any more */
		world_pass(&w, 2000);
		world_check_empty(&w);
	}
	print_message("%u calls were answered\n", ups);
	assert_true(ups > seeds); /* it does get somewhere */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(offer_answer_bye), T(decision_times_out), T(no_dcmf),
		T(refused_by_all), T(nobody_waits_any_more), T(ring_ttl), T(call_ttl),
		T(policy_limits_the_ar_part), T(retry_after_407),
		T(retry_while_the_first_is_decided), T(update_in_the_early_dialog),
		T(update_fails_the_invite_goes_on), T(facts_are_told_once),
		T(facts_are_told_again_after_a_loss), T(change_waits_for_mediad), T(roles_stay),
		T(young_context_is_not_missed), T(context_lost_while_changing),
		T(no_answer_sdp_is_no_harm), T(refused_ends_the_ar_part),
		T(bye_before_the_answer_is_known), T(calls_that_the_module_does_not_list),
		T(malformed_offer), T(the_cseq_is_zero), T(more_forks_than_legs), T(stopping),
		T(restored_call_goes_on), T(restored_while_ringing), T(writes_come_together),
		T(restored_while_deciding), T(nonsense_in_the_store),
		T(dcmf_is_not_configured_any_more), T(any_order)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
