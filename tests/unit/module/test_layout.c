/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which m-line of the media relay's a section is at. */
#include "kamailio-modules/ims_ar/ar_layout.h"
#include "help.h"
#include "stubs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\n"
#define PORT 1000 /* of a live section: this plus its index */

static struct ar_buf text, out;

static int setup(void **state)
{
	(void)state;
	test_stubs_reset();
	ar_buf_init(&text, AR_SDP_MAX_LEN);
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	return ar_layout_init(3);
}

static int teardown(void **state)
{
	(void)state;
	ar_layout_destroy();
	ar_buf_free(&text);
	ar_buf_free(&out);
	assert_int_equal(test_shm_live, 0);
	return 0;
}

static struct ar_layout_key key(const char *callid, uint32_t exchange, bool offer)
{
	return (struct ar_layout_key){.callid = ar_span_str(callid),
		.offer = offer,
		.keep = true,
		.exchange = exchange,
		.expires = ar_now_ms() + 100000};
}

/* A description of n sections, audio first; bits: those that are live. */
static struct ar_span describe(unsigned n, uint32_t live)
{
	ar_buf_reset(&text);
	ar_buf_add_str(&text, HEAD);
	for (unsigned i = 0; i < n; i++)
		ar_buf_printf(&text, "m=%s %u RTP/AVP %u\r\nc=IN IP4 1.2.3.4\r\na=mid:%u\r\n",
			i ? "video" : "audio", live & 1u << i ? PORT + i : 0, 96 + i, i);
	return ar_buf_span(&text);
}

/* What the relay gets; parsed. */
static void give(struct ar_sdp *sdp, struct ar_layout_key k, unsigned n, uint32_t live)
{
	struct ar_span t = describe(n, live);
	int rc;

	ar_buf_reset(&out);
	rc = ar_layout_to_relay(&k, t, &out);
	assert_in_range(rc, 0, 1);
	if (rc)
		t = ar_buf_span(&out);
	assert_int_equal(ar_sdp_parse(sdp, t.p, t.n, NULL), 0);
}

static void ports(const struct ar_sdp *sdp, unsigned n, const unsigned *want)
{
	assert_int_equal(sdp->nmedia, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(sdp->media[i].port, want[i]);
}

#define PORTS(SDP, ...)                                                                            \
	ports(SDP, sizeof((unsigned[]){__VA_ARGS__}) / sizeof(unsigned), (unsigned[]){__VA_ARGS__})

static void stays_while_nothing_comes_back(void **state)
{
	struct ar_layout_key k = key("c", 1, true);
	struct ar_sdp sdp;

	(void)state;
	give(&sdp, k, 2, 3);
	PORTS(&sdp, 1000, 1001);
	assert_int_equal(ar_layout_count(), 0); /* an ordinary call costs nothing */
	give(&sdp, key("c", 2, true), 2, 1);
	PORTS(&sdp, 1000, 0);
	give(&sdp, key("c", 2, false), 2, 1);
	PORTS(&sdp, 1000, 0);
	give(&sdp, key("c", 3, true), 3, 1);
	PORTS(&sdp, 1000, 0, 0);
	assert_int_equal(ar_layout_count(), 1);
	assert_false(ar_layout_moved(k.callid, k.pass));
	assert_int_equal(ar_layout_from_relay(k.callid, k.pass, &sdp), 0);
	assert_int_equal(sdp.nmedia, 3);
}

static void comes_back_at_a_new_line(void **state)
{
	struct ar_layout_key k = key("c", 1, true);
	struct ar_sdp sdp;

	(void)state;
	give(&sdp, k, 3, 1);
	give(&sdp, key("c", 1, false), 3, 1);
	give(&sdp, key("c", 2, true), 3, 3);
	PORTS(&sdp, 1000, 0, 0, 1001);
	assert_memory_equal(sdp.media[1].text.p, "m=video 0 RTP/AVP 97\r\nc=IN IP4 1.2.3.4\r\n",
		sdp.media[1].text.n);
	give(&sdp, key("c", 2, true), 3, 3); /* a copy */
	PORTS(&sdp, 1000, 0, 0, 1001);
	give(&sdp, key("c", 2, false), 3, 3); /* the answer */
	PORTS(&sdp, 1000, 0, 0, 1001);
	assert_true(ar_layout_moved(k.callid, k.pass));
	assert_int_equal(ar_layout_from_relay(k.callid, k.pass, &sdp), 0);
	PORTS(&sdp, 1000, 1001, 0);
	/* away again, a new one beside it, and both */
	give(&sdp, key("c", 3, true), 4, 1);
	PORTS(&sdp, 1000, 0, 0, 0, 0);
	give(&sdp, key("c", 4, true), 4, 0xf);
	PORTS(&sdp, 1000, 0, 0, 0, 0, 1001, 1002, 1003);
	assert_int_equal(ar_layout_from_relay(k.callid, k.pass, &sdp), 0);
	PORTS(&sdp, 1000, 1001, 1002, 1003);
}

/* Refused by the answerer: answered with port 0 like one that was hidden. */
static void refused_and_offered_again(void **state)
{
	struct ar_sdp sdp;

	(void)state;
	give(&sdp, key("c", 1, true), 3, 1);
	give(&sdp, key("c", 2, true), 3, 3);
	give(&sdp, key("c", 2, false), 3, 1);
	PORTS(&sdp, 1000, 0, 0, 0);
	give(&sdp, key("c", 3, true), 3, 3);
	PORTS(&sdp, 1000, 0, 0, 0, 1001);
}

/* One fork refuses, the next one does not: what it has stays where it is. */
static void the_last_answer_counts(void **state)
{
	struct ar_sdp sdp;

	(void)state;
	give(&sdp, key("c", 1, true), 2, 3);
	give(&sdp, key("c", 1, false), 2, 1);
	give(&sdp, key("c", 1, false), 2, 3);
	give(&sdp, key("c", 2, true), 2, 3);
	PORTS(&sdp, 1000, 1001);
}

/* An offer that failed was never answered: its line is as good as new. */
static void a_failed_offer_costs_nothing(void **state)
{
	struct ar_sdp sdp;

	(void)state;
	give(&sdp, key("c", 1, true), 2, 1);
	give(&sdp, key("c", 2, true), 2, 3);
	give(&sdp, key("c", 3, true), 2, 3);
	PORTS(&sdp, 1000, 0, 1001);
}

static void passes_and_calls_apart(void **state)
{
	struct ar_layout_key k = key("c", 2, true);
	struct ar_sdp sdp;

	(void)state;
	give(&sdp, key("c", 1, true), 2, 1);
	k.pass = AR_LAYOUT_THROUGH;
	give(&sdp, k, 2, 3);
	PORTS(&sdp, 1000, 1001);
	give(&sdp, key("d", 2, true), 2, 3);
	PORTS(&sdp, 1000, 1001);
	give(&sdp, key("c", 2, true), 2, 3);
	PORTS(&sdp, 1000, 0, 1001);
	assert_false(ar_layout_moved(k.callid, AR_LAYOUT_THROUGH));
	assert_true(ar_layout_moved(k.callid, AR_LAYOUT_ANCHORED));
	ar_layout_close(k.callid);
	assert_int_equal(ar_layout_count(), 0);
	assert_false(ar_layout_moved(k.callid, AR_LAYOUT_ANCHORED));
}

static void the_relay_left_one_out(void **state)
{
	struct ar_layout_key k = key("c", 1, true);
	struct ar_sdp sdp;
	struct ar_span t;

	(void)state;
	give(&sdp, k, 2, 1);
	give(&sdp, key("c", 2, true), 2, 3);
	t = describe(2, 3);
	assert_int_equal(ar_sdp_parse(&sdp, t.p, t.n, NULL), 0);
	assert_int_equal(ar_layout_from_relay(k.callid, k.pass, &sdp), -EBADMSG);
}

/* ---- over a restart */

static void told(const char *want, struct ar_layout_key k, bool again)
{
	char got[AR_LAYOUT_TEXT];
	bool untold = !again;
	struct ar_sdp sdp;

	k.untold = &untold;
	give(&sdp, k, 3, k.exchange == 1 ? 1 : 5);
	assert_int_equal(untold, again);
	ar_layout_text(k.callid, k.pass, got);
	assert_string_equal(got, want);
}

static void told_when_it_changes(void **state)
{
	struct ar_sdp sdp;

	(void)state;
	give(&sdp, key("c", 1, true), 3, 1); /* nobody to tell it */
	told("0 1- 2-", key("c", 1, true), true);
	told("0 1- 2-", key("c", 1, false), false);
	told("0 1- 2 2", key("c", 2, true), true);
	told("0 1- 2 2", key("c", 2, false), false);
	told("0 1- 2 2", key("c", 2, true), false);
}

static void forget(void)
{
	ar_layout_close(AR_SPAN("c"));
}

static void restored(const char *text_)
{
	ar_layout_restore(
		AR_SPAN("c"), AR_LAYOUT_ANCHORED, ar_span_str(text_), true, ar_now_ms() + 100000);
}

static void goes_on_after_a_restart(void **state)
{
	struct ar_layout_key k = key("c", 7, true);
	struct ar_sdp sdp;

	(void)state;
	restored("0 1- 2- 2");
	restored("0 1 2"); /* what is there counts */
	give(&sdp, k, 3, 5);
	PORTS(&sdp, 1000, 0, 0, 1002);
	assert_int_equal(ar_layout_from_relay(k.callid, k.pass, &sdp), 0);
	PORTS(&sdp, 1000, 0, 1002);
	give(&sdp, key("c", 7, false), 3, 5);
	PORTS(&sdp, 1000, 0, 0, 1002);
	forget();
	restored("0 1- 2-"); /* never moved before: the restart must not forget that it was away */
	give(&sdp, k, 3, 5);
	PORTS(&sdp, 1000, 0, 0, 1002);
	forget();
	restored("0 1- 2 2-");
	give(&sdp, k, 3, 1);
	PORTS(&sdp, 1000, 0, 0, 0);
	give(&sdp, key("c", 8, true), 3, 5);
	PORTS(&sdp, 1000, 0, 0, 0, 1002);
}

/* Where the relay had got the offer before asd told. */
static void counts_from_the_next_offer_on(void **state)
{
	struct ar_layout_key k = key("c", 7, false);
	struct ar_sdp sdp;

	(void)state;
	restored("0 1- 2- 2");
	assert_false(ar_layout_moved(k.callid, k.pass));
	give(&sdp, k, 3, 5);
	PORTS(&sdp, 1000, 0, 1002);
	assert_int_equal(ar_layout_from_relay(k.callid, k.pass, &sdp), 0);
	PORTS(&sdp, 1000, 0, 1002);
	give(&sdp, key("c", 8, true), 3, 5);
	PORTS(&sdp, 1000, 0, 0, 1002);
}

/* The offer is still to come, in the 200 to an INVITE without one. */
static void counts_at_once(void **state)
{
	struct ar_sdp sdp;

	(void)state;
	ar_layout_restore(AR_SPAN("c"), AR_LAYOUT_ANCHORED, AR_SPAN("0 1- 2- 2"), false,
		ar_now_ms() + 100000);
	give(&sdp, key("c", 7, false), 3, 5);
	PORTS(&sdp, 1000, 0, 0, 1002);
}

static void nonsense_is_no_layout(void **state)
{
	static const char *const bad[] = {"", " ", "-", "0-1", "0  1", "1", "0 2", "0 1 x", "0 1--",
		"0 1 32", "0 1 000", "a", "0,1", "-0", "0\n", "0 1 2 4",
		"0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"};
	char junk[40];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		restored(bad[i]);
		assert_int_equal(ar_layout_count(), 0);
	}
	srand(3);
	for (int i = 0; i < 100000; i++) {
		unsigned n = (unsigned)rand() % sizeof(junk);

		for (unsigned k = 0; k < n; k++)
			junk[k] = "0123 -"[rand() % 6];
		ar_layout_restore(AR_SPAN("c"), AR_LAYOUT_ANCHORED, (struct ar_span){junk, n}, true,
			ar_now_ms() + 1000);
		forget();
	}
	test_shm_countdown = 0;
	restored("0 1-");
	test_shm_countdown = -1;
	assert_int_equal(test_stat[AR_STAT_layout_full], 1);
}

static void expires_and_is_bounded(void **state)
{
	static const char *const names[] = {"c0", "c1", "c2", "c3"};
	struct ar_layout_key k;
	struct ar_sdp sdp;

	(void)state;
	for (int i = 0; i < 4; i++)
		give(&sdp, key(names[i], 1, true), 2, 1);
	assert_int_equal(ar_layout_count(), 3);
	assert_int_equal(test_stat[AR_STAT_layout_full], 1);
	give(&sdp, key("c3", 2, true), 2, 3); /* not followed: as before */
	PORTS(&sdp, 1000, 1001);
	k = key("c0", 2, true);
	k.expires = 0;
	give(&sdp, k, 2, 1);
	give(&sdp, key("c3", 3, true), 2, 1); /* the dead make room */
	assert_int_equal(test_stat[AR_STAT_layout_full], 1);
	test_shm_countdown = 0;
	ar_layout_close(AR_SPAN("c1"));
	give(&sdp, key("c1", 2, true), 2, 1);
	test_shm_countdown = -1;
	assert_int_equal(test_stat[AR_STAT_layout_full], 2);
}

static void without_end(void **state)
{
	struct ar_layout_key k = key("c", 0, true);
	struct ar_sdp sdp;

	(void)state;
	for (uint32_t x = 1; x < 100; x++)
		give(&sdp, key("c", x, true), 2, x & 1 ? 1 : 3);
	assert_int_equal(sdp.nmedia, AR_SDP_MAX_MEDIA);
	assert_true(test_stat[AR_STAT_layout_full] > 0);
	assert_int_equal(ar_layout_from_relay(k.callid, k.pass, &sdp), 0);
	assert_int_equal(sdp.nmedia, 2);
}

/* Of the Kamailio, between two exchanges. */
static void restart(void)
{
	char was[AR_LAYOUT_TEXT];

	ar_layout_text(AR_SPAN("c"), AR_LAYOUT_ANCHORED, was);
	forget();
	restored(was);
}

/* Whatever the calls do: no section comes back at a line that had an answer, none changes its line
 * while it is live, and the way back is the way there. */
static void try_call(unsigned seed)
{
	uint32_t answered = 0; /* m-lines with an answer since they were last new */
	unsigned at[8] = {0}, n = 2;
	uint32_t live_before = 3;
	struct ar_sdp sdp;

	srand(seed);
	for (uint32_t x = 1; x < 25; x++) {
		uint32_t live = (uint32_t)rand() | 1, once;
		unsigned lines;

		n += n < 8 && rand() % 3 == 0;
		live &= (1u << n) - 1;
		give(&sdp, key("c", x, true), n, live);
		if (test_stat[AR_STAT_layout_full])
			return;
		lines = sdp.nmedia;
		for (unsigned j = 0; j < lines; j++) {
			unsigned i = sdp.media[j].port - PORT;

			if (!sdp.media[j].port)
				continue;
			assert_true(i < n && live & 1u << i);
			if (x > 1 && live_before & 1u << i)
				assert_int_equal(at[i], j);
			else
				assert_false(answered & 1u << j);
			at[i] = j;
		}
		assert_int_equal(ar_layout_from_relay(AR_SPAN("c"), AR_LAYOUT_ANCHORED, &sdp), 0);
		assert_int_equal(sdp.nmedia, n);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(sdp.media[i].port, live & 1u << i ? PORT + i : 0);
		if (rand() % 4 == 0) {
			live_before = live;
			continue; /* failed */
		}
		once = live & ((uint32_t)rand() | 1);
		give(&sdp, key("c", x, false), n, once);
		assert_int_equal(sdp.nmedia, lines);
		if (rand() % 4 == 0)
			restart();
		answered = lines == 32 ? ~0u : (1u << lines) - 1;
		live_before = once;
	}
}

static void holds_for_any_call(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 200; seed++) {
		test_stat[AR_STAT_layout_full] = 0;
		try_call(seed);
		ar_layout_close(AR_SPAN("c"));
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(stays_while_nothing_comes_back),
		T(comes_back_at_a_new_line), T(refused_and_offered_again),
		T(a_failed_offer_costs_nothing), T(the_last_answer_counts),
		T(passes_and_calls_apart), T(the_relay_left_one_out), T(told_when_it_changes),
		T(goes_on_after_a_restart), T(counts_from_the_next_offer_on), T(counts_at_once),
		T(nonsense_is_no_layout), T(expires_and_is_bounded), T(without_end),
		T(holds_for_any_call)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
