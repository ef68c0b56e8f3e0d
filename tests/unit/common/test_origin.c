/* SPDX-License-Identifier: GPL-2.0-or-later */
/* o= lines: read, and left as they are by the plan of a call that was an ordinary one before. */
#include "plan_help.h"
#include "common/plan_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void origin_is_read(void **state)
{
	static const struct {
		const char *text, *id, *address;
		uint64_t version;
	} good[] = {
		{"alice 2890844526 2890842807 IN IP4 192.0.2.1", "alice 2890844526",
			"IN IP4 192.0.2.1", 2890842807u},
		{"- 1 0 IN IP6 2001:db8::1", "- 1", "IN IP6 2001:db8::1", 0},
		{"x 9 999999999999999999 IN IP4 h.example", "x 9", "IN IP4 h.example",
			999999999999999999ull},
	};
	struct ar_sdp_origin o;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(ar_sdp_origin_value(ar_span_str(good[i].text), &o));
		assert_true(ar_span_eq(o.session_id, ar_span_str(good[i].id)));
		assert_true(ar_span_eq(o.address, ar_span_str(good[i].address)));
		assert_true(o.version == good[i].version);
	}
}

static void odd_origin_is_left_alone(void **state)
{
	static const char *const bad[] = {"", " ", "alice", "alice 1 2 IN IP4",
		"alice 1 2 IN IP4 h x", "alice  1 2 IN IP4 h", " alice 1 2 IN IP4 h",
		"alice 1 2 IN IP4 h ", "alice 1 x IN IP4 h", "alice 1 -2 IN IP4 h",
		"alice 1 1000000000000000000 IN IP4 h", "alice 1 2 IN\tIP4 h x",
		"alice 1 2\r IN IP4 h"};
	struct ar_sdp_origin o;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(ar_sdp_origin_value(ar_span_str(bad[i]), &o));
	assert_false(ar_sdp_origin_value(AR_SPAN_NONE, &o));
}

#define SDP                                                                                        \
	"v=0\r\no=bob  77 18446744073709551616 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 "              \
	"192.0.2.20\r\n"                                                                           \
	"t=0 0\r\nm=audio 5000 RTP/AVP 0\r\n"

static const char section[] =
	"m=application 30001 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.1\r\n"
	"a=sctp-port:5000\r\n";

static void make(struct ar_plan *p, struct ar_plan_section sec[4])
{
	*p = (struct ar_plan){.nanswer = 1,
		.session_id = {AR_SPAN(""), AR_SPAN("")},
		.origin_addr = {AR_SPAN("IN IP4 192.0.2.1"), AR_SPAN("IN IP4 192.0.2.1")},
		.offer = {.n = 2, .sec = sec},
		.answer = {{.n = 2, .sec = sec + 2}}};
	for (int i = 0; i < 4; i += 2) {
		sec[i] = (struct ar_plan_section){.pass = true, .from = 0};
		sec[i + 1] = (struct ar_plan_section){.from = -1, .text = ar_span_str(section)};
	}
}

/* Whatever it looks like: the other side has seen it before. */
static void plan_leaves_origin_as_it_is(void **state)
{
	struct ar_plan_section sec[4];
	struct ar_sdp in;
	struct ar_plan p;
	struct ar_buf out;

	(void)state;
	make(&p, sec);
	assert_int_equal(ar_plan_check(&p, NULL), 0);
	assert_int_equal(ar_sdp_parse(&in, SDP, strlen(SDP), NULL), 0);
	ar_buf_init(&out, 4096);
	for (int answer = 0; answer < 2; answer++) {
		struct ar_plan_dir dir = {.answer = answer != 0};

		ar_buf_reset(&out);
		assert_int_equal(ar_plan_apply(&p, dir, &in, NULL, 1234, &out), 0);
		ar_buf_add(&out, "", 1);
		assert_non_null(
			strstr(out.p, "\r\no=bob  77 18446744073709551616 IN IP4 192.0.2.20\r\n"));
		assert_non_null(strstr(out.p, "m=application 30001"));
	}
	ar_buf_free(&out);
}

static void one_side_known_is_enough_for_that_side(void **state)
{
	struct ar_plan_section sec[4];
	struct ar_sdp in;
	struct ar_plan p;
	struct ar_buf out;

	(void)state;
	make(&p, sec);
	p.session_id[AR_SIDE_B] = AR_SPAN("alice 55");
	assert_int_equal(ar_sdp_parse(&in, SDP, strlen(SDP), NULL), 0);
	ar_buf_init(&out, 4096);
	assert_int_equal(ar_plan_apply(&p, (struct ar_plan_dir){.answer = false}, &in, NULL,
				 18446744074ull, &out),
		0);
	ar_buf_add(&out, "", 1);
	assert_non_null(strstr(out.p, "o=alice 55 18446744074 IN IP4 192.0.2.1\r\n"));
	ar_buf_free(&out);
}

static void absent_is_not_empty(void **state)
{
	struct ar_plan_section sec[4];
	const char *why = "";
	struct ar_plan p;

	(void)state;
	make(&p, sec);
	p.session_id[0] = AR_SPAN_NONE;
	assert_int_not_equal(ar_plan_check(&p, &why), 0);
}

static void survives_clone_and_json(void **state)
{
	struct ar_plan_room *room = malloc(sizeof(*room));
	struct ar_plan_section sec[4];
	struct ar_plan p, *copy, back;
	const char *why = "";
	json_t *j;

	(void)state;
	make(&p, sec);
	copy = ar_plan_clone(&p, malloc);
	assert_int_equal(ar_plan_check(copy, &why), 0);
	j = ar_plan_to_json(copy);
	assert_int_equal(ar_plan_from_json(&back, room, j, &why), 0);
	assert_int_equal(back.session_id[0].n, 0);
	assert_non_null(back.session_id[0].p);
	json_decref(j);
	free(copy);
	free(room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(origin_is_read),
		cmocka_unit_test(odd_origin_is_left_alone),
		cmocka_unit_test(plan_leaves_origin_as_it_is),
		cmocka_unit_test(one_side_known_is_enough_for_that_side),
		cmocka_unit_test(absent_is_not_empty), cmocka_unit_test(survives_clone_and_json)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
