/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ICE-lite agent: whose checks count, what they are answered, which pair is selected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mediad/ice/ice.h"
#include "mediad/net/peer_addr.h"

#include <stdio.h>

struct check {
	const char *remote; /* half of USERNAME */
	bool use, controlled, no_user, extra;
	const char *user, *pwd; /* NULL: the right one */
	uint32_t priority;
};

static struct peer_addr at(unsigned port)
{
	struct peer_addr a;

	assert_int_equal(peer_addr_parse(&a, "192.0.2.7", (uint16_t)port), 0);
	return a;
}

static struct ice_out run(struct ice *ice, const struct check *c, unsigned port, uint64_t now)
{
	static const uint8_t id[STUN_ID_LEN] = "0123456789a";
	struct peer_addr from = at(port);
	struct stun_writer w;
	struct stun_key *k;
	struct ice_out out;
	uint8_t buf[512];
	int n;

	stun_begin(&w, buf, sizeof(buf), STUN_REQUEST, id);
	if (!c->no_user)
		stun_add_username(&w, ar_span_str(c->user ? c->user : ice->local.ufrag),
			ar_span_str(c->remote));
	stun_add_priority(&w, c->priority);
	stun_add_role(&w, !c->controlled, 5);
	if (c->use)
		stun_add_use_candidate(&w);
	if (c->extra)
		stun_add_error(&w, STUN_BAD_REQUEST, NULL);
	assert_int_equal(stun_key_new(&k, ar_span_str(c->pwd ? c->pwd : ice->local.pwd)), 0);
	n = stun_finish(&w, k);
	stun_key_free(k);
	assert_true(n > 0);
	ice_input(ice, (struct ar_span){(char *)buf, (size_t)n}, &from, now, &out);
	assert_true(out.nreply <= (size_t)n); /* never more out than in */
	return out;
}

static unsigned error_of(const struct ice_out *out)
{
	struct stun_msg m;

	assert_int_equal(out->verdict, ICE_ERROR);
	assert_int_equal(
		stun_parse(&m, (struct ar_span){(const char *)out->reply, out->nreply}), 0);
	assert_int_equal(m.cls, STUN_FAILURE);
	return m.error;
}

static void test_credentials(void **state)
{
	struct ice a, b;

	(void)state;
	assert_int_equal(ice_init(&a), 0);
	assert_int_equal(ice_init(&b), 0);
	assert_int_equal(strlen(a.local.ufrag), ICE_UFRAG_LEN);
	assert_int_equal(strlen(a.local.pwd), ICE_PWD_LEN);
	assert_string_not_equal(a.local.ufrag, b.local.ufrag);
	assert_int_equal(strspn(a.local.pwd, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					     "0123456789+/"),
		ICE_PWD_LEN);
	ice_free(&a);
	ice_free(&b);
}

static void test_answer_is_signed_and_maps(void **state)
{
	struct ice ice;
	struct ice_out out;
	struct stun_msg m;
	struct peer_addr want = at(5000);

	(void)state;
	assert_int_equal(ice_init(&ice), 0);
	out = run(&ice, &(struct check){.remote = "ue"}, 5000, 10);
	assert_int_equal(out.verdict, ICE_OK);
	assert_true(out.fresh && !out.nominated && !out.moved);
	assert_int_equal(stun_parse(&m, (struct ar_span){(char *)out.reply, out.nreply}), 0);
	assert_int_equal(m.cls, STUN_SUCCESS);
	assert_true(m.fingerprint && stun_check(&m, ice.local.key));
	assert_true(m.mapped && peer_addr_eq(&m.mapped_addr, &want));
	assert_memory_equal(m.id, "0123456789a", 12);
	ice_free(&ice);
}

static void test_errors(void **state)
{
	struct ice ice;
	struct ice_out out;

	(void)state;
	assert_int_equal(ice_init(&ice), 0);
	ice_set_remote(&ice, AR_SPAN("ue"), true);
	out = run(&ice, &(struct check){.remote = "ue", .controlled = true}, 1, 1);
	assert_int_equal(error_of(&out), STUN_ROLE_CONFLICT);
	out = run(&ice, &(struct check){.remote = "ue", .user = "stranger"}, 1, 1);
	assert_int_equal(error_of(&out), STUN_UNAUTHENTICATED);
	out = run(&ice, &(struct check){.remote = "ue", .pwd = "wrong"}, 1, 1);
	assert_int_equal(error_of(&out), STUN_UNAUTHENTICATED);
	out = run(&ice, &(struct check){.remote = "other"}, 1, 1);
	assert_int_equal(error_of(&out), STUN_UNAUTHENTICATED);
	out = run(&ice, &(struct check){.no_user = true}, 1, 1);
	assert_int_equal(error_of(&out), STUN_BAD_REQUEST);
	assert_int_equal(ice.npair, 0); /* no state came of all that */
	assert_int_equal(ice.seen, 0);
	assert_false(ice_is_reached(&ice));
	ice_free(&ice);
}

static void test_indications_and_responses_are_not_answered(void **state)
{
	static const uint8_t id[STUN_ID_LEN];
	static const enum stun_class cls[] = {STUN_INDICATION, STUN_SUCCESS, STUN_FAILURE};
	struct peer_addr from = at(1);
	struct ice ice;

	(void)state;
	assert_int_equal(ice_init(&ice), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct stun_writer w;
		struct ice_out out;
		uint8_t buf[128];
		int n;

		stun_begin(&w, buf, sizeof(buf), cls[i], id);
		n = stun_finish(&w, NULL);
		assert_true(n > 0);
		ice_input(&ice, (struct ar_span){(char *)buf, (size_t)n}, &from, 1, &out);
		assert_int_equal(out.nreply, 0);
		assert_int_equal(out.verdict, i ? ICE_ERROR : ICE_DROP);
	}
	ice_free(&ice);
}

static void test_selected_follows_nomination(void **state)
{
	struct ice ice;
	struct ice_out out;

	(void)state;
	assert_int_equal(ice_init(&ice), 0);
	ice_set_remote(&ice, AR_SPAN("ue"), true);
	out = run(&ice, &(struct check){.remote = "ue"}, 1, 1);
	assert_null(ice.selected);
	out = run(&ice, &(struct check){.remote = "ue", .use = true}, 2, 2);
	assert_true(out.nominated && out.moved && ice.selected == out.pair);
	out = run(&ice, &(struct check){.remote = "ue", .use = true}, 2, 3);
	assert_true(out.nominated && !out.moved);
	/* the latest nomination wins, whatever its priority: that is how a UE moves */
	out = run(&ice, &(struct check){.remote = "ue", .use = true, .priority = 0}, 1, 4);
	assert_true(out.moved && ice.selected == out.pair);
	ice_free(&ice);
}

/* A UE that nominates once and then only checks: where its data and its last check come from, there
 * it is. Data alone, or a check alone, moves nothing. */
static void test_selected_follows_data(void **state)
{
	struct ice ice;
	struct ice_out out;
	struct ice_pair *old, *new;

	(void)state;
	assert_int_equal(ice_init(&ice), 0);
	out = run(&ice, &(struct check){.remote = "stranger"}, 3, 1);
	ice_on_data(&ice, out.pair); /* no description yet */
	assert_null(ice.selected);
	ice_set_remote(&ice, AR_SPAN("ue"), true);
	ice_on_data(&ice, out.pair); /* nothing nominated, and not its */
	assert_null(ice.selected);
	old = run(&ice, &(struct check){.remote = "ue", .use = true}, 1, 2).pair;
	assert_ptr_equal(ice.selected, old);
	new = run(&ice, &(struct check){.remote = "ue"}, 2, 3).pair;
	assert_ptr_equal(ice.selected, old);
	run(&ice, &(struct check){.remote = "ue"}, 1, 4);
	ice_on_data(&ice, new); /* late: the UE has been heard at the old one since */
	assert_ptr_equal(ice.selected, old);
	run(&ice, &(struct check){.remote = "ue"}, 2, 5);
	ice_on_data(&ice, new);
	assert_ptr_equal(ice.selected, new);
	ice_on_data(&ice, old); /* under way since before */
	assert_ptr_equal(ice.selected, new);
	out = run(&ice, &(struct check){.remote = "stranger"}, 3, 9);
	assert_int_equal(out.verdict, ICE_ERROR);
	ice_on_data(&ice, &ice.pair[0]);
	assert_ptr_equal(ice.selected, new); /* the stranger's */
	ice_free(&ice);
}

static void test_before_the_description_any_remote_is_heard(void **state)
{
	struct ice ice;
	struct ice_out out;
	struct peer_addr b = at(2);

	(void)state;
	assert_int_equal(ice_init(&ice), 0);
	out = run(&ice, &(struct check){.remote = "a", .use = true}, 1, 1);
	assert_int_equal(out.verdict, ICE_OK);
	out = run(&ice, &(struct check){.remote = "b", .use = true}, 2, 2);
	assert_int_equal(out.verdict, ICE_OK);
	assert_null(ice.selected);
	ice_set_remote(&ice, AR_SPAN("b"), true);
	assert_non_null(ice.selected);
	assert_true(peer_addr_eq(&ice.selected->addr, &b));
	assert_true(ice_is_reached(&ice) && ice.seen == 2);
	/* the other one is nobody now */
	out = run(&ice, &(struct check){.remote = "a", .use = true}, 1, 3);
	assert_int_equal(error_of(&out), STUN_UNAUTHENTICATED);
	assert_true(peer_addr_eq(&ice.selected->addr, &b));
	ice_free(&ice);
}

static void test_remote_restart(void **state)
{
	struct ice ice;
	struct ice_out out;

	(void)state;
	assert_int_equal(ice_init(&ice), 0);
	ice_set_remote(&ice, AR_SPAN("old"), true);
	out = run(&ice, &(struct check){.remote = "old", .use = true}, 1, 1);
	ice_set_remote(&ice, AR_SPAN("new"), true);
	assert_non_null(ice.selected); /* media go on until the new pair is there */
	assert_false(ice_is_reached(&ice));
	out = run(&ice, &(struct check){.remote = "old"}, 1, 2);
	assert_int_equal(out.verdict, ICE_OK);
	out = run(&ice, &(struct check){.remote = "new", .use = true}, 2, 3);
	assert_true(out.moved && ice_is_reached(&ice));
	ice_set_remote(&ice, AR_SPAN("newer"), true);
	out = run(&ice, &(struct check){.remote = "old"}, 1, 4);
	assert_int_equal(out.verdict, ICE_ERROR);
	ice_free(&ice);
}

/* The UE goes on checking with the old name for a while (libwebrtc does), and nominates: it is
 * answered, and pulls nothing back. From one address both come in turns. */
static void test_the_previous_one_pulls_nothing_back(void **state)
{
	struct ice ice;
	struct ice_out out;
	struct ice_pair *old, *fresh;

	(void)state;
	assert_int_equal(ice_init(&ice), 0);
	ice_set_remote(&ice, AR_SPAN("old"), true);
	old = run(&ice, &(struct check){.remote = "old", .use = true}, 1, 1).pair;
	ice_set_remote(&ice, AR_SPAN("new"), true);
	fresh = run(&ice, &(struct check){.remote = "new", .use = true}, 2, 2).pair;
	assert_ptr_equal(ice.selected, fresh);
	out = run(&ice, &(struct check){.remote = "old", .use = true}, 1, 3);
	assert_int_equal(out.verdict, ICE_OK);
	assert_false(out.moved);
	ice_on_data(&ice, old);
	assert_ptr_equal(ice.selected, fresh);
	out = run(&ice, &(struct check){.remote = "old", .use = true}, 2, 4);
	assert_int_equal(out.verdict, ICE_OK);
	assert_true(ice_is_reached(&ice) && ice.selected == fresh);
	out = run(&ice, &(struct check){.remote = "old", .use = true}, 1, 5);
	assert_false(out.moved);
	/* moving on with the new name works as ever */
	out = run(&ice, &(struct check){.remote = "new", .use = true}, 1, 6);
	assert_true(out.moved && ice.selected == old);
	ice_free(&ice);
}

/* Two answers of two forks one after the other: the first one's UE is nobody from the second on. */
static void test_another_ue_is_named(void **state)
{
	struct ice ice;
	struct ice_out out;

	(void)state;
	assert_int_equal(ice_init(&ice), 0);
	ice_set_remote(&ice, AR_SPAN("first"), false);
	out = run(&ice, &(struct check){.remote = "first", .use = true}, 1, 1);
	assert_int_equal(out.verdict, ICE_OK);
	ice_set_remote(&ice, AR_SPAN("second"), false);
	assert_null(ice.selected);
	assert_int_equal(ice.seen, 0);
	out = run(&ice, &(struct check){.remote = "first", .use = true}, 1, 2);
	assert_int_equal(error_of(&out), STUN_UNAUTHENTICATED);
	assert_null(ice.selected);
	out = run(&ice, &(struct check){.remote = "second", .use = true}, 2, 3);
	assert_true(out.moved && ice_is_reached(&ice));
	ice_free(&ice);
}

/* An offer with a restart is refused by the other side, and comes again: what the UE has been using
 * since before the first one stays good until it has the newest. */
static void test_local_restart_twice(void **state)
{
	struct ice ice;
	struct ice_out out;
	char ufrag[16], pwd[32], unused[16], unused_pwd[32];

	(void)state;
	assert_int_equal(ice_init(&ice), 0);
	snprintf(ufrag, sizeof(ufrag), "%s", ice.local.ufrag);
	snprintf(pwd, sizeof(pwd), "%s", ice.local.pwd);
	assert_int_equal(ice_restart(&ice), 0);
	snprintf(unused, sizeof(unused), "%s", ice.local.ufrag);
	snprintf(unused_pwd, sizeof(unused_pwd), "%s", ice.local.pwd);
	assert_int_equal(ice_restart(&ice), 0);
	out = run(&ice, &(struct check){.remote = "ue", .user = ufrag, .pwd = pwd}, 1, 1);
	assert_int_equal(out.verdict, ICE_OK);
	out = run(&ice, &(struct check){.remote = "ue", .user = unused, .pwd = unused_pwd}, 1, 1);
	assert_int_equal(out.verdict, ICE_ERROR);
	out = run(&ice, &(struct check){.remote = "ue"}, 1, 2);
	assert_int_equal(out.verdict, ICE_OK);
	out = run(&ice, &(struct check){.remote = "ue", .user = ufrag, .pwd = pwd}, 1, 3);
	assert_int_equal(out.verdict, ICE_ERROR);
	ice_free(&ice);
}

static void test_local_restart(void **state)
{
	struct ice ice;
	struct ice_out out;
	char ufrag[16], pwd[32];

	(void)state;
	assert_int_equal(ice_init(&ice), 0);
	snprintf(ufrag, sizeof(ufrag), "%s", ice.local.ufrag);
	snprintf(pwd, sizeof(pwd), "%s", ice.local.pwd);
	assert_int_equal(ice_restart(&ice), 0);
	assert_string_not_equal(ufrag, ice.local.ufrag);
	out = run(&ice, &(struct check){.remote = "ue", .user = ufrag, .pwd = pwd}, 1, 1);
	assert_int_equal(out.verdict, ICE_OK);
	/* old name with the new password is neither */
	out = run(&ice, &(struct check){.remote = "ue", .user = ufrag}, 1, 1);
	assert_int_equal(out.verdict, ICE_ERROR);
	out = run(&ice, &(struct check){.remote = "ue"}, 1, 1);
	assert_int_equal(out.verdict, ICE_OK);
	out = run(&ice, &(struct check){.remote = "ue", .user = ufrag, .pwd = pwd}, 1, 1);
	assert_int_equal(out.verdict, ICE_ERROR);
	ice_free(&ice);
}

static void test_table_of_pairs_is_bounded(void **state)
{
	struct ice ice;
	struct ice_out out;
	struct peer_addr first = at(1000);

	(void)state;
	assert_int_equal(ice_init(&ice), 0);
	ice_set_remote(&ice, AR_SPAN("ue"), true);
	run(&ice, &(struct check){.remote = "ue", .use = true}, 1000, 1);
	for (unsigned i = 1; i < 100; i++) {
		out = run(&ice, &(struct check){.remote = "ue"}, 1000 + i, 1 + i);
		assert_int_equal(out.verdict, ICE_OK);
		assert_true(out.fresh);
	}
	assert_int_equal(ice.npair, ICE_MAX_PAIRS);
	/* the selected one stays, however long it was silent */
	assert_non_null(ice_find(&ice, &first));
	assert_true(ice.selected == ice_find(&ice, &first));
	ice_free(&ice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_answer_is_signed_and_maps),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_indications_and_responses_are_not_answered),
		cmocka_unit_test(test_selected_follows_nomination),
		cmocka_unit_test(test_selected_follows_data),
		cmocka_unit_test(test_before_the_description_any_remote_is_heard),
		cmocka_unit_test(test_remote_restart),
		cmocka_unit_test(test_local_restart),
		cmocka_unit_test(test_local_restart_twice),
		cmocka_unit_test(test_the_previous_one_pulls_nothing_back),
		cmocka_unit_test(test_another_ue_is_named),
		cmocka_unit_test(test_table_of_pairs_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
