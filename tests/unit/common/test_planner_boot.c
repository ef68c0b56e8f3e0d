/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bootstrap sections of the terminating side: which they are, by the offer and by the map. */
#include "asd/call/planner_boot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HEAD "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define AUDIO "m=audio 9 RTP/AVP 0\r\n"
#define DC(port, lines)                                                                            \
	"m=application " port " UDP/DTLS/SCTP webrtc-datachannel\r\na=ice-ufrag:uuuu\r\n"          \
	"a=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\n"   \
	"a=sctp-port:5000\r\n" lines
#define S(ids) ids "a=3gpp-bdc-used-by:sender\r\n"
#define R(ids) ids "a=3gpp-bdc-used-by:receiver\r\n"
#define H(id) "a=dcmap:" id " subprotocol=\"http\"\r\n"
#define APP "a=dcmap:1000 subprotocol=\"mpeg-sd\"\r\n"

static struct planner_boot_choice c;
static struct ar_sdp sdp;

static void choose(const char *text, enum planner_boot_local local)
{
	assert_int_equal(ar_sdp_parse(&sdp, text, strlen(text), NULL), 0);
	planner_boot_choose(&c, local, &sdp, AR_SIDE_A, NULL);
}

static void by_the_marks(void **state)
{
	(void)state;
	choose(HEAD AUDIO DC("9", APP) DC("9", S(H("100") H("110"))) DC("9", R(H("110"))),
		PLANNER_BOOT_MARKED);
	assert_int_equal(c.n, 3);
	assert_int_equal(c.boot[0].kind, PLANNER_BOOT_SENDER);
	assert_int_equal(c.boot[0].at[AR_SIDE_A], 2);
	assert_int_equal(c.boot[0].at[AR_SIDE_B], -1);
	assert_int_equal(c.boot[0].nstream, 2);
	assert_true(c.boot[0].leg[AR_SIDE_A].present && !c.boot[0].leg[AR_SIDE_B].present);
	assert_int_equal(c.boot[1].kind, PLANNER_BOOT_RECEIVER);
	assert_int_equal(c.boot[1].at[AR_SIDE_B], 3);
	assert_true(c.boot[1].leg[AR_SIDE_A].present && c.boot[1].leg[AR_SIDE_B].present);
	assert_int_equal(c.boot[2].kind, PLANNER_BOOT_LOCAL);
	assert_false(c.boot[2].said || c.boot[2].leg[AR_SIDE_A].present);
	assert_int_equal(c.boot[2].stream[1].id, 10);
}

/* Nothing of it where no mark is, as between two browsers. */
static void without_marks(void **state)
{
	static const char plain[] = HEAD AUDIO DC("9", APP) DC("9", H("0") H("10"));

	(void)state;
	choose(plain, PLANNER_BOOT_MARKED);
	assert_int_equal(c.n, 0);
	choose(plain, PLANNER_BOOT_NEVER);
	assert_int_equal(c.n, 0);
	choose(plain, PLANNER_BOOT_ALWAYS);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.boot[0].kind, PLANNER_BOOT_LOCAL);
	choose(HEAD AUDIO DC("9", S(H("100"))), PLANNER_BOOT_NEVER);
	assert_int_equal(c.n, 0);
}

static void odd_sections(void **state)
{
	static const char *const none[] = {
		HEAD AUDIO DC("0", S(H("100"))), /* closed */
		HEAD AUDIO DC("9", S(H("100") APP)), /* the application's: the planner's own */
		HEAD AUDIO DC("9", S(H("12"))),
		HEAD AUDIO DC("9", S("a=dcmap:100 subprotocol=\"chess\"\r\n")),
		HEAD AUDIO DC("9", S("a=dcmap:100 subprotocol=\"http\";ordered=false\r\n")),
		HEAD AUDIO DC("9", S("")),
		HEAD AUDIO DC("9", H("100") "a=3gpp-bdc-used-by:nobody\r\n"),
		HEAD "m=audio 9 RTP/AVP 0\r\na=3gpp-bdc-used-by:sender\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		choose(none[i], PLANNER_BOOT_MARKED);
		assert_int_equal(c.n, 0);
	}
	/* the first of a kind counts */
	choose(HEAD DC("9", S(H("100"))) DC("9", S(H("110"))), PLANNER_BOOT_MARKED);
	assert_int_equal(c.n, 2);
	assert_int_equal(c.boot[0].at[AR_SIDE_A], 0);
}

#define OURS(ids) AR_SPAN(DC("4000", "c=IN IP4 192.0.2.9\r\n" ids))
#define STUB AR_SPAN("m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n")

static struct ar_plan_section to_a[] = {{.pass = true, .from = 0}, {.from = 1, .text = OURS(APP)},
	{.from = -1, .text = OURS(H("100"))}, {.from = 3, .text = OURS(H("110")), .alt = STUB}};
static struct ar_plan_section to_b[] = {{.pass = true, .from = 0}, {.from = 1, .text = OURS(APP)},
	{.from = 2, .text = STUB}, {.from = 3, .text = OURS(H("110")), .alt = STUB},
	{.from = -1, .text = OURS(H("0") H("10"))}};

static void of_the_map(void **state)
{
	struct ar_plan map = {.offerer = AR_SIDE_A,
		.offer = {.n = 5, .sec = to_b},
		.nanswer = 1,
		.answer = {{.n = 4, .sec = to_a}}};
	int at[PLANNER_BOOT_KINDS][2];

	(void)state;
	planner_boot_slots(&map, at);
	assert_int_equal(at[PLANNER_BOOT_SENDER][AR_SIDE_A], 2);
	assert_int_equal(at[PLANNER_BOOT_SENDER][AR_SIDE_B], -1);
	assert_int_equal(at[PLANNER_BOOT_RECEIVER][AR_SIDE_A], 3);
	assert_int_equal(at[PLANNER_BOOT_RECEIVER][AR_SIDE_B], 3);
	assert_int_equal(at[PLANNER_BOOT_LOCAL][AR_SIDE_A], -1);
	assert_int_equal(at[PLANNER_BOOT_LOCAL][AR_SIDE_B], 4);
	/* A offers and has closed its own: the local one of B stays, with the streams of the map */
	assert_int_equal(
		ar_sdp_parse(&sdp, HEAD AUDIO DC("9", APP) DC("0", "") DC("9", H("110")),
			strlen(HEAD AUDIO DC("9", APP) DC("0", "") DC("9", H("110"))), NULL),
		0);
	planner_boot_choose(&c, PLANNER_BOOT_MARKED, &sdp, AR_SIDE_A, &map);
	assert_int_equal(c.n, 2);
	assert_int_equal(c.boot[0].kind, PLANNER_BOOT_RECEIVER);
	assert_true(c.boot[0].said);
	assert_int_equal(c.boot[1].kind, PLANNER_BOOT_LOCAL);
	assert_int_equal(c.boot[1].nstream, 2);
	assert_false(c.boot[1].said);
	assert_ptr_equal(planner_boot_at(&c, AR_SIDE_B, 4), &c.boot[1]);
	assert_null(planner_boot_at(&c, AR_SIDE_A, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(by_the_marks),
		cmocka_unit_test(without_marks), cmocka_unit_test(odd_sections),
		cmocka_unit_test(of_the_map)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
