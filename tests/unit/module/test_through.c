/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections of another pass's media function. */
#include "kamailio-modules/ims_ar/ar_through.h"
#include "help.h"
#include "stubs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SDP(ATTR)                                                                                  \
	"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\n"                    \
	"m=audio 9 RTP/AVP 0\r\nm=video 9 RTP/AVP 96\r\n" ATTR

static struct ar_sdp ours, theirs;

static int setup(void **state)
{
	(void)state;
	test_stubs_reset();
	assert_int_equal(ar_sdp_parse(&ours, SDP("a=x-ims-ar-armf\r\n"),
				 strlen(SDP("a=x-ims-ar-armf\r\n")), NULL),
		0);
	assert_int_equal(ar_sdp_parse(&theirs, SDP(""), strlen(SDP("")), NULL), 0);
	return ar_through_init(3);
}

static int teardown(void **state)
{
	(void)state;
	ar_through_destroy();
	assert_int_equal(test_shm_live, 0);
	return 0;
}

static uint32_t seen(
	const char *callid, const char *from, enum ar_through_kind kind, const struct ar_sdp *sdp)
{
	struct ar_msg_key k = help_key(callid, from, "x", 1, 7);

	return ar_through_sections(&k, kind, sdp);
}

static void opened(const char *callid, int64_t ms)
{
	struct ar_msg_key k = help_key(callid, "ta", "", 1, 7);

	ar_through_open(&k, ar_now_ms() + ms);
}

static void known_by_what_was_offered(void **state)
{
	(void)state;
	opened("c1", 1000);
	assert_int_equal(seen("c1", "ta", AR_THROUGH_REQUEST, &ours), 2);
	assert_int_equal(seen("c1", "ta", AR_THROUGH_REPLY, &theirs), 2);
	assert_int_equal(seen("c1", "ta", AR_THROUGH_ACK, &theirs), 2);
	assert_int_equal(seen("c1", "tb", AR_THROUGH_REQUEST, &theirs), 2); /* the UE's offer */
	assert_int_equal(seen("c1", "tb", AR_THROUGH_FINAL, &ours), 2);
	/* taken off by an offer from there */
	assert_int_equal(seen("c1", "ta", AR_THROUGH_REQUEST, &theirs), 0);
	assert_int_equal(seen("c1", "ta", AR_THROUGH_FINAL, &ours), 0);
	ar_through_close(AR_SPAN("c1"));
	assert_int_equal(seen("c1", "ta", AR_THROUGH_REQUEST, &ours), 0);
}

/* What an offer that fails would have changed stays for the UE's own offers. */
static void a_failed_offer_changes_nothing(void **state)
{
	(void)state;
	ar_conf.call_ttl = 100;
	opened("c1", 1000);
	assert_int_equal(seen("c1", "ta", AR_THROUGH_REQUEST, &ours), 2);
	assert_int_equal(seen("c1", "ta", AR_THROUGH_FINAL, &theirs), 2);
	assert_int_equal(seen("c1", "ta", AR_THROUGH_REQUEST, &theirs), 0); /* 488 to it */
	assert_int_equal(seen("c1", "tb", AR_THROUGH_REQUEST, &theirs), 2);
}

/* A UE writes the attribute itself. */
static void not_believed_of_strangers(void **state)
{
	(void)state;
	opened("c1", 1000);
	assert_int_equal(seen("c2", "ta", AR_THROUGH_REQUEST, &ours), 0);
	assert_int_equal(seen("c1", "tb", AR_THROUGH_REQUEST, &ours), 0);
}

/* A 2xx keeps it for the call's life. */
static void expires_and_is_bounded(void **state)
{
	static const char *const names[] = {"c0", "c1", "c2", "c3", "c4"};

	(void)state;
	ar_conf.call_ttl = 100;
	for (int i = 0; i < 5; i++) {
		opened(names[i], 100000);
		opened(names[i], 100000); /* again: the same */
	}
	assert_int_equal(ar_through_count(), 3);
	assert_int_equal(test_stat[AR_STAT_through_full], 4);
	for (int i = 0; i < 3; i++)
		opened(names[i], 0);
	for (int i = 3; i < 5; i++) {
		opened(names[i], 100000); /* the dead make room */
		assert_int_equal(seen(names[i], "ta", AR_THROUGH_REQUEST, &ours), 2);
	}
	assert_int_equal(test_stat[AR_STAT_through_full], 4);
	ar_through_close(AR_SPAN("c3"));
	opened("new", 100000);
	opened("new", 0);
	assert_int_equal(seen("new", "ta", AR_THROUGH_REQUEST, &ours), 0);
	opened("new", 30);
	(void)seen("new", "ta", AR_THROUGH_FINAL, &ours);
	usleep(60000);
	assert_int_equal(seen("new", "ta", AR_THROUGH_REQUEST, &ours), 2);
}

static void restored(const char *from, uint32_t sections)
{
	struct ar_msg_key k = help_key("c1", from, "", 1, 7);

	ar_through_restore(&k, 1, sections, ar_now_ms() + 1000);
}

static void reopened(const char *from)
{
	struct ar_msg_key k = help_key("c1", from, "", 1, 7);

	ar_through_reopen(&k, ar_now_ms() + 1000);
}

/* A restarted Kamailio: asd tells, now or at a later offer, or nobody does. */
static void after_a_restart(void **state)
{
	char id[AR_CALL_ID_LEN + 1];
	int asd = 7;

	(void)state;
	assert_false(ar_through_is_whole(AR_SPAN("c1")));
	assert_false(ar_through_call(AR_SPAN("c1"), id, &asd));
	reopened("ta");
	assert_false(ar_through_is_whole(AR_SPAN("c1")));
	assert_true(ar_through_call(AR_SPAN("c1"), id, &asd));
	assert_int_equal(asd, -1);
	assert_int_equal(seen("c1", "tb", AR_THROUGH_REQUEST, &theirs), 0);
	assert_int_equal(seen("c1", "ta", AR_THROUGH_REQUEST, &ours), 2); /* tells it by itself */
	reopened("tb"); /* nothing is forgotten again */
	assert_int_equal(seen("c1", "tb", AR_THROUGH_REPLY, &theirs), 2);
	restored("ta", 4);
	assert_true(ar_through_is_whole(AR_SPAN("c1")));
	assert_true(ar_through_call(AR_SPAN("c1"), id, &asd));
	assert_int_equal(asd, 1);
	assert_int_equal(ar_through_count(), 1);
	assert_int_equal(seen("c1", "tb", AR_THROUGH_REQUEST, &theirs), 4);
	restored("ta", 1); /* twice */
	assert_int_equal(seen("c1", "tb", AR_THROUGH_REPLY, &theirs), 4);
	assert_int_equal(seen("c1", "ta", AR_THROUGH_REQUEST, &ours), 2);
}

/* Who began it, asd knows better than a UE's request. */
static void asd_says_who_is_side_a(void **state)
{
	(void)state;
	reopened("tx");
	assert_int_equal(seen("c1", "ta", AR_THROUGH_REQUEST, &ours), 0);
	restored("ta", 2);
	assert_int_equal(seen("c1", "tx", AR_THROUGH_REQUEST, &theirs), 2);
	assert_int_equal(seen("c1", "ta", AR_THROUGH_REQUEST, &theirs), 0);
}

static void has_the_calls_name(void **state)
{
	struct ar_msg_key k = help_key("c1", "ta", "", 1, 7);
	char id[AR_CALL_ID_LEN + 1];
	int asd;

	(void)state;
	memcpy(k.id, "0123456789abcdef", sizeof(k.id));
	ar_through_open(&k, ar_now_ms() + 1000);
	assert_true(ar_through_is_whole(AR_SPAN("c1")));
	assert_true(ar_through_call(AR_SPAN("c1"), id, &asd));
	assert_string_equal(id, "0123456789abcdef");
	assert_false(ar_through_call(AR_SPAN("c2"), id, &asd));
	memcpy(k.id, "fedcba9876543210", sizeof(k.id)); /* the retry after a 407 behind us */
	ar_through_open(&k, ar_now_ms() + 1000);
	assert_true(ar_through_call(AR_SPAN("c1"), id, &asd));
	assert_string_equal(id, "fedcba9876543210");
}

static void no_memory(void **state)
{
	(void)state;
	test_shm_countdown = 0;
	opened("c1", 1000);
	assert_int_equal(seen("c1", "ta", AR_THROUGH_REQUEST, &ours), 0);
	test_shm_countdown = -1;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(known_by_what_was_offered),
		T(a_failed_offer_changes_nothing), T(not_believed_of_strangers),
		T(expires_and_is_bounded), T(after_a_restart), T(asd_says_who_is_side_a),
		T(has_the_calls_name), T(no_memory)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
