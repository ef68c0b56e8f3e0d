/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/rtp_packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SPAN(a) ((struct ar_span){(const char *)(a), sizeof(a)})

static const struct rtp_extmap map = {{3, 5, 1, 7, 9}};

static void reads_a_plain_packet(void **state)
{
	const uint8_t d[] = {0x80, 0xe0, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 'a', 'b'};
	struct rtp_packet p;

	(void)state;
	assert_int_equal(rtp_parse(&p, SPAN(d)), 0);
	assert_true(p.marker);
	assert_int_equal(p.pt, 96);
	assert_int_equal(p.seq, 0x1234);
	assert_int_equal(p.ts, 0x01020304);
	assert_int_equal(p.ssrc, 0x05060708);
	assert_int_equal(p.payload.n, 2);
	assert_memory_equal(p.payload.p, "ab", 2);
	assert_null(p.ext.p);
}

static void csrc_and_padding_are_taken_off(void **state)
{
	const uint8_t d[] = {0xa1, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9, 9, 9, 'x', 0, 2};
	struct rtp_packet p;

	(void)state;
	assert_int_equal(rtp_parse(&p, SPAN(d)), 0);
	assert_int_equal(p.ncsrc, 1);
	assert_int_equal(p.csrc[0], 0x09090909);
	assert_int_equal(p.npad, 2);
	assert_int_equal(p.payload.n, 1);
}

static void every_truncation_is_refused_or_shorter(void **state)
{
	const uint8_t d[] = {0xb1, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9, 9, 9, 0xbe, 0xde, 0, 1,
		0x10, 'm', 0, 0, 'x', 0, 2};
	struct rtp_packet p;

	(void)state;
	assert_int_equal(rtp_parse(&p, SPAN(d)), 0);
	for (size_t n = 0; n < 24; n++)
		assert_int_equal(rtp_parse(&p, (struct ar_span){(const char *)d, n}), -EBADMSG);
}

static void bad_versions_and_padding(void **state)
{
	uint8_t d[] = {0xa0, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 'x', 3};
	struct rtp_packet p;

	(void)state;
	assert_int_equal(rtp_parse(&p, SPAN(d)), -EBADMSG); /* 3 of 2 */
	d[13] = 0;
	assert_int_equal(rtp_parse(&p, SPAN(d)), -EBADMSG);
	d[13] = 2;
	assert_int_equal(rtp_parse(&p, SPAN(d)), 0);
	assert_int_equal(p.payload.n, 0);
	d[0] = 0x60;
	assert_int_equal(rtp_parse(&p, SPAN(d)), -EBADMSG);
}

static void one_byte_elements(void **state)
{
	const uint8_t d[] = {0x90, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 3, 0x10, 'v',
		0, 0x51, 0xab, 0xcd, 0x32, 1, 2, 3, 0xf0, 0x51, 'p'};
	struct rtp_packet p;
	struct rtp_ext_values v;
	struct ar_span s;

	(void)state;
	assert_int_equal(rtp_parse(&p, SPAN(d)), 0);
	rtp_ext_read(&p, &map, &v);
	assert_int_equal(v.mid.n, 1);
	assert_int_equal(v.mid.p[0], 'v');
	assert_true(v.has_transport_seq);
	assert_int_equal(v.transport_seq, 0xabcd);
	assert_true(v.has_send_time);
	assert_int_equal(v.send_time, 0x010203);
	assert_false(v.has_capture_time);
	/* id 15 ends the block */
	assert_false(rtp_ext_find(&p, 15, &s));
	assert_false(rtp_ext_find(&p, 2, &s));
}

static void an_element_over_the_end_is_ignored(void **state)
{
	const uint8_t d[] = {0x90, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x10, 'v',
		0x51, 0xab, 0xcd};
	struct rtp_packet p;
	struct rtp_ext_values v;

	(void)state;
	assert_int_equal(rtp_parse(&p, SPAN(d)), 0);
	rtp_ext_read(&p, &map, &v);
	assert_int_equal(v.mid.n, 1);
	assert_false(v.has_transport_seq);
}

static void lengths_that_are_not_legal_are_ignored(void **state)
{
	const uint8_t d[] = {
		0x90, 0x60, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x10, 0, 0, 2, 3, 2, 1, 2, 7, 1, 9, 0};
	struct rtp_packet p;
	struct rtp_ext_values v;

	(void)state;
	assert_int_equal(rtp_parse(&p, SPAN(d)), 0);
	rtp_ext_read(&p, &map, &v);
	assert_false(v.has_send_time);
	assert_false(v.has_capture_time);
}

static void round_trip(const struct rtp_ext_values *in, const struct rtp_extmap *m, int profile)
{
	struct rtp_packet p = {.marker = true,
				  .pt = 96,
				  .seq = 65535,
				  .ts = 0xfffffffe,
				  .ssrc = 7,
				  .payload = AR_SPAN("payload")},
			  q;
	struct rtp_ext_values out;
	uint8_t b[RTP_MAX_PACKET];
	int n = rtp_build(b, sizeof(b), &p, m, in);

	assert_true(n > 0);
	assert_int_equal(rtp_parse(&q, (struct ar_span){(char *)b, (size_t)n}), 0);
	assert_int_equal(q.ext_profile, profile);
	assert_int_equal(q.ext.n % 4, 0);
	assert_true(ar_span_eq(p.payload, q.payload));
	assert_true(p.seq == q.seq && p.ts == q.ts && p.ssrc == q.ssrc && q.marker);
	rtp_ext_read(&q, m, &out);
	assert_int_equal(in->capture_time, out.capture_time);
	assert_int_equal(in->capture_offset, out.capture_offset);
	assert_int_equal(in->has_capture_offset, out.has_capture_offset);
	assert_int_equal(in->transport_seq, out.transport_seq);
	assert_int_equal(in->send_time, out.send_time);
	assert_true(ar_span_eq(in->mid, out.mid));
	assert_true(ar_span_eq(in->xr_pose, out.xr_pose));
	/* one byte short is an error, not an overrun */
	assert_int_equal(rtp_build(b, (size_t)n - 1, &p, m, in), -ENOBUFS);
}

static void what_is_written_is_read(void **state)
{
	char pose[56] = {1, 2, 3};
	struct rtp_ext_values v = {.has_send_time = true,
		.has_transport_seq = true,
		.has_capture_time = true,
		.has_capture_offset = true,
		.send_time = 0xabcdef,
		.transport_seq = 65535,
		.capture_time = 0xe123456789abcdefull,
		.capture_offset = -5,
		.mid = AR_SPAN("video0")};
	const struct rtp_extmap high = {{3, 5, 200, 7, 9}};

	(void)state;
	round_trip(&v, &map, 0xbede);
	round_trip(&v, &high, 0x1000); /* an id over 14 */
	v.xr_pose = (struct ar_span){pose, sizeof(pose)};
	round_trip(&v, &map, 0x1000); /* a value over 16 bytes */
	v = (struct rtp_ext_values){0};
	round_trip(&v, &map, 0);
}

static void too_long_values_are_refused(void **state)
{
	char pose[256] = {0};
	struct rtp_ext_values v = {.xr_pose = {pose, sizeof(pose)}};
	struct rtp_packet p = {.pt = 96};
	uint8_t b[RTP_MAX_PACKET];

	(void)state;
	assert_int_equal(rtp_build(b, sizeof(b), &p, &map, &v), -EINVAL);
}

static void uris_and_helpers(void **state)
{
	(void)state;
	for (unsigned k = 0; k < RTP_EXT_COUNT; k++)
		assert_int_equal(rtp_ext_of_uri(ar_span_str(rtp_ext_uri(k))), k);
	assert_int_equal(rtp_ext_of_uri(AR_SPAN("urn:3gpp:xr-pos")), RTP_EXT_COUNT);
	assert_int_equal(rtp_ext_of_uri(AR_SPAN_NONE), RTP_EXT_COUNT);
	assert_null(rtp_ext_uri(RTP_EXT_COUNT));
	assert_int_equal(rtp_send_time(1000000), 1 << 18);
	assert_int_equal(rtp_send_time(64000000), 0);
	assert_true(rtp_seq_newer(0, 65535));
	assert_false(rtp_seq_newer(65535, 0));
	assert_true(rtp_is_rtcp(AR_SPAN("\x80\xc8")));
	assert_true(rtp_is_rtcp(AR_SPAN("\x80\xcd")));
	assert_false(rtp_is_rtcp(AR_SPAN("\x80\xe0")));
	assert_false(rtp_is_rtcp(AR_SPAN("\x80")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_plain_packet),
		cmocka_unit_test(csrc_and_padding_are_taken_off),
		cmocka_unit_test(every_truncation_is_refused_or_shorter),
		cmocka_unit_test(bad_versions_and_padding),
		cmocka_unit_test(one_byte_elements),
		cmocka_unit_test(an_element_over_the_end_is_ignored),
		cmocka_unit_test(lengths_that_are_not_legal_are_ignored),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(too_long_values_are_refused),
		cmocka_unit_test(uris_and_helpers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
