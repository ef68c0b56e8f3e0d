/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that begin inside a dialog, ends that are none, and calls of a Kamailio that was restarted.
 */
#include "world.h"
#include "common/daemon/ar_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define T1 "0123456789abcdef"
#define T2 "fedcba9876543210"

static struct world w;
static char *sdp_a, *sdp_b;

static int setup(void **state)
{
	(void)state;
	world_open(&w);
	sdp_a = world_sdp("aaaa", "actpass", 52718);
	sdp_b = world_sdp("bbbb", "active", 52718);
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

static struct call *the_call(void)
{
	return calls_find(&w.a.calls, T1);
}

/* From "ta" to "tb", which have talked before. */
static struct front_offer inside(const char *token)
{
	struct front_offer m = world_invite(token, sdp_a);

	m.to_tag = "tb";
	return m;
}

static void bye(const char *from, const char *to)
{
	struct front_event e = world_event("bye", T1);

	e.from_tag = from;
	e.to_tag = to;
	call_on_event(&w.a, &e);
	world_check(&w);
}

static void answered(const char *origin_a, const char *origin_b)
{
	struct front_event e = world_event("answered", T1);

	e.cseq = 1;
	e.has_cseq = true;
	e.from_tag = "ta";
	e.to_tag = "tb";
	e.status = 200;
	e.sdp = sdp_b;
	e.outcome = "ar-capable";
	e.origin_a = origin_a;
	e.origin_b = origin_b;
	e.spiral = true;
	call_on_event(&w.a, &e);
	world_check(&w);
}

static const json_t *plan_of(unsigned request)
{
	return json_object_get(w.answer[request], "plan");
}

static const char *id_of(const json_t *plan, size_t side)
{
	return json_string_value(json_array_get(json_object_get(plan, "session_id"), side));
}

static void up(void)
{
	struct front_offer m = inside(T1);
	unsigned r = world_offer(&w, &m);

	world_confirm(&w, (unsigned)world_order(&w));
	assert_string_equal(world_verdict(&w, r), "ar");
	/* each side has seen the other's o=, which asd does not know */
	assert_string_equal(id_of(plan_of(r), 0), "");
	assert_string_equal(id_of(plan_of(r), 1), "");
	answered("bob 77 8 IN IP4 192.0.2.20", "alice 55 4 IN IP4 192.0.2.10");
}

static void origins_go_on(void **state)
{
	struct front_offer m = inside(T1);
	const json_t *plan;
	unsigned r;

	(void)state;
	up();
	assert_int_equal(the_call()->version[0], 8);
	assert_int_equal(the_call()->version[1], 4);
	m.cseq = 2;
	m.initial = false;
	m.sdp = sdp_a;
	r = world_offer(&w, &m);
	assert_string_equal(world_verdict(&w, r), "ar");
	plan = plan_of(r);
	assert_string_equal(id_of(plan, 0), "bob 77");
	assert_string_equal(id_of(plan, 1), "alice 55");
	bye("ta", "tb");
	world_check_empty(&w);
}

static void origins_that_cannot_be_read(void **state)
{
	struct front_offer m = inside(T1);

	(void)state;
	world_offer(&w, &m);
	world_confirm(&w, (unsigned)world_order(&w));
	answered("bob 77 IN IP4", "alice 55 4 IN IP4 192.0.2.10");
	assert_int_equal(the_call()->map->session_id[0].n, 0);
	bye("tb", "ta");
	world_check_empty(&w);
}

static const char *action(unsigned r)
{
	const char *s = json_string_value(json_object_get(w.answer[r], "action"));

	return s ? s : "";
}

/* The module does not know the call any more, and offers it as a new one. */
static void known_after_a_restart_of_kamailio(void **state)
{
	struct front_offer m = inside(T2);
	unsigned r;

	(void)state;
	up();
	m.cseq = 3;
	r = world_offer(&w, &m);
	assert_string_equal(action(r), "known");
	assert_string_equal(json_string_value(json_object_get(w.answer[r], "call")), T1);
	assert_true(json_is_true(json_object_get(w.answer[r], "inside")));
	assert_true(json_is_true(json_object_get(w.answer[r], "spiral")));
	assert_string_equal(id_of(plan_of(r), 0), "bob 77");
	m.from_tag = "tb";
	m.to_tag = "ta";
	assert_string_equal(action(world_offer(&w, &m)), "known");
	assert_int_equal(calls_n(&w.a.calls), 1);
	bye("ta", "tb");
	world_check_empty(&w);
}

static void elsewhere_for_another_kamailio(void **state)
{
	struct front_offer m = inside(T2);

	(void)state;
	up();
	call_on_offer(&w.a, &m, "pcscf2", (struct front_ref){.conn = 1, .id = 99});
	w.requests = 100;
	assert_string_equal(action(99), "elsewhere");
	/* what that one's media relay must not see is in the map */
	assert_non_null(json_object_get(w.answer[99], "plan"));
	assert_non_null(json_object_get(w.answer[99], "reason"));
	bye("ta", "tb");
	assert_null(the_call());
}

/* Another dialog of the same Call-ID, of a fork that answered too, is none of this call's. */
static void another_fork_is_another_call(void **state)
{
	struct front_offer m = inside(T2);
	unsigned r;

	(void)state;
	up();
	m.to_tag = "tc";
	r = world_offer(&w, &m);
	world_confirm(&w, (unsigned)world_order(&w));
	assert_string_equal(world_verdict(&w, r), "ar");
	assert_int_equal(calls_n(&w.a.calls), 2);
}

static void refused_it_is_an_ordinary_call_again(void **state)
{
	struct front_offer m = inside(T1);
	struct front_event e = world_event("failed", T1);

	(void)state;
	world_offer(&w, &m);
	world_confirm(&w, (unsigned)world_order(&w));
	e.cseq = 1;
	e.has_cseq = true;
	e.from_tag = "ta";
	e.to_tag = "tb";
	e.status = 488;
	call_on_event(&w.a, &e);
	world_check_empty(&w);
	assert_int_equal(w.releases, 1);
}

static void bye_of_somebody_else(void **state)
{
	(void)state;
	up();
	bye("ta", "wrong");
	bye("wrong", "tb");
	bye("", "");
	assert_non_null(the_call());
	bye("tb", "ta");
	world_check_empty(&w);
}

/* Its 200 may wait in the module for as long as asd was away. */
static void ringing_call_has_its_time_after_a_restart(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);

	(void)state;
	world_offer(&w, &m);
	world_confirm(&w, (unsigned)world_order(&w));
	world_restart(&w);
	assert_non_null(the_call());
	w.now += (w.a.conf.ring_ttl_s - 2) * AR_SEC;
	world_pass(&w, 1000);
	assert_non_null(the_call());
	w.now += 2 * AR_SEC;
	world_pass(&w, 2000);
	assert_null(the_call());
}

static void inside_survives_a_restart(void **state)
{
	(void)state;
	up();
	world_restart(&w);
	assert_true(the_call()->inside);
	assert_true(the_call()->spiral);
	assert_int_equal(the_call()->version[0], 8);
	assert_memory_equal(the_call()->map->session_id[0].p, "bob 77", 6);
}

/* BYE was lost while Kamailio was down; mediad has seen the UEs leave. */
static void orphan_ends_after_a_session_interval(void **state)
{
	(void)state;
	up();
	call_on_context_gone(&w.a, 0, the_call()->ctx.id, "idle");
	w.now += (CALL_ORPHAN_S + 10) * AR_SEC;
	world_pass(&w, 2000);
	assert_non_null(the_call()); /* its Kamailio may still have it */
	w.restarted = true;
	world_pass(&w, 2000);
	assert_null(the_call());
}

static void orphan_with_its_ues_there_stays(void **state)
{
	(void)state;
	up();
	w.restarted = true;
	w.now += (CALL_ORPHAN_S + 10) * AR_SEC;
	world_pass(&w, 2000);
	assert_non_null(the_call());
	bye("ta", "tb");
	world_check_empty(&w);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(origins_go_on), T(origins_that_cannot_be_read),
		T(known_after_a_restart_of_kamailio), T(elsewhere_for_another_kamailio),
		T(another_fork_is_another_call), T(refused_it_is_an_ordinary_call_again),
		T(bye_of_somebody_else), T(ringing_call_has_its_time_after_a_restart),
		T(inside_survives_a_restart), T(orphan_ends_after_a_session_interval),
		T(orphan_with_its_ues_there_stays)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
