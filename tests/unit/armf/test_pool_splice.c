/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VP8 that is spliced, through the real media processor: when it is, when the whole picture is
 * coded instead, and that what comes out can be decoded all the time. Frames are given one by one
 * on the stream's own time, so that a busy machine changes nothing.
 */
#include "rig.h"
#include "sender.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FRAME 3000 /* RTP time of one */

struct feeder {
	struct rig r;
	struct rig_stream *s;
	struct sender from;
	struct codec_dec *dec; /* what the sender's own receiver would see */
	struct codec_picture sent;
	uint32_t ts, step;
	uint8_t version; /* of VP8, put into each frame */
	bool deaf; /* to wishes for a key frame */
	unsigned key_frames, given;
};

static const struct sender_conf *kind(const char *name)
{
	for (unsigned i = 0; i < sender_nkinds; i++) {
		if (strcmp(sender_kinds[i].name, name) == 0)
			return &sender_kinds[i];
	}
	fail_msg("no sender %s", name);
	return NULL;
}

static void open_feeder(struct feeder *f, const struct sender_conf *sc, unsigned max_fps)
{
	struct armf_job_conf c = {.op = ARMF_OVERLAY,
		.in = DEPAY_VP8,
		.out = DEPAY_VP8,
		.start_bps = 2000000,
		.max_fps = max_fps,
		.call_id = "test-call"};

	*f = (struct feeder){.ts = 90000, .step = FRAME};
	rig_open(&f->r, NULL);
	c.scene = rig_scene(&f->r, "magenta.gltf");
	f->s = rig_stream(&f->r, &c, 320, 192);
	f->s->paused = true; /* its clip is not used */
	sender_open(&f->from, sc);
	assert_int_equal(codec_dec_new(&f->dec, DEPAY_VP8), 0);
	rig_until_up(f->s);
}

static void close_feeder(struct feeder *f)
{
	assert_int_equal(f->s->undecoded, 0);
	codec_dec_free(f->dec);
	sender_close(&f->from);
	rig_close(&f->r);
}

static bool is_done(void *arg)
{
	struct feeder *f = arg;
	struct pool_job *j = ar_ids_get(&f->r.pool->jobs, f->s->job);

	return j->in.n == 0;
}

/* Not waited for. */
static void hand_over(struct feeder *f, struct ar_span data)
{
	static char copy[1 << 18];
	struct armf_frame_in in = {
		.ts = f->ts, .views = f->s->views, .camera = {f->s->camera}, .capture = ar_now()};

	assert_true(data.n > 10 && data.n < sizeof(copy));
	memcpy(copy, data.p, data.n);
	copy[0] = (char)(copy[0] | f->version << 1);
	in.data = (struct ar_span){copy, data.n};
	in.key = !(copy[0] & 1);
	f->key_frames += in.key;
	f->given++;
	(void)!codec_dec_frame(f->dec, data, &f->sent);
	(void)!armf_job_frame(f->r.pool, f->s->job, &in);
}

static void give_one(struct feeder *f, struct ar_span data)
{
	hand_over(f, data);
	rig_until(&f->r, is_done, f, "a frame");
}

static void give(struct feeder *f, unsigned n)
{
	struct ar_span out[4];

	while (n-- > 0) {
		unsigned k;

		f->from.want_key = f->s->want_key && !f->deaf;
		if (f->from.want_key)
			f->s->want_key = false;
		k = sender_next(&f->from, out);
		f->ts += f->step;
		for (unsigned i = 0; i < k; i++)
			give_one(f, out[i]);
	}
}

static const struct armf_job_stats *stats(struct feeder *f)
{
	static struct armf_job_stats st;

	assert_int_equal(armf_job_get_stats(f->r.pool, f->s->job, &st), 0);
	return &st;
}

/* Until it goes out like that, that many frames at most. */
static void becomes(struct feeder *f, const char *how, unsigned most)
{
	while (strcmp(stats(f)->splice, how) != 0 && most-- > 0)
		give(f, 1);
	assert_string_equal(stats(f)->splice, how);
}

/* In the left eighth, which the cube does not touch. */
static double error_left(const struct codec_picture *a, const struct codec_picture *b)
{
	double sum = 0;
	unsigned w = a->width / 8;

	assert_int_equal(a->width, b->width);
	for (unsigned y = 0; y < a->height; y++) {
		for (unsigned x = 0; x < w; x++) {
			int d = a->plane[0][y * (unsigned)a->stride[0] + x] -
				b->plane[0][y * (unsigned)b->stride[0] + x];

			sum += d * d;
		}
	}
	return sum / (w * a->height);
}

static void assert_cube(struct feeder *f)
{
	int x0, y0, x1, y1;

	assert_true(clip_magenta(&f->s->last, &x0, &y0, &x1, &y1));
	assert_true(x1 - x0 < (int)f->s->last.width / 2);
}

/* ---- what goes out spliced ---- */

static void test_kinds(void **state)
{
	static const char *const names[] = {
		"partitions", "segments", "golden and altref", "odd size"};
	struct armf_pool_stats ps;

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct feeder f;

		open_feeder(&f, kind(names[i]), 0);
		give(&f, 30);
		assert_string_equal(stats(&f)->splice, "spliced");
		assert_true(stats(&f)->spliced == f.given && f.s->out == f.given);
		assert_true(
			stats(&f)->recoded > 0 && stats(&f)->recoded < stats(&f)->blocks * 2 / 3);
		assert_cube(&f);
		assert_true(error_left(&f.s->last, &f.sent) < 20);
		armf_pool_get_stats(f.r.pool, &ps);
		assert_int_equal(ps.frames_spliced, f.given);
		assert_int_equal(ps.blocks, stats(&f)->blocks);
		close_feeder(&f);
	}
}

/* Nothing to draw: every byte as it came. */
static void test_nothing_drawn(void **state)
{
	struct feeder f;

	(void)state;
	open_feeder(&f, kind("a call's"), 0);
	f.s->views = 0;
	give(&f, 20);
	assert_int_equal(stats(&f)->recoded, 0);
	assert_true(clip_psnr(&f.s->last, &f.sent) > 98);
	close_feeder(&f);
}

/* A profile that it cannot: coded again from there on, and back is no way. */
static void test_other_profile(void **state)
{
	struct feeder f;

	(void)state;
	open_feeder(&f, kind("a call's"), 0);
	give(&f, 10);
	f.version = 1;
	becomes(&f, "unfit", 60);
	give(&f, 10);
	assert_true(f.s->keys == 2 && stats(&f)->undecodable >= 1);
	assert_cube(&f);
	close_feeder(&f);
}

/* ---- key frames ---- */

static void test_key_from_sender(void **state)
{
	struct feeder f;

	(void)state;
	open_feeder(&f, kind("a call's"), 0);
	give(&f, 10);
	armf_job_want_key(f.r.pool, f.s->job);
	for (unsigned i = 0; i < 8 && f.s->keys < 2; i++)
		give(&f, 1);
	assert_true(f.s->keys == 2 && f.key_frames == 2);
	give(&f, 20);
	assert_true(f.s->keys == 2 && stats(&f)->spliced == f.given);
	close_feeder(&f);
}

/* The sender makes none: within 0.3 s of picture one is made here, and when the sender has thought
 * better of it splicing goes on. */
static void test_key_made(void **state)
{
	struct feeder f;

	(void)state;
	open_feeder(&f, kind("a call's"), 0);
	give(&f, 10);
	f.deaf = true;
	armf_job_want_key(f.r.pool, f.s->job);
	for (unsigned i = 0; i < 11; i++)
		give(&f, 1);
	assert_int_equal(f.s->keys, 2);
	assert_string_equal(stats(&f)->splice, "key");
	give(&f, 30);
	assert_string_equal(stats(&f)->splice, "wait");
	assert_int_equal(f.s->keys, 2);
	f.deaf = false;
	f.s->want_key = false;
	becomes(&f, "spliced", 300); /* one wish may be lost in what is asked once in 200 ms */
	give(&f, 10);
	assert_cube(&f);
	close_feeder(&f);
}

/* A frame that cannot be decoded, as after a loss that nobody noticed. */
static void test_broken(void **state)
{
	struct feeder f;

	(void)state;
	open_feeder(&f, kind("a call's"), 0);
	give(&f, 10);
	f.ts += FRAME;
	give_one(&f, AR_SPAN("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"));
	assert_int_equal(stats(&f)->undecodable, 1);
	becomes(&f, "spliced", 60);
	give(&f, 5);
	assert_int_equal(f.s->keys, 2);
	assert_true(error_left(&f.s->last, &f.sent) < 20);
	close_feeder(&f);
}

/* ---- how many, how much ---- */

/* Nobody refers to every other frame: they are left out, and splicing goes on. */
static void layers(unsigned ahead)
{
	struct feeder f;
	unsigned before;

	open_feeder(&f, kind("layers"), 15);
	give(&f, ahead);
	f.ts += (ahead % 2) * 2 * FRAME; /* the clock of max_fps begins anew */
	give(&f, 20);
	before = f.s->out;
	give(&f, 60);
	assert_string_equal(stats(&f)->splice, "spliced");
	assert_true(f.s->out - before >= 28 && f.s->out - before <= 32);
	assert_cube(&f);
	give(&f, f.from.n % 2 ? 2 : 1); /* one that goes out */
	assert_int_equal(f.s->last_ts, f.ts);
	assert_true(error_left(&f.s->last, &f.sent) < 20);
	close_feeder(&f);
}

/* Also where those that are too many by the clock are the others. */
static void test_layers(void **state)
{
	(void)state;
	layers(0);
	layers(1);
}

/* They change what later ones are read with: none may be missing. */
static void test_layers_that_teach(void **state)
{
	struct sender_conf c = *kind("layers");
	struct feeder f;

	(void)state;
	c.layers_teach = true;
	open_feeder(&f, &c, 15);
	give(&f, 10);
	assert_true(f.s->out == f.given && stats(&f)->spliced == f.given);
	assert_true(error_left(&f.s->last, &f.sent) < 20);
	close_feeder(&f);
}

static void test_too_fast(void **state)
{
	struct feeder f;
	unsigned before;

	(void)state;
	open_feeder(&f, kind("a call's"), 15);
	becomes(&f, "fast", 60);
	give(&f, 10);
	before = f.s->out;
	give(&f, 60);
	assert_true(f.s->out - before >= 27 && f.s->out - before <= 33);
	f.step = 2 * FRAME; /* as it should be: back, not at once, and without our asking often */
	give(&f, 10);
	assert_string_not_equal(stats(&f)->splice, "spliced");
	becomes(&f, "spliced", 200);
	before = f.s->out;
	give(&f, 30);
	assert_int_equal(f.s->out - before, 30);
	close_feeder(&f);
}

/* A camera that is a little fast is no reason. */
static void test_little_too_fast(void **state)
{
	struct feeder f;

	(void)state;
	open_feeder(&f, kind("a call's"), 25);
	give(&f, 90);
	assert_true(stats(&f)->spliced == 90 && f.s->out == 90);
	close_feeder(&f);
}

static double rate_of(struct feeder *f, unsigned n)
{
	size_t before = f->s->bytes;

	give(f, n);
	return (double)(f->s->bytes - before) * 8 * 90000 / ((double)n * f->step);
}

/* More comes than the line takes: coded again at its rate, however long the sender keeps it up; and
 * on when there is room. */
static void test_rate(void **state)
{
	struct feeder f;
	double rate;

	(void)state;
	open_feeder(&f, kind("a call's"), 0);
	f.deaf = true;
	give(&f, 30);
	assert_int_equal(stats(&f)->spliced, 30);
	armf_job_set_rate(f.r.pool, f.s->job, 100000);
	becomes(&f, "rate", 30);
	give(&f, 30); /* its key frame */
	rate = rate_of(&f, 200);
	if (rate > 130000)
		fail_msg("%.0f bit/s where 100000 are allowed", rate);
	assert_string_equal(stats(&f)->splice, "rate");
	armf_job_set_rate(f.r.pool, f.s->job, 2000000);
	f.deaf = f.s->want_key = false;
	becomes(&f, "spliced", 200);
	give(&f, 10);
	assert_cube(&f);
	close_feeder(&f);
}

/* ---- a busy machine ---- */

#define MANY 7 /* no more than LATE_LEAVE in job_splice.c */

static bool is_room(void *arg)
{
	struct feeder *f = arg;
	struct pool_job *j = ar_ids_get(&f->r.pool->jobs, f->s->job);

	return j->in.n < MANY;
}

static void hand_over_next(struct feeder *f)
{
	struct ar_span out[4];

	rig_until(&f->r, is_room, f, "room for a frame");
	assert_int_equal(sender_next(&f->from, out), 1);
	f->ts += f->step;
	hand_over(f, out[0]);
}

/* Frames come at once, and while the processor works on the first one it is not scheduled for a
 * while: all others are late, but for the last one. */
static void stall(struct feeder *f)
{
	const struct timespec late = {.tv_nsec = 60000000};
	pid_t pid = rig_pid(&f->r);

	assert_int_equal(kill(pid, SIGSTOP), 0);
	for (unsigned i = 0; i < MANY; i++)
		hand_over_next(f);
	rig_turn(&f->r, 1); /* written to its socket */
	assert_int_equal(kill(pid, SIGCONT), 0);
	rig_until(&f->r, is_room, f, "the first frame");
	assert_int_equal(kill(pid, SIGSTOP), 0);
	nanosleep(&late, NULL);
	assert_int_equal(kill(pid, SIGCONT), 0);
	rig_until(&f->r, is_done, f, "late frames");
}

static unsigned late_ends(struct feeder *f)
{
	struct armf_pool_stats ps;

	armf_pool_get_stats(f->r.pool, &ps);
	return (unsigned)ps.splice_ends[LINK_SPLICE_LATE];
}

/* A moment's stall: later frames refer to each one, so all of them go out. */
static void test_short_stall(void **state)
{
	struct feeder f;

	(void)state;
	open_feeder(&f, kind("a call's"), 0);
	give(&f, 10);
	for (unsigned i = 0; i < 4; i++) {
		stall(&f);
		give(&f, 2);
	}
	assert_int_equal(f.s->out, f.given);
	assert_int_equal(stats(&f)->spliced, f.given);
	assert_int_equal(late_ends(&f), 0);
	assert_true(error_left(&f.s->last, &f.sent) < 20);
	assert_cube(&f);
	close_feeder(&f);
}

/* Late ones that nobody refers to are left out. */
static void test_layers_late(void **state)
{
	struct sender_conf c = *kind("layers");
	struct feeder f;
	unsigned out;

	(void)state;
	c.width = 640;
	c.height = 384;
	open_feeder(&f, &c, 0);
	give(&f, 10);
	assert_int_equal(f.s->out, f.given);
	for (unsigned i = 0; i < 20 && f.s->out == f.given; i++)
		stall(&f);
	assert_in_range(f.given - f.s->out, 1, 3);
	assert_true(late_ends(&f) == 0 && f.s->keys == 1);
	out = f.s->out;
	give(&f, 10);
	assert_int_equal(f.s->out, out + 10);
	assert_true(error_left(&f.s->last, &f.sent) < 20);
	close_feeder(&f);
}

/* ---- the rest ---- */

/* The sender changes its resolution in a running call, as browsers do: spliced on. */
static void test_size(void **state)
{
	static const char *const names[] = {
		"best", "odd size", "upright", "partitions", "small", "good"};
	struct feeder f;

	(void)state;
	open_feeder(&f, kind("a call's"), 0);
	give(&f, 10);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		sender_close(&f.from);
		sender_open(&f.from, kind(names[i]));
		give(&f, 10);
		assert_int_equal(f.s->last.width, kind(names[i])->width & ~1u);
		assert_int_equal(f.s->last.height, kind(names[i])->height & ~1u);
		assert_int_equal(f.s->keys, i + 2);
		assert_true(error_left(&f.s->last, &f.sent) < 60);
		if (f.s->last.width > 16)
			assert_cube(&f);
	}
	assert_int_equal(stats(&f)->spliced, f.given);
	assert_int_equal(f.s->out, f.given);
	close_feeder(&f);
}

struct shot {
	unsigned calls;
	int err;
	uint32_t width, height;
};

static void on_png(void *arg, int err, struct ar_span png)
{
	struct shot *s = arg;
	const uint8_t *p = (const uint8_t *)png.p;

	s->calls++;
	s->err = err;
	if (err)
		return;
	s->width = (uint32_t)p[18] << 8 | p[19];
	s->height = (uint32_t)p[22] << 8 | p[23];
}

static bool is_shot(void *arg)
{
	return ((struct shot *)arg)->calls;
}

/* Of the next frame that is shown: not of an altref, which only later ones refer to; nor is it any
 * matter that nothing moves, or that no frame is drawn upon. */
static void test_snapshot(void **state)
{
	static const char *const names[] = {"golden and altref", "still", "layers"};
	struct feeder f;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		open_feeder(&f, kind(names[i]), 0);
		give(&f, 5);
		for (unsigned k = 0; k < 20; k++) {
			struct shot shot = {0};

			f.s->views = k != 10;
			assert_int_equal(armf_job_snapshot(f.r.pool, f.s->job, on_png, &shot), 0);
			give(&f, 2);
			rig_until(&f.r, is_shot, &shot, "a snapshot");
			assert_int_equal(shot.err, 0);
			assert_int_equal(shot.width, f.s->last.width);
			assert_int_equal(shot.height, f.s->last.height);
		}
		assert_int_equal(stats(&f)->spliced, f.given);
		close_feeder(&f);
	}
}

static void test_near(void **state)
{
	struct feeder f;

	(void)state;
	open_feeder(&f, kind("a call's"), 0);
	give(&f, 10);
	f.s->camera.position[2] = 0.4f; /* all of the picture is cube */
	becomes(&f, "box", 10);
	give(&f, 10);
	f.s->camera.position[2] = 2;
	becomes(&f, "spliced", 200);
	give(&f, 5);
	assert_cube(&f);
	close_feeder(&f);
}

static void test_step(void **state)
{
	struct pool_job *j;
	struct feeder f;
	unsigned before;

	(void)state;
	open_feeder(&f, kind("a call's"), 0);
	j = ar_ids_get(&f.r.pool->jobs, f.s->job);
	give(&f, 10);
	pool_job_set_step(j, 1);
	becomes(&f, "step", 10);
	before = f.s->out;
	give(&f, 20);
	assert_int_equal(f.s->out - before, 10);
	pool_job_set_step(j, 0);
	becomes(&f, "spliced", 100); /* fast has to calm down, then it asks at once */
	give(&f, 5);
	assert_cube(&f);
	close_feeder(&f);
}

/* The thread of a spliced job serves another one next, which is not. */
static void test_not_the_one_before(void **state)
{
	struct armf_job_conf c = {.op = ARMF_SPLIT_RENDER,
		.in = DEPAY_VP8,
		.out = DEPAY_VP8,
		.max_width = 320,
		.max_height = 192,
		.start_bps = 500000,
		.call_id = "test-call"};
	struct rig_stream *s;
	struct feeder f;

	(void)state;
	open_feeder(&f, kind("a call's"), 0);
	give(&f, 5);
	c.scene = rig_scene(&f.r, "magenta.gltf");
	rig_stream_end(f.s);
	s = rig_stream(&f.r, &c, 320, 192);
	rig_frames(s, 5);
	f.s = s;
	assert_string_equal(stats(&f)->splice, "off");
	close_feeder(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_nothing_drawn),
		cmocka_unit_test(test_other_profile),
		cmocka_unit_test(test_key_from_sender),
		cmocka_unit_test(test_key_made),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_layers_that_teach),
		cmocka_unit_test(test_too_fast),
		cmocka_unit_test(test_little_too_fast),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_short_stall),
		cmocka_unit_test(test_layers_late),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_not_the_one_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
