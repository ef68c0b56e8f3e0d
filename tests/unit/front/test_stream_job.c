/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes back from a processor, and under whose name it goes out. */
#include "tests/unit/front/two_legs.h"
#include "mediad/rtp/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct armf_job_handlers job_h;
static void *job_arg;
static unsigned given;
static uint32_t given_ts;

static int job_open(struct armf_pool *p, const struct armf_job_conf *c,
	const struct armf_job_handlers *h, void *arg, uint32_t *job)
{
	(void)p, (void)c;
	job_h = *h;
	job_arg = arg;
	*job = 1;
	return 0;
}

static void job_nothing(struct armf_pool *p, uint32_t job)
{
	(void)p, (void)job;
}

static int job_take(struct armf_pool *p, uint32_t job, const struct armf_frame_in *f)
{
	(void)p, (void)job;
	given++;
	given_ts = f->ts;
	return 0;
}

static void job_rate(struct armf_pool *p, uint32_t job, uint32_t bps)
{
	(void)p, (void)job, (void)bps;
}

static void with_a_processor(void)
{
	given = 0;
	front->conf.jobs = (struct stream_pool){.pool = (struct armf_pool *)&given,
		.open = job_open,
		.close = job_nothing,
		.frame = job_take,
		.render = job_take,
		.want_key = job_nothing,
		.set_rate = job_rate};
}

static int some_scene(void *arg, uint32_t *scene)
{
	(void)arg;
	*scene = 1;
	return 0;
}

static void bring(uint32_t ts)
{
	struct armf_frame_out f = {.data = {(const char *)vp8_key + 1, sizeof(vp8_key) - 1},
		.ts = ts,
		.key = true,
		.width = 640,
		.height = 360};

	job_h.on_frame(job_arg, &f);
	now += 100000;
	stream_leg_run(b, now);
}

/* What the processor still had of a stream that has ended does not pass as the next one's. */
static void frames_of_an_earlier_stream(void **state)
{
	uint8_t d[64];
	struct rtcp_writer w = {d, 0, sizeof(d), 0};
	uint32_t old;
	unsigned sent;

	(void)state;
	with_a_processor();
	add(&ca.local, "VP8", 96, 90000, "");
	add(&cb.local, "VP8", 120, 90000, "");
	ca.op = ARMF_OVERLAY;
	ca.remote.ssrc[0].ssrc = 8;
	ca.remote.nssrc = 1;
	connect_legs();
	a->h.scene = some_scene;
	put_rtp(a, 0x80 | 96, 1, 7, vp8_key, sizeof(vp8_key));
	assert_int_equal(given, 1);
	old = given_ts;
	bring(old);
	assert_int_equal(last_rtp(b).ssrc, 7);
	assert_int_equal(last_rtp(b).ts, old);
	sent = sent_rtp(b);
	bring(old + 5); /* nobody gave it that one */
	assert_int_equal(sent_rtp(b), sent);
	put_rtp(a, 0x80 | 96, 50, 8, vp8_key, sizeof(vp8_key)); /* announced: it takes over */
	assert_int_equal(given, 2);
	bring(old);
	assert_int_equal(sent_rtp(b), sent);
	bring(given_ts);
	assert_int_equal(sent_rtp(b), sent + 1);
	assert_int_equal(last_rtp(b).ssrc, 8);
	d[0] = 0x81; /* RFC 3550 6.6 */
	d[1] = 203;
	put16(d + 2, 1);
	put32(d + 4, 8);
	w.n = 8;
	stream_leg_input(a, d, w.n, true, now);
	bring(given_ts);
	assert_int_equal(sent_rtp(b), sent + 1);
	for (unsigned i = 0; i < 40; i++) /* and an ordinary stream is not hindered */
		put_rtp(a, 0x80 | 96, (uint16_t)(100 + i), 8, vp8_key, sizeof(vp8_key));
	bring(given_ts);
	assert_int_equal(last_rtp(b).ts, given_ts);
}

static uint64_t told_ntp(const struct stream_leg *l)
{
	struct rtcp_packet p;

	for (unsigned i = nout; i-- > 0;) {
		struct ar_span rest = {(char *)out[i].d, out[i].n};

		if (out[i].leg == l && out[i].rtcp && rtcp_next(&rest, &p) == 1 &&
			p.type == RTCP_SR)
			return p.sr.ntp;
	}
	return 0;
}

/* A browser shows what its description names, and plays it with the partner's sound. */
static void rendered_under_the_partners_name(void **state)
{
	uint8_t d[64];
	struct rtcp_writer w = {d, 0, sizeof(d), 0};
	struct capture_pose pose = {.views = 1, .orientation = {{0, 0, 0, 1}}};

	(void)state;
	with_a_processor();
	stream_front_set_ntp(front, 5000, now);
	add(&ca.local, "VP8", 96, 90000, "");
	add(&cb.local, "VP8", 120, 90000, "");
	cb.op = ARMF_SPLIT_RENDER, cb.local.ssrc_mask = 0x700;
	ca.remote.ssrc[0].ssrc = 8;
	ca.remote.nssrc = 1;
	connect_legs();
	b->h.scene = some_scene;
	put_rtp(a, 0x80 | 96, 1, 8, vp8_key, sizeof(vp8_key));
	rtcp_write_sr(&w, 8, &(struct rtcp_sr){.ntp = 5000 + (3600ull << 32), .rtp = 960}, NULL, 0);
	stream_leg_input(a, d, w.n, true, now);
	stream_leg_run(b, now);
	job_h.on_state(job_arg, true, "");
	stream_leg_pose(b, &pose, now);
	now += 50000;
	stream_leg_run(b, now);
	assert_int_equal(given, 1);
	bring(given_ts);
	assert_int_equal(last_rtp(b).ssrc, 0x708);
	put_rtp(b, 0x80 | 120, 1, 9, vp8_key, sizeof(vp8_key)); /* its own goes on */
	assert_int_equal(last_rtp(a).ssrc, 9);
	now += 5000000000; /* more than 2^32 us since the clock was set */
	stream_leg_pose(b, &pose, now);
	stream_leg_run(b, now);
	bring(given_ts);
	now += 2000000;
	stream_leg_run(b, now);
	assert_in_range(told_ntp(b) >> 32, 3600 + 5000, 3600 + 5004);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(frames_of_an_earlier_stream),
		T(rendered_under_the_partners_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
