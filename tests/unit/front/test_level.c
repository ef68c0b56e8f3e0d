/* SPDX-License-Identifier: GPL-2.0-or-later */
/* H.264 for a UE that takes no more than its level: what follows from descriptions, and that the
 * processor is told. */
#include "mediad/armf/front/stream_int.h"
#include "mediad/rtp/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static void levels(void **state)
{
	static const struct {
		const char *remote, *local;
		unsigned blocks, fps;
		uint32_t bps;
	} cases[] = {
		{"", "", 0, 0, 0}, /* libwebrtc and others: nothing said, nothing kept to */
		{"packetization-mode=1", "", 0, 0, 0},
		{"profile-level-id=42e0", "", 0, 0, 0},
		{"profile-level-id=42e0 c", "", 0, 0, 0},
		{"profile-level-id=-2e00c", "", 0, 0, 0},
		{"profile-level-id=42e01f;packetization-mode=1", "", 3600, 30, 14000000},
		{"profile-level-id=640C1F", "", 3600, 30, 14000000},
		{"packetization-mode=1; profile-level-id=42e01e", "", 1350, 30, 10000000},
		{"profile-level-id=42e016", "", 1350, 15, 4000000},
		{"profile-level-id=42e00d", "", 396, 30, 768000},
		{"profile-level-id=42e00c", "", 396, 15, 384000}, /* IR.94's least */
		{"profile-level-id=42e00b", "", 200, 15, 192000},
		{"profile-level-id=42f00b", "", 99, 15, 128000}, /* 1b */
		{"profile-level-id=64100b", "", 200, 15, 192000}, /* of High this is not 1b */
		{"profile-level-id=42e028", "", 0, 0, 0},
		{"profile-level-id=42e0ff", "", 0, 0, 0},
		{"profile-level-id=42e00c;max-fs=1200;max-mbps=36000;max-br=1000", "", 1200, 30,
			1000000},
		{"profile-level-id=42e01f;max-fs=10;max-br=x", "", 3600, 30, 14000000},
		{"profile-level-id=42e00c;max-br=99999999999999999999", "", 396, 15, 4294967000u},
		{"profile-level-id=42e01f", "profile-level-id=42e00c", 396, 15, 384000},
		{"profile-level-id=42e01f;level-asymmetry-allowed=1", "profile-level-id=42e00c",
			396, 15, 384000},
		{"profile-level-id=42e01f;level-asymmetry-allowed=1",
			"profile-level-id=42e00c;level-asymmetry-allowed=1", 3600, 30, 14000000},
		{"profile-level-id=42e00c;level-asymmetry-allowed=1",
			"profile-level-id=42e01f;level-asymmetry-allowed=1", 396, 15, 384000},
		{"profile-level-id=42e00c", "profile-level-id=42e01f", 396, 15, 384000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stream_limits got;

		stream_h264_limits(cases[i].remote, cases[i].local, &got);
		if (got.blocks != cases[i].blocks || got.fps != cases[i].fps ||
			got.bps != cases[i].bps)
			fail_msg("%s | %s: %u blocks, %u a second, %u bit/s", cases[i].remote,
				cases[i].local, got.blocks, got.fps, got.bps);
	}
}

/* ---- the processor ---- */

static uint64_t now = 5000000;
static struct armf_job_conf opened;
static unsigned opens, sets, blocks, fps;
static uint32_t bps;

static int job_open(struct armf_pool *p, const struct armf_job_conf *c,
	const struct armf_job_handlers *h, void *arg, uint32_t *job)
{
	(void)p, (void)h, (void)arg;
	opened = *c;
	opens++;
	*job = 1;
	return 0;
}

static void job_nothing(struct armf_pool *p, uint32_t job)
{
	(void)p, (void)job;
}

static int job_take(struct armf_pool *p, uint32_t job, const struct armf_frame_in *f)
{
	(void)p, (void)job, (void)f;
	return 0;
}

static void job_rate(struct armf_pool *p, uint32_t job, uint32_t to)
{
	(void)p, (void)job;
	bps = to;
}

static void job_limits(struct armf_pool *p, uint32_t job, unsigned max_blocks, unsigned max_fps)
{
	(void)p, (void)job;
	sets++;
	blocks = max_blocks;
	fps = max_fps;
}

static uint64_t clock_now(void)
{
	return now;
}

static int on_send(void *arg, uint8_t *d, size_t n, size_t cap, bool rtcp)
{
	(void)arg, (void)d, (void)n, (void)cap, (void)rtcp;
	return 0;
}

static void on_wake(void *arg)
{
	(void)arg;
}

static int scene(void *arg, uint32_t *id)
{
	(void)arg;
	*id = 1;
	return 0;
}

static void describe(struct stream_conf *c, const char *fmtp)
{
	struct stream_codec codec = {.kind = fmtp ? STREAM_H264 : STREAM_VP8,
		.pt = 96,
		.clock = 90000,
		.fb = STREAM_FB_PLI};

	*c = (struct stream_conf){.video = true, .call_id = "x", .op = ARMF_OVERLAY};
	c->local.known = c->remote.known = true;
	c->local.sends = c->local.receives = c->remote.sends = c->remote.receives = true;
	c->local.ncodec = c->remote.ncodec = 1;
	snprintf(codec.name, sizeof(codec.name), "%s", fmtp ? "H264" : "VP8");
	snprintf(codec.fmtp, sizeof(codec.fmtp), "%s", fmtp ? fmtp : "");
	c->local.codec[0] = c->remote.codec[0] = codec;
}

static void put_key_frame(struct stream_leg *l, uint16_t seq)
{
	static const uint8_t vp8_key[] = {
		0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};
	uint8_t d[64] = {0x80, 0x80 | 96};

	put16(d + 2, seq);
	put32(d + 4, 3000u * seq);
	put32(d + 8, 7);
	memcpy(d + 12, vp8_key, sizeof(vp8_key));
	now += 33000;
	stream_leg_input(l, d, 12 + sizeof(vp8_key), false, now);
	stream_leg_run(l, now);
}

/* A browser with VP8 and a handset with little H.264; later the handset can more. */
static void the_processor_is_told(void **state)
{
	const struct stream_handlers h = {on_send, on_wake, scene};
	struct stream_front_conf fc = {.clock = clock_now,
		.max_legs = 2,
		.jobs = {.pool = (struct armf_pool *)&opens,
			.open = job_open,
			.close = job_nothing,
			.frame = job_take,
			.render = job_take,
			.want_key = job_nothing,
			.set_rate = job_rate,
			.set_limits = job_limits}};
	struct stream_leg *a, *b;
	struct stream_front *front;
	struct stream_conf ca, cb;

	(void)state;
	describe(&ca, NULL);
	describe(&cb, "profile-level-id=42e00c;packetization-mode=1");
	assert_int_equal(stream_front_new(&front, &fc), 0);
	assert_int_equal(stream_leg_new(&a, front, &ca, &h, NULL, now), 0);
	assert_int_equal(stream_leg_new(&b, front, &cb, &h, NULL, now), 0);
	stream_leg_pair(a, b, now);
	stream_leg_up(a, true, now);
	stream_leg_up(b, true, now);
	put_key_frame(a, 1);
	assert_int_equal(opens, 1);
	assert_int_equal(opened.out, DEPAY_H264);
	assert_int_equal(opened.max_blocks, 396);
	assert_int_equal(opened.max_fps, 15);
	assert_true(opened.start_bps <= 384000);
	put_key_frame(a, 2);
	assert_int_equal(sets, 0);
	stream_job_rate(a, 2000000);
	assert_int_equal(bps, 0); /* as it is */
	describe(&cb, "profile-level-id=42e01f;packetization-mode=1");
	stream_leg_set(b, &cb, now);
	put_key_frame(a, 3);
	assert_int_equal(sets, 1);
	assert_int_equal(blocks, 3600);
	assert_int_equal(fps, 30);
	stream_job_rate(a, 2000000);
	assert_int_equal(bps, 1800000);
	describe(&cb, "packetization-mode=1");
	stream_leg_set(b, &cb, now);
	put_key_frame(a, 4);
	assert_int_equal(sets, 2);
	assert_int_equal(blocks, 0);
	assert_int_equal(fps, 30);
	assert_int_equal(opens, 1);
	stream_leg_free(a, now);
	stream_leg_free(b, now);
	stream_front_free(front);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels),
		cmocka_unit_test(the_processor_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
