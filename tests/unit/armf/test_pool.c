/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames through the real media processor: what comes out, when, and with what drawn into it. */
#include "rig.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct armf_job_conf overlay = {.op = ARMF_OVERLAY,
	.in = DEPAY_VP8,
	.out = DEPAY_VP8,
	.start_bps = 600000,
	.call_id = "test-call"};

static bool sees_cube(const struct rig_stream *s, int *cx, int *cy, int *w)
{
	int x0, y0, x1, y1;

	if (!s->last.plane[0] || !clip_magenta(&s->last, &x0, &y0, &x1, &y1))
		return false;
	*cx = (x0 + x1) / 2;
	*cy = (y0 + y1) / 2;
	*w = x1 - x0 + 1;
	return true;
}

static bool cube_is_there(void *arg)
{
	int x, y, w;

	return sees_cube(arg, &x, &y, &w);
}

static void test_overlay(void **state)
{
	struct armf_job_conf c = overlay;
	struct rig_stream *s;
	struct armf_job_stats st;
	struct rig r;
	int x = 0, y = 0, w = 0;

	(void)state;
	rig_open(&r, NULL);
	c.scene = rig_scene(&r, "magenta.gltf");
	s = rig_stream(&r, &c, 320, 240);
	rig_until_up(s);
	rig_until(&r, cube_is_there, s, "the cube");
	assert_true(sees_cube(s, &x, &y, &w));
	/* the front face, 1.8 m away: 0.4 m of 2 * 1.8 * tan(0.5) m in 240 rows */
	assert_true(abs(x - 160) <= 3 && abs(y - 120) <= 3);
	assert_true(fabs(w - 240 * 0.4 / (2 * 1.8 * tan(0.5))) <= 4);
	assert_int_equal(s->undecoded, 0);
	assert_true(s->drawn > 0);
	assert_true(s->last_ts > 90000 && s->last_ts <= s->clip.ts);
	assert_int_equal(armf_job_get_stats(r.pool, s->job, &st), 0);
	assert_int_equal(st.width, 320);
	assert_true(st.encode_us > 0 && st.decode_us > 0);
	rig_close(&r);
}

/* ---- codecs, sizes, rates ---- */

static void test_all_codec_pairs(void **state)
{
	struct rig r;
	uint32_t scene;

	(void)state;
	rig_open(&r, NULL);
	scene = rig_scene(&r, "magenta.gltf");
	for (unsigned i = 0; i < 4; i++) {
		struct armf_job_conf c = overlay;
		struct rig_stream *s;

		c.in = i & 1 ? DEPAY_H264 : DEPAY_VP8;
		c.out = i & 2 ? DEPAY_H264 : DEPAY_VP8;
		c.scene = scene;
		s = rig_stream(&r, &c, 320, 180);
		rig_until(&r, cube_is_there, s, "the cube");
		rig_frames(s, 10);
		assert_int_equal(s->undecoded, 0);
	}
	rig_close(&r);
}

static bool is_wide(void *arg)
{
	return ((struct rig_stream *)arg)->last.width == 480;
}

static void test_sender_changes_size(void **state)
{
	struct armf_job_conf c = overlay;
	struct rig_stream *s;
	struct rig r;

	(void)state;
	rig_open(&r, NULL);
	c.scene = rig_scene(&r, "magenta.gltf");
	s = rig_stream(&r, &c, 320, 240);
	rig_frames(s, 5);
	clip_close(&s->clip);
	clip_open(&s->clip, c.in, 480, 270, 600000);
	rig_until(&r, is_wide, s, "the new size");
	rig_frames(s, 5);
	assert_true(cube_is_there(s));
	assert_int_equal(s->undecoded, 0);
	assert_int_equal(s->keys, 2);
	rig_close(&r);
}

static void test_limits(void **state)
{
	struct armf_job_conf c = overlay;
	struct rig_stream *s;
	struct armf_job_stats st;
	struct rig r;
	unsigned in;

	(void)state;
	rig_open(&r, NULL);
	c.max_width = 320;
	c.max_height = 180;
	c.max_fps = 10;
	s = rig_stream(&r, &c, 640, 480);
	rig_frames(s, 3);
	assert_int_equal(s->last.height, 180);
	assert_int_equal(s->last.width, 240);
	armf_job_get_stats(r.pool, s->job, &st);
	in = (unsigned)st.in;
	rig_frames(s, 20);
	armf_job_get_stats(r.pool, s->job, &st);
	assert_true(st.in - in >= 55); /* every third */
	rig_close(&r);
}

static bool fits_cif(void *arg)
{
	const struct codec_picture *p = &((struct rig_stream *)arg)->last;

	return p->width && codec_blocks(p->width) * codec_blocks(p->height) <= 396;
}

static bool is_whole(void *arg)
{
	return ((struct rig_stream *)arg)->last.width == 640;
}

/* A receiver of little H.264, and then of more: the processor keeps to it in the running stream. */
static void test_limits_of_a_level(void **state)
{
	struct armf_job_conf c = overlay;
	struct rig_stream *s;
	struct rig r;

	(void)state;
	rig_open(&r, NULL);
	c.out = DEPAY_H264;
	c.max_blocks = 396;
	s = rig_stream(&r, &c, 640, 480);
	rig_frames(s, 3);
	assert_true(fits_cif(s));
	/* not much smaller than it may be, and as wide as it was */
	assert_true(codec_blocks(s->last.width) * codec_blocks(s->last.height) > 300);
	assert_true(abs((int)s->last.width * 3 - (int)s->last.height * 4) <= 12);
	armf_job_set_limits(r.pool, s->job, 0, 30);
	rig_until(&r, is_whole, s, "the whole picture");
	armf_job_set_limits(r.pool, s->job, 396, 15);
	rig_until(&r, fits_cif, s, "a small picture");
	rig_frames(s, 3);
	assert_int_equal(s->undecoded, 0);
	rig_close(&r);
}

static bool has_two_keys(void *arg)
{
	return ((struct rig_stream *)arg)->keys >= 2;
}

/* Bits a second of what comes out, over its own time. */
static double rate_of(struct rig_stream *s, unsigned frames)
{
	uint32_t from = s->last_ts;

	s->bytes = 0;
	rig_frames(s, frames);
	return (double)s->bytes * 8 * 90000 / (s->last_ts - from);
}

static void test_key_and_rate(void **state)
{
	struct armf_job_conf c = overlay;
	struct rig_stream *s;
	struct rig r;
	double high, low = 1e9;

	(void)state;
	rig_open(&r, NULL);
	c.start_bps = 1500000;
	s = rig_stream(&r, &c, 320, 240);
	rig_frames(s, 20);
	assert_int_equal(s->keys, 1);
	armf_job_want_key(r.pool, s->job);
	rig_until(&r, has_two_keys, s, "a key frame");
	rig_frames(s, 10);
	high = rate_of(s, 30);
	armf_job_set_rate(r.pool, s->job, 100000);
	/* a second of frames at the old rate may be on their way, more on a busy machine */
	for (int i = 0; i < 8 && low > 140000; i++)
		low = rate_of(s, 30);
	if (low > 140000 || high < 1.5 * low)
		fail_msg("%.0f bit/s at 1500 kbit/s, %.0f at 100", high, low);
	rig_close(&r);
}

/* A sender that goes on after a loss: nothing is decoded, and a key frame is asked for. */
static void test_asks_for_key(void **state)
{
	struct armf_frame_in f = {.data = AR_SPAN("\x01\x02\x03\x04"), .ts = 1, .key = true};
	struct armf_job_conf c = overlay;
	struct rig_stream *s;
	struct armf_job_stats st;
	struct rig r;
	unsigned before;

	(void)state;
	rig_open(&r, NULL);
	s = rig_stream(&r, &c, 320, 240);
	rig_frames(s, 5);
	before = s->need_key;
	assert_int_equal(armf_job_frame(r.pool, s->job, &f), 0);
	rig_frames(s, 10);
	assert_true(s->need_key > before);
	armf_job_get_stats(r.pool, s->job, &st);
	assert_true(st.undecodable >= 1);
	f.data.n = 0;
	assert_int_equal(armf_job_frame(r.pool, s->job, &f), -EMSGSIZE);
	f.data.n = ARMF_MAX_FRAME + 1;
	assert_int_equal(armf_job_frame(r.pool, s->job, &f), -EMSGSIZE);
	assert_int_equal(armf_job_frame(r.pool, 99999, &f), -ENOENT);
	rig_close(&r);
}

/* ---- the scene ---- */

static bool cube_is_gone(void *arg)
{
	return !cube_is_there(arg);
}

static void test_no_camera_nothing_drawn(void **state)
{
	struct armf_job_conf c = overlay;
	struct rig_stream *s;
	struct rig r;

	(void)state;
	rig_open(&r, NULL);
	c.scene = rig_scene(&r, "magenta.gltf");
	s = rig_stream(&r, &c, 320, 240);
	rig_until(&r, cube_is_there, s, "the cube");
	s->views = 0;
	rig_until(&r, cube_is_gone, s, "the cube to go");
	s->views = 1;
	s->camera.position[0] = NAN;
	rig_frames(s, 10);
	assert_true(cube_is_gone(s));
	rig_close(&r);
}

static char *read_scene(const char *file, size_t *n)
{
	static char text[1 << 16];
	FILE *f = fopen(file, "re");

	assert_non_null(f);
	*n = fread(text, 1, sizeof(text) - 1, f);
	text[*n] = 0;
	fclose(f);
	return text;
}

static void test_scene_update(void **state)
{
	struct armf_job_conf c = overlay;
	struct rig_stream *s;
	struct rig r;
	char *text, *at;
	size_t n;

	(void)state;
	rig_open(&r, NULL);
	c.scene = rig_scene(&r, "magenta.gltf");
	s = rig_stream(&r, &c, 320, 240);
	rig_until(&r, cube_is_there, s, "the cube");
	text = read_scene(SRC_DIR "/tests/unit/armf/magenta.gltf", &n);
	at = strstr(text, "\"nodes\":[0,1]");
	assert_non_null(at);
	memcpy(at, "\"nodes\":[1  ]", 13); /* the cube leaves the scene's list */
	assert_int_equal(armf_scene_update(r.pool, c.scene, (struct ar_span){text, n}), 0);
	rig_until(&r, cube_is_gone, s, "the cube to go");
	/* a broken one: what was there stays, and the next good one is taken */
	assert_int_equal(armf_scene_update(r.pool, c.scene, AR_SPAN("{\"asset\":")), 0);
	rig_frames(s, 5);
	text = read_scene(SRC_DIR "/tests/unit/armf/magenta.gltf", &n);
	for (unsigned i = 0; i < 50; i++) /* coalesced */
		assert_int_equal(armf_scene_update(r.pool, c.scene, (struct ar_span){text, n}), 0);
	rig_until(&r, cube_is_there, s, "the cube");
	assert_int_equal(armf_scene_update(r.pool, 4711, (struct ar_span){text, n}), -ENOENT);
	armf_scene_close(r.pool, c.scene); /* its job goes on with what it has */
	rig_frames(s, 5);
	assert_true(s->up);
	rig_close(&r);
}

static void test_asset_from_folder(void **state)
{
	struct armf_job_conf c = overlay;
	struct rig_stream *s;
	struct rig r;

	(void)state;
	rig_open(&r, NULL);
	c.scene = rig_scene(&r, "magenta_bin.gltf");
	s = rig_stream(&r, &c, 320, 240);
	rig_until(&r, cube_is_there, s, "the cube of a file");
	rig_close(&r);
}

/* The avatar of the one who looks is not drawn, that of the other is. */
static void test_own_avatar(void **state)
{
	const float front[3] = {0, 0, 0}, away[3] = {0, -90, 0}, no_turn[4] = {0, 0, 0, 1};
	struct armf_job_conf c = overlay;
	struct rig_stream *a, *b;
	struct rig r;
	int x, y, w;

	(void)state;
	rig_open(&r, NULL);
	c.scene = rig_scene(&r, "magenta.gltf");
	armf_scene_pose(r.pool, c.scene, 0, away, no_turn, ar_now()); /* the cube */
	armf_scene_pose(r.pool, c.scene, 1, front, no_turn, ar_now()); /* A's avatar */
	strcpy(c.own, "A");
	a = rig_stream(&r, &c, 320, 240);
	strcpy(c.own, "B");
	b = rig_stream(&r, &c, 320, 240);
	rig_until(&r, cube_is_there, b, "A in B's view");
	rig_frames(a, 10);
	assert_true(a->drawn > 0);
	if (sees_cube(a, &x, &y, &w))
		fail_msg("something magenta at %d %d, %d wide, after %u frames", x, y, w, a->out);
	rig_close(&r);
}

struct where {
	struct rig_stream *s;
	int x, tolerance;
};

static bool cube_is_at(void *arg)
{
	struct where *w = arg;
	int x, y, width;

	return sees_cube(w->s, &x, &y, &width) && abs(x - w->x) <= w->tolerance;
}

/* Every frame says when it was taken: the cube is where it was then, not where it is now. */
static void test_drawn_at_capture_time(void **state)
{
	const float no_turn[4] = {0, 0, 0, 1};
	struct armf_job_conf c = overlay;
	struct where w = {.tolerance = 4};
	struct rig r;
	uint64_t t0;

	(void)state;
	rig_open(&r, NULL);
	c.scene = rig_scene(&r, "magenta.gltf");
	w.s = rig_stream(&r, &c, 320, 240);
	rig_until_up(w.s);
	t0 = ar_now();
	for (unsigned i = 0; i <= 10; i++) { /* from -0.5 m to 0.5 m in half a second */
		const float t[3] = {-0.5f + 0.1f * (float)i, 0, 0};

		armf_scene_pose(r.pool, c.scene, 0, t, no_turn, t0 + i * 50 * AR_MS);
	}
	for (unsigned i = 0; i <= 4; i++) {
		/* between two poses: its middle is at 2 m, 240 rows are 2 * 2 * tan(0.5) m there */
		double x = -0.5 + 0.2 * i + 0.05;

		w.s->capture = t0 + i * 100 * AR_MS + 25 * AR_MS;
		w.x = (int)(160 + x / 1.8 * 120 / tan(0.5));
		w.tolerance = 6;
		rig_until(&r, cube_is_at, &w, "the cube of then");
	}
	rig_close(&r);
}

static bool is_done(void *arg)
{
	struct rig_stream *s = arg;
	struct pool_job *j = ar_ids_get(&s->rig->pool->jobs, s->job);

	return j->in.n == 0;
}

static void test_split_render(void **state)
{
	struct armf_job_conf c = overlay;
	struct rig_stream *s;
	struct rig r;
	unsigned out;
	int x, y, w;

	(void)state;
	rig_open(&r, NULL);
	c.op = ARMF_SPLIT_RENDER;
	c.out = DEPAY_H264;
	c.max_width = 320;
	c.max_height = 240;
	c.scene = rig_scene(&r, "magenta.gltf");
	s = rig_stream(&r, &c, 320, 240);
	s->camera.position[0] = 0.1f;
	rig_until(&r, cube_is_there, s, "the cube");
	assert_true(sees_cube(s, &x, &y, &w) && x < 160);
	assert_true(fabsf(s->pose[0] - 0.1f) < 1e-6f && s->pose[2] == 2);
	rig_frames(s, 10);
	/* while one is drawn the next waits: both go out, whoever asks a third time has to wait */
	s->paused = true;
	rig_until(&r, is_done, s, "what is under way");
	for (unsigned i = 0; i < 3; i++) {
		struct armf_frame_in f = {.views = 1,
			.camera = {s->camera},
			.ts = s->clip.ts += 3000,
			.capture = ar_now()};

		assert_int_equal(armf_job_render(r.pool, s->job, &f), i < 2 ? 0 : -ENOBUFS);
	}
	out = s->out;
	rig_until(&r, is_done, s, "both");
	assert_int_equal(s->out, out + 2);
	s->paused = false;
	s->views = 2; /* an eye on either half */
	s->camera.position[0] = 0;
	rig_frames(s, 5);
	rig_close(&r);
}

/* ---- snapshots ---- */

struct shot {
	int calls, err;
	size_t n;
	uint32_t width, height;
};

static void on_png(void *arg, int err, struct ar_span png)
{
	struct shot *s = arg;
	const uint8_t *p = (const uint8_t *)png.p;

	s->calls++;
	s->err = err;
	s->n = png.n;
	if (err)
		return;
	assert_memory_equal(p, "\x89PNG", 4);
	s->width = (uint32_t)p[18] << 8 | p[19];
	s->height = (uint32_t)p[22] << 8 | p[23];
}

static bool is_shot(void *arg)
{
	return ((struct shot *)arg)->calls;
}

static void test_snapshot(void **state)
{
	struct armf_job_conf c = overlay;
	struct rig_stream *s;
	struct shot shot = {0};
	struct rig r;

	(void)state;
	rig_open(&r, NULL);
	s = rig_stream(&r, &c, 320, 240);
	assert_int_equal(armf_job_snapshot(r.pool, s->job, on_png, &shot), -ENOTCONN);
	rig_frames(s, 3);
	assert_int_equal(armf_job_snapshot(r.pool, s->job, on_png, &shot), 0);
	assert_int_equal(armf_job_snapshot(r.pool, s->job, on_png, &shot), -EBUSY);
	rig_until(&r, is_shot, &shot, "a snapshot");
	assert_int_equal(shot.err, 0);
	assert_int_equal(shot.width, 320);
	assert_int_equal(shot.height, 240);
	shot = (struct shot){0};
	s->paused = true; /* no frame comes */
	rig_turn(&r, 200);
	assert_int_equal(armf_job_snapshot(r.pool, s->job, on_png, &shot), 0);
	rig_until(&r, is_shot, &shot, "the end of a snapshot");
	assert_int_equal(shot.err, -ETIMEDOUT);
	shot = (struct shot){0};
	assert_int_equal(armf_job_snapshot(r.pool, s->job, on_png, &shot), 0);
	rig_stream_end(s);
	assert_int_equal(shot.err, -ECANCELED);
	rig_turn(&r, 200);
	assert_int_equal(shot.calls, 1);
	rig_close(&r);
}

/* ---- many ---- */

static void test_eight_jobs(void **state)
{
	struct armf_pool_stats st;
	struct armf_job_conf c = overlay;
	struct armf_job_handlers none = {0};
	struct rig r;
	uint32_t id;

	(void)state;
	rig_open(&r, NULL);
	c.scene = rig_scene(&r, "magenta.gltf");
	for (unsigned i = 0; i < RIG_JOBS; i++) {
		c.in = i & 1 ? DEPAY_H264 : DEPAY_VP8;
		c.out = i & 2 ? DEPAY_H264 : DEPAY_VP8;
		rig_stream(&r, &c, 160, 120);
	}
	assert_int_equal(armf_job_open(r.pool, &c, &none, NULL, &id), -EBUSY);
	for (unsigned i = 0; i < RIG_JOBS; i++) {
		rig_until(&r, cube_is_there, &r.s[i], "the cube in each");
		assert_int_equal(r.s[i].undecoded, 0);
	}
	armf_pool_get_stats(r.pool, &st);
	assert_int_equal(st.running, 1);
	assert_int_equal(st.jobs, RIG_JOBS);
	assert_int_equal(st.refused, 1);
	assert_int_equal(st.died + st.hung + st.over_memory, 0);
	assert_true(st.frames_out >= RIG_JOBS);
	rig_stream_end(&r.s[3]); /* its place is free again */
	assert_int_equal(armf_job_open(r.pool, &c, &none, NULL, &id), 0);
	armf_job_close(r.pool, id);
	rig_close(&r);
}

static void close_in_handler(void *arg, const struct armf_frame_out *f)
{
	struct rig_stream *s = arg;

	(void)f;
	s->out++;
	armf_job_close(s->rig->pool, s->job);
	s->job = 0;
}

static bool has_no_job(void *arg)
{
	return ((struct rig_stream *)arg)->job == 0;
}

static void test_close_inside_handler(void **state)
{
	const struct armf_job_handlers h = {.on_frame = close_in_handler};
	struct rig_stream *s;
	struct rig r;
	uint32_t job;

	(void)state;
	rig_open(&r, NULL);
	s = rig_stream(&r, &overlay, 160, 120);
	rig_frames(s, 2);
	job = s->job;
	assert_int_equal(armf_job_open(r.pool, &overlay, &h, s, &s->job), 0);
	s->want_key = true;
	rig_until(&r, has_no_job, s, "the end of a job"); /* the other one may have frames first */
	rig_turn(&r, 200);
	s->job = job;
	rig_close(&r);
}

static void test_refusals(void **state)
{
	struct armf_pool_conf off = {.processes = 0};
	struct armf_job_handlers none = {0};
	struct armf_job_conf c = overlay;
	struct rig r;
	uint32_t id;

	(void)state;
	rig_open(&r, &off);
	assert_int_equal(armf_job_open(r.pool, &c, &none, NULL, &id), -ENOSYS);
	rig_close(&r);
	rig_open(&r, NULL);
	c.scene = 12345;
	assert_int_equal(armf_job_open(r.pool, &c, &none, NULL, &id), -ENOENT);
	assert_int_equal(armf_scene_open(r.pool, AR_SPAN(""), "x", &id), -EINVAL);
	assert_int_equal(armf_job_render(r.pool, 77, &(struct armf_frame_in){0}), -ENOENT);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlay),
		cmocka_unit_test(test_all_codec_pairs),
		cmocka_unit_test(test_sender_changes_size),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_limits_of_a_level),
		cmocka_unit_test(test_key_and_rate),
		cmocka_unit_test(test_asks_for_key),
		cmocka_unit_test(test_no_camera_nothing_drawn),
		cmocka_unit_test(test_scene_update),
		cmocka_unit_test(test_asset_from_folder),
		cmocka_unit_test(test_own_avatar),
		cmocka_unit_test(test_drawn_at_capture_time),
		cmocka_unit_test(test_split_render),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_eight_jobs),
		cmocka_unit_test(test_close_inside_handler),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
