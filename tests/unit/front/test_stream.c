/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which codec is which on the other leg, what passes packet by packet, what is refused. */
#include "tests/unit/front/two_legs.h"
#include "mediad/rtp/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* ---- codecs ---- */

static void same_codec_other_number(void **state)
{
	struct stream_side s = {.ncodec = 0};
	struct stream_codec c = {.kind = STREAM_H264, .clock = 90000, .name = "H264"};

	(void)state;
	add(&s, "vp8", 100, 90000, "");
	add(&s, "H264", 102, 90000, "profile-level-id=640c1f;packetization-mode=1");
	add(&s, "H264", 104, 90000, "profile-level-id=42e01f; packetization-mode=0");
	add(&s, "H264", 106, 90000,
		"level-asymmetry-allowed=1;profile-level-id=42001f;"
		"packetization-mode=1");
	add(&s, "H264", 108, 90000, "packetization-mode=1;profile-level-id=42E01F");
	snprintf(c.fmtp, sizeof(c.fmtp), "profile-level-id=42e01f;packetization-mode=1");
	assert_int_equal(stream_same(&s, &c, true), 3); /* the first of its kind */
	snprintf(c.fmtp, sizeof(c.fmtp), "profile-level-id=42e028;packetization-mode=0");
	assert_int_equal(stream_same(&s, &c, true), 2);
	snprintf(c.fmtp, sizeof(c.fmtp), "profile-level-id=4d0028;packetization-mode=1");
	assert_int_equal(stream_same(&s, &c, true), -1);
	assert_int_equal(stream_same(&s, &c, false), 4); /* what we encode: constrained baseline */
	assert_int_equal(stream_of_kind(&s, STREAM_VP8), 0);
	snprintf(c.fmtp, sizeof(c.fmtp), "packetization-mode=1"); /* none said: baseline */
	assert_int_equal(stream_same(&s, &c, true), 3);
	c = (struct stream_codec){.kind = STREAM_VP8, .clock = 90000, .name = "VP8"};
	assert_int_equal(stream_same(&s, &c, true), 0);
	s.ncodec = 1;
	assert_int_equal(stream_of_kind(&s, STREAM_H264), -1);
}

static void parameter_sets_of_the_description(void **state)
{
	uint8_t d[64];
	static const uint8_t want[] = {
		0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xf4, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80};

	(void)state;
	assert_int_equal(stream_sprop("packetization-mode=1;sprop-parameter-sets=Z0LAH/Q=,aM48gA==",
				 d, sizeof(d)),
		sizeof(want));
	assert_memory_equal(d, want, sizeof(want));
	assert_int_equal(stream_sprop("packetization-mode=1", d, sizeof(d)), 0);
	assert_int_equal(stream_sprop("sprop-parameter-sets=", d, sizeof(d)), 0);
	assert_int_equal(stream_sprop("sprop-parameter-sets=,", d, sizeof(d)), 0);
	assert_int_equal(stream_sprop("sprop-parameter-sets=Z0L*", d, sizeof(d)), 0);
	for (size_t cap = 0; cap < sizeof(want); cap++)
		assert_int_equal(stream_sprop("sprop-parameter-sets=Z0LAH/Q=,aM48gA==", d, cap), 0);
}

static void other_codecs_by_name(void **state)
{
	struct stream_side s = {.ncodec = 0};
	struct stream_codec c = {.clock = 48000, .channels = 2, .name = "OPUS"};

	(void)state;
	add(&s, "VP9", 98, 90000, "profile-id=2");
	add(&s, "VP9", 99, 90000, "profile-id=0");
	add(&s, "opus", 111, 48000, "minptime=10");
	add(&s, "telephone-event", 101, 8000, "");
	s.codec[2].channels = 2;
	assert_int_equal(stream_same(&s, &c, true), 2);
	c = (struct stream_codec){.clock = 90000, .name = "VP9"};
	assert_int_equal(stream_same(&s, &c, true), 1);
	c = (struct stream_codec){.clock = 48000, .name = "telephone-event"};
	assert_int_equal(stream_same(&s, &c, true), -1); /* another clock */
}

static void audio(void)
{
	describe(&ca, false);
	describe(&cb, false);
	add(&ca.local, "opus", 111, 48000, "");
	add(&ca.local, "telephone-event", 126, 8000, "");
	add(&cb.local, "opus", 96, 48000, "");
	ca.local.ext.id[RTP_EXT_ABS_CAPTURE_TIME] = 3;
	ca.local.ext.id[RTP_EXT_TRANSPORT_CC] = 4;
	cb.local.ext.id[RTP_EXT_ABS_CAPTURE_TIME] = 7;
	cb.local.ext.id[RTP_EXT_TRANSPORT_CC] = 8;
	connect_legs();
}

static void audio_keeps_its_numbers(void **state)
{
	struct rtp_packet p;

	(void)state;
	audio();
	put_rtp(a, 111, 65535, 0xaabb, "opus", 4);
	put_rtp(a, 111, 0, 0xaabb, "next", 4);
	p = last_rtp(b);
	assert_int_equal(p.pt, 96);
	assert_int_equal(p.seq, 0);
	assert_int_equal(p.ssrc, 0xaabb);
	assert_memory_equal(p.payload.p, "next", 4);
	assert_int_equal(sent_rtp(b), 2);
	put_rtp(a, 126, 1, 0xaabb, "dtmf", 4); /* the other side does not have it */
	put_rtp(a, 50, 2, 0xaabb, "what", 4);
	assert_int_equal(sent_rtp(b), 2);
	put_rtp(a, 111, 3, 0xaabb, "more", 4);
	assert_int_equal(sent_rtp(b), 3);
	put_rtp(b, 96, 9, 0xccdd, "back", 4);
	assert_int_equal(last_rtp(a).pt, 111);
}

/* Under SRTP a number must not be used twice, and a sender of plain RTP could make us. */
static void no_number_goes_twice(void **state)
{
	struct stream_totals t;

	(void)state;
	audio();
	for (uint16_t i = 10; i < 20; i++)
		put_rtp(a, 111, i, 1, "x", 1);
	put_rtp(a, 111, 15, 1, "y", 1);
	put_rtp(a, 111, 19, 1, "y", 1);
	assert_int_equal(sent_rtp(b), 10);
	put_rtp(a, 111, 25, 1, "x", 1); /* a gap, then what was in it */
	put_rtp(a, 111, 22, 1, "x", 1);
	put_rtp(a, 111, 22, 1, "y", 1);
	assert_int_equal(sent_rtp(b), 12);
	put_rtp(a, 111, 200, 1, "x", 1);
	put_rtp(a, 111, 20, 1, "x", 1); /* too long ago to know */
	assert_int_equal(sent_rtp(b), 13);
	stream_front_get_totals(front, &t);
	assert_int_equal(t.replayed, 4);
	for (uint32_t i = 4; i < 6 * STREAM_TRACKED; i++)
		put_rtp(a, 111, 1, i / 2, "x", 1); /* many SSRCs, each packet twice */
	assert_int_equal(nout, 13 + 3 * STREAM_TRACKED - 2);
}

static void extensions_get_the_other_legs_ids(void **state)
{
	uint8_t d[64] = {0x90, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0xbe, 0xde, 0, 4, 0x37, 1, 2, 3,
		4, 5, 6, 7, 8, 0x41, 0, 5, 0, 0, 0, 0, 'h', 'i'};
	struct rtp_packet p;
	struct ar_span v;

	(void)state;
	audio();
	stream_leg_input(a, d, 34, false, now);
	p = last_rtp(b);
	assert_true(rtp_ext_find(&p, 7, &v));
	assert_int_equal(v.n, 8);
	assert_memory_equal(v.p, "\1\2\3\4\5\6\7\10", 8);
	assert_false(
		rtp_ext_find(&p, 8, &v)); /* numbers of one transport mean nothing on another */
	assert_false(rtp_ext_find(&p, 3, &v));
	assert_memory_equal(p.payload.p, "hi", 2);
}

static void reports_pass_and_transport_feedback_does_not(void **state)
{
	uint8_t d[200];
	struct rtcp_writer w = {d, 0, sizeof(d), 0};
	struct rtcp_sr sr = {.ntp = 77, .rtp = 5};
	int64_t tick = 1;
	struct ar_span rest;
	struct rtcp_packet p;

	(void)state;
	audio();
	put_rtp(a, 111, 1, 9, "x", 1);
	nout = 0;
	rtcp_write_sr(&w, 9, &sr, NULL, 0);
	rtcp_write_cname(&w, 9, AR_SPAN("me"));
	rtcp_write_twcc(&w, 9, 1, 0, 0, &tick, 1);
	stream_leg_input(a, d, w.n, true, now);
	assert_int_equal(nout, 1);
	assert_true(out[0].leg == b && out[0].rtcp);
	rest = (struct ar_span){(char *)out[0].d, out[0].n};
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_int_equal(p.type, RTCP_SR);
	assert_true(p.sr.ntp == 77);
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_int_equal(p.type, RTCP_SDES);
	assert_int_equal(rtcp_next(&rest, &p), 0);
}

/* ---- video ---- */

static void a_key_frame_is_asked_for_on_join(void **state)
{
	uint8_t before;
	struct ar_span rest;
	struct rtcp_packet p;
	bool pli = false;

	(void)state;
	add(&ca.local, "VP8", 96, 90000, "");
	add(&cb.local, "VP8", 120, 90000, "");
	connect_legs();
	stream_leg_up(b, false, now);
	put_rtp(a, 0x80 | 96, 1, 7, vp8_key, sizeof(vp8_key));
	assert_int_equal(sent_rtp(b), 0);
	before = (uint8_t)nout;
	now += 1000000;
	stream_leg_up(b, true, now);
	stream_leg_run(a, now);
	for (unsigned i = before; i < nout; i++) {
		rest = (struct ar_span){(char *)out[i].d, out[i].n};
		while (out[i].leg == a && out[i].rtcp && rtcp_next(&rest, &p) == 1)
			pli |= p.type == RTCP_PLI && p.media == 7;
	}
	assert_true(pli);
	put_rtp(a, 0x80 | 96, 2, 7, vp8_key, sizeof(vp8_key));
	assert_int_equal(last_rtp(b).pt, 120);
	assert_int_equal(last_rtp(b).ssrc, 7);
}

/* A handset that tells its parameter sets in the SDP only: who joins gets them with the picture. */
static void h264_without_sets_in_band(void **state)
{
	static const uint8_t idr[] = {0x65, 0x9a, 0x01, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77};
	unsigned types = 0;

	(void)state;
	add(&ca.local, "H264", 98, 90000,
		"profile-level-id=42c01f;packetization-mode=1;"
		"sprop-parameter-sets=Z0LAH/RAUBfwgA==,aM48gA==");
	add(&cb.local, "H264", 120, 90000, "profile-level-id=42c01f;packetization-mode=1");
	connect_legs();
	for (uint16_t i = 1; i <= 2; i++) {
		nout = 0;
		types = 0;
		put_rtp(a, 0x80 | 98, i, 7, idr, sizeof(idr));
		now += 100000;
		stream_leg_run(b, now);
		for (unsigned k = 0; k < nout; k++) {
			struct rtp_packet p;

			if (out[k].leg != b || out[k].rtcp)
				continue;
			assert_int_equal(
				rtp_parse(&p, (struct ar_span){(char *)out[k].d, out[k].n}), 0);
			for (size_t at = 0; at < p.payload.n; at++) { /* anywhere: STAP-A */
				types |= (uint8_t)p.payload.p[at] == 0x67 ? 1 : 0;
				types |= (uint8_t)p.payload.p[at] == 0x68 ? 2 : 0;
				types |= (uint8_t)p.payload.p[at] == 0x65 ? 4 : 0;
			}
		}
		assert_int_equal(types, 7);
	}
}

/* Another SSRC takes over when it is announced, or the old one has gone. */
static void who_is_the_stream(void **state)
{
	struct stream_totals t;

	(void)state;
	add(&ca.local, "VP8", 96, 90000, "");
	add(&cb.local, "VP8", 120, 90000, "");
	ca.remote.ssrc[0].ssrc = 8;
	ca.remote.nssrc = 1;
	connect_legs();
	put_rtp(a, 0x80 | 96, 1, 7, vp8_key, sizeof(vp8_key));
	put_rtp(a, 0x80 | 96, 1, 6, vp8_key, sizeof(vp8_key));
	assert_int_equal(last_rtp(b).ssrc, 7);
	stream_front_get_totals(front, &t);
	assert_int_equal(t.unknown_ssrc, 1);
	put_rtp(a, 0x80 | 96, 1, 8, vp8_key, sizeof(vp8_key)); /* announced */
	assert_int_equal(last_rtp(b).ssrc, 8);
	now += 100000;
	put_rtp(a, 0x80 | 96, 2, 7, vp8_key, sizeof(vp8_key));
	assert_int_equal(last_rtp(b).ssrc, 8);
	now += 600000;
	put_rtp(a, 0x80 | 96, 3, 7, vp8_key, sizeof(vp8_key));
	assert_int_equal(last_rtp(b).ssrc, 7);
}

/* The numbers of an SSRC go on when it comes back: one key, one number, one packet. */
static void numbers_go_on(void **state)
{
	uint16_t before, after;

	(void)state;
	add(&ca.local, "VP8", 96, 90000, "");
	add(&cb.local, "VP8", 120, 90000, "");
	connect_legs();
	put_rtp(a, 0x80 | 96, 1, 7, vp8_key, sizeof(vp8_key));
	before = last_rtp(b).seq;
	cb.remote.receives = false;
	stream_leg_set(b, &cb, now);
	cb.remote.receives = true;
	stream_leg_set(b, &cb, now);
	now += 100000;
	put_rtp(a, 0x80 | 96, 2, 7, vp8_key, sizeof(vp8_key));
	after = last_rtp(b).seq;
	assert_int_equal((uint16_t)(after - before), 1);
}

/* What one path carried, and how far one sender had counted, says nothing of the next. */
static void another_association_begins_anew(void **state)
{
	struct stream_facts f;
	uint8_t d[64] = {
		0x90, 0x80 | 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0xbe, 0xde, 0, 1, 0x41, 0x90};
	bool told = false;

	(void)state;
	add(&ca.local, "VP8", 96, 90000, "");
	add(&cb.local, "VP8", 120, 90000, "");
	ca.local.ext.id[RTP_EXT_TRANSPORT_CC] = 4;
	connect_legs();
	memcpy(d + 20, vp8_key, sizeof(vp8_key));
	stream_leg_input(a, d, 20 + sizeof(vp8_key), false, now); /* number 0x9000 */
	bwe_remb(a->out.bwe, 60000, now);
	stream_leg_get_facts(a, &f, now);
	assert_int_equal(f.target_kbps, 60);
	now += 1000000;
	stream_leg_run(a, now);
	stream_leg_up(a, false, now);
	stream_leg_up(a, true, now);
	stream_leg_get_facts(a, &f, now);
	assert_true(f.target_kbps > 500);
	nout = 0;
	d[17] = 0x10; /* far behind */
	stream_leg_input(a, d, 20 + sizeof(vp8_key), false, now);
	now += 1000000;
	stream_leg_run(a, now);
	for (unsigned i = 0; i < nout; i++) {
		struct ar_span rest = {(char *)out[i].d, out[i].n};
		struct rtcp_packet p;

		while (out[i].leg == a && out[i].rtcp && rtcp_next(&rest, &p) == 1)
			told = told || p.type == RTCP_TWCC;
	}
	assert_true(told);
	/* more is allowed by a later description than by the first */
	ca.max_kbps = 300;
	stream_leg_set(a, &ca, now);
	stream_leg_get_facts(a, &f, now);
	assert_int_equal(f.target_kbps, 300);
	ca.max_kbps = 2000;
	stream_leg_set(a, &ca, now);
	bwe_report(a->out.bwe, &(struct rtcp_report){.fraction = 0}, now);
	now += 1000000;
	bwe_report(a->out.bwe, &(struct rtcp_report){.fraction = 0}, now);
	stream_leg_get_facts(a, &f, now);
	assert_true(f.target_kbps > 300);
}

static void there_is_an_end(void **state)
{
	struct stream_leg *c;

	(void)state;
	connect_legs();
	assert_int_equal(stream_leg_new(&c, front, &ca, &handlers, &c, now), -ENOSPC);
	assert_int_equal(stream_front_legs(front), 2);
	assert_int_equal(stream_leg_snapshot(a, NULL, NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_codec_other_number),
		cmocka_unit_test(parameter_sets_of_the_description),
		cmocka_unit_test(other_codecs_by_name),
		T(audio_keeps_its_numbers),
		T(no_number_goes_twice),
		T(extensions_get_the_other_legs_ids),
		T(reports_pass_and_transport_feedback_does_not),
		T(a_key_frame_is_asked_for_on_join),
		T(h264_without_sets_in_band),
		T(who_is_the_stream),
		T(numbers_go_on),
		T(another_association_begins_anew),
		T(there_is_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
