/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls from the store after a restart, and every order in which events, answers and time may come.
 */
#include "one_call.h"
#include "asd/call/call_store.h"
#include "common/daemon/ar_clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* ---- restart: from the store ---- */

static void restored_call_goes_on(void **state)
{
	static const char *const times[] = {"heard", "created", "answered"};
	json_t *before, *after;

	(void)state;
	one_call_up();
	before = call_to_json(&w.a, one_call());
	world_restart(&w);
	after = call_to_json(&w.a, one_call());
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		json_object_del(before, times[i]); /* a second has passed on one clock */
		json_object_del(after, times[i]);
	}
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	assert_string_equal(world_verdict(&w, one_call_re_invite(2, AR_SIDE_A, sdp_a)), "ar");
	one_call_event("answered", 2, "ta", "tb", 200, sdp_b, "ar-capable");
	one_call_event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void calls_that_the_module_does_not_list(void **state)
{
	struct front_offer m = world_invite(T2, sdp_a);
	uint32_t l;

	(void)state;
	one_call_up();
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
	world_restart(&w);
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
	one_call_rings();
	one_call_event("early", 1, "ta", "tb", 183, sdp_b, "ar-capable");
	world_restart(&w);
	one_call_event("answered", 1, "ta", "tb", 200, NULL, NULL);
	assert_int_equal(one_call()->outcome, AR_OUTCOME_AR_CAPABLE);
	one_call_event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void restored_while_deciding(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);

	(void)state;
	world_offer(&w, &m);
	world_restart(&w);
	assert_null(one_call());
	assert_int_equal(json_object_size(w.stored), 0);
}

/* The plan is on disk before the turn ends; what follows is one write, and none when it is over. */
static void writes_come_together(void **state)
{
	unsigned before;

	(void)state;
	w.slow_store = true;
	one_call_rings();
	assert_int_equal(w.writes, 1);
	assert_int_equal(json_object_size(w.stored), 1);
	one_call_event("early", 1, "ta", "tb", 183, sdp_b, "ar-capable");
	one_call_event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(w.writes, 1);
	call_store_flush(&w.a, true); /* a turn with another call's plan */
	assert_int_equal(w.writes, 1);
	call_store_flush(&w.a, false);
	assert_int_equal(w.writes, 2);
	assert_string_equal(world_verdict(&w, one_call_re_invite(2, AR_SIDE_A, sdp_a)), "ar");
	assert_int_equal(w.writes, 3);
	before = w.writes;
	one_call_event("answered", 2, "ta", "tb", 200, sdp_b, "ar-capable");
	one_call_event("bye", 0, "ta", "tb", 0, NULL, NULL);
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
	one_call_up();
	snprintf(w.dcmf.at.name, sizeof(w.dcmf.at.name), "m1");
	json_t *stored = json_incref(w.stored);
	world_close(&w);
	world_open(&w);
	json_decref(w.stored);
	w.stored = stored;
	snprintf(w.dcmf.at.name, sizeof(w.dcmf.at.name), "other");
	assert_int_equal(call_store_load(&w.a), 0);
	assert_int_equal(one_call()->ctx.state, CTX_LOST);
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
#define T(f) cmocka_unit_test_setup_teardown(f, one_call_setup, one_call_teardown)
	const struct CMUnitTest tests[] = {T(calls_that_the_module_does_not_list),
		T(restored_call_goes_on), T(restored_while_ringing), T(writes_come_together),
		T(restored_while_deciding), T(nonsense_in_the_store),
		T(dcmf_is_not_configured_any_more), T(any_order)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
