/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rig.h"

#include "common/daemon/ar_log.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the sender's and the receiver's side ---- */

static void on_frame(void *arg, const struct armf_frame_out *f)
{
	struct rig_stream *s = arg;
	int err;

	s->out++;
	s->keys += f->key;
	s->drawn += f->drawn;
	s->bytes += f->data.n;
	s->last_ts = f->ts;
	memcpy(s->pose, f->pose, sizeof(s->pose));
	err = codec_dec_frame(s->dec, f->data, &s->last);
	if (err && err != -EAGAIN)
		s->undecoded++;
	if (!err) {
		assert_int_equal(s->last.width, f->width);
		assert_int_equal(s->last.height, f->height);
	}
}

static void on_need_key(void *arg)
{
	struct rig_stream *s = arg;

	s->need_key++;
	s->want_key = true;
}

static void on_state(void *arg, bool up, const char *reason)
{
	struct rig_stream *s = arg;

	s->up = up;
	s->ups += up;
	s->downs += !up;
	s->want_key = true;
	snprintf(s->reason, sizeof(s->reason), "%s", reason);
}

static void feed(struct rig_stream *s)
{
	struct armf_frame_in f = {.views = s->views, .camera = {s->camera}};
	struct codec_out c;
	int err;

	if (s->paused || !s->job)
		return;
	if (s->relay) {
		s->clip.ts += 3000;
		f.ts = s->clip.ts;
		f.capture = s->capture ? s->capture : ar_now();
		err = armf_job_render(s->rig->pool, s->job, &f);
		assert_true(err == 0 || err == -ENOTCONN || err == -ENOBUFS);
		return;
	}
	if (!clip_next(&s->clip, s->want_key, &c))
		return;
	s->want_key = s->want_key && !c.key;
	f.data = c.data;
	f.key = c.key;
	f.ts = s->clip.ts;
	f.capture = s->capture ? s->capture : ar_now();
	err = armf_job_frame(s->rig->pool, s->job, &f);
	assert_true(err == 0 || err == -ENOTCONN || err == -ENOBUFS);
}

static void on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct rig *r = arg;

	(void)fd, (void)what;
	for (unsigned i = 0; i < r->n; i++)
		feed(&r->s[i]);
}

/* ---- the rig ---- */

void rig_open(struct rig *r, const struct armf_pool_conf *conf)
{
	struct timeval tv;

	*r = (struct rig){.fps = 30, .base = event_base_new()};
	ar_log_init("test", getenv("ARMF_TEST_LOG") ? AR_LOG_DEBUG : AR_LOG_ERR);
	r->conf = (struct armf_pool_conf){.program = MEDIAD_ARMF,
		.processes = 1,
		.max_jobs = RIG_JOBS,
		.cpu_percent = 1000,
		.memory_mb = 4000,
		.platform = "surfaceless",
		.device = -1,
		.cache_dir = ARMF_CACHE,
		.splice = !getenv("ARMF_TEST_CODED"),
		.assets = SRC_DIR "/tests/unit/armf"};
	if (conf)
		r->conf = *conf;
	assert_int_equal(armf_pool_new(&r->pool, &r->conf, r->base), 0);
	r->clock = event_new(r->base, -1, EV_PERSIST, on_clock, r);
	tv = (struct timeval){.tv_usec = 1000000 / r->fps};
	event_add(r->clock, &tv);
}

void rig_close(struct rig *r)
{
	for (unsigned i = 0; i < r->n; i++)
		rig_stream_end(&r->s[i]);
	armf_pool_free(r->pool);
	event_free(r->clock);
	event_base_free(r->base);
}

void rig_turn(struct rig *r, unsigned ms)
{
	uint64_t until = ar_now() + ms * AR_MS;

	while (ar_now() < until)
		event_base_loop(r->base, EVLOOP_ONCE);
}

void rig_until(struct rig *r, bool (*done)(void *arg), void *arg, const char *what)
{
	uint64_t until = ar_now() + RIG_SEC * AR_SEC;

	while (!done(arg)) {
		if (ar_now() > until)
			fail_msg("waited %d s for %s", RIG_SEC, what);
		event_base_loop(r->base, EVLOOP_ONCE);
	}
}

struct rig_stream *rig_stream(struct rig *r, const struct armf_job_conf *c, unsigned w, unsigned h)
{
	static const struct armf_job_handlers handlers = {
		.on_frame = on_frame, .on_need_key = on_need_key, .on_state = on_state};
	struct rig_stream *s = &r->s[r->n];

	assert_true(r->n < RIG_JOBS);
	*s = (struct rig_stream){.rig = r, .camera = rig_camera(), .views = 1};
	clip_open(&s->clip, c->in, w, h, 600000);
	s->relay = c->op == ARMF_SPLIT_RENDER;
	assert_int_equal(codec_dec_new(&s->dec, c->out), 0);
	assert_int_equal(armf_job_open(r->pool, c, &handlers, s, &s->job), 0);
	r->n++;
	return s;
}

void rig_stream_end(struct rig_stream *s)
{
	if (!s->job)
		return;
	armf_job_close(s->rig->pool, s->job);
	s->job = 0;
	clip_close(&s->clip);
	codec_dec_free(s->dec);
}

struct wish {
	struct rig_stream *s;
	unsigned out;
};

static bool has_frames(void *arg)
{
	struct wish *w = arg;

	return w->s->out >= w->out;
}

void rig_frames(struct rig_stream *s, unsigned n)
{
	struct wish w = {s, s->out + n};

	rig_until(s->rig, has_frames, &w, "frames");
}

static bool is_up(void *arg)
{
	return ((struct rig_stream *)arg)->up;
}

void rig_until_up(struct rig_stream *s)
{
	rig_until(s->rig, is_up, s, "a job to be up");
}

pid_t rig_pid(const struct rig *r)
{
	return r->pool->proc[0].pid;
}

uint32_t rig_scene(struct rig *r, const char *file)
{
	static char text[1 << 20];
	char path[512];
	uint32_t id;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), SRC_DIR "/tests/unit/armf/%s", file);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	assert_int_equal(armf_scene_open(r->pool, (struct ar_span){text, n}, "test-call", &id), 0);
	return id;
}

unsigned rig_children(void)
{
	char path[64];
	unsigned n = 0;
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "re");
	assert_non_null(f);
	while (fscanf(f, "%d", &pid) == 1)
		n++;
	fclose(f);
	return n;
}

unsigned rig_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

struct armf_camera rig_camera(void)
{
	return (struct armf_camera){
		.position = {0, 0, 2}, .orientation = {0, 0, 0, 1}, .fov_y = 1.0f};
}
