/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stand-in for the pool and its processors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/flow/av_int.h"
#include "tests/flow/av_splice.h"

#include <errno.h>
#include <cmocka.h>

static int job_open(struct armf_pool *p, const struct armf_job_conf *conf,
	const struct armf_job_handlers *h, void *arg, uint32_t *job)
{
	struct av_job *j = &av.job;

	(void)p;
	if (j->refuse)
		return j->refuse;
	assert_false(j->open);
	j->open = j->up = j->key = true;
	j->h = h;
	j->arg = arg;
	j->conf = *conf;
	j->rate = conf->start_bps;
	j->nwork = 0;
	j->splice = j->may_splice && conf->in == DEPAY_VP8 && conf->out == DEPAY_VP8;
	if (j->splice) {
		av_splice_begin();
		j->key = false;
	}
	*job = ++j->opened;
	return 0;
}

static void job_close(struct armf_pool *p, uint32_t job)
{
	(void)p;
	assert_int_equal(job, av.job.opened);
	av.job.open = false;
}

static int job_frame(struct armf_pool *p, uint32_t job, const struct armf_frame_in *f)
{
	struct av_job *j = &av.job;
	uint32_t number = 0, chain;

	(void)p;
	assert_int_equal(job, j->opened);
	if (!j->up)
		return -ENOTCONN;
	if (j->nwork == 64)
		return -ENOBUFS;
	assert_true(av_read_frame(j->conf.in, f->key, f->data, &number, &chain));
	j->frames++;
	j->drawn_last = f->views > 0;
	j->undrawn += f->views == 0;
	j->work[j->nwork].at = av.now + j->delay;
	j->work[j->nwork].ts = f->ts;
	j->work[j->nwork].size = (uint32_t)f->data.n;
	j->work[j->nwork].key = f->key;
	j->work[j->nwork++].number = number;
	return 0;
}

static int job_render(struct armf_pool *p, uint32_t job, const struct armf_frame_in *f)
{
	struct av_job *j = &av.job;

	(void)p, (void)job;
	j->renders++;
	j->work[j->nwork].at = av.now + j->delay;
	j->work[j->nwork].ts = f->ts;
	j->work[j->nwork++].number = 0;
	return 0;
}

static void job_want_key(struct armf_pool *p, uint32_t job)
{
	(void)p, (void)job;
	av.job.key = true;
	av.job.want_key++;
}

static void job_limits(struct armf_pool *p, uint32_t job, unsigned max_blocks, unsigned max_fps)
{
	(void)p, (void)job, (void)max_blocks, (void)max_fps;
}

static void job_rate(struct armf_pool *p, uint32_t job, uint32_t bps)
{
	(void)p, (void)job;
	av.job.rate = bps;
}

static int job_stats(const struct armf_pool *p, uint32_t job, struct armf_job_stats *out)
{
	(void)p, (void)job;
	*out = (struct armf_job_stats){.decode_us = 1};
	return 0;
}

static int job_snapshot(struct armf_pool *p, uint32_t job,
	void (*done)(void *arg, int err, struct ar_span png), void *arg)
{
	(void)p, (void)job;
	done(arg, 0, AR_SPAN("png"));
	return 0;
}

struct stream_pool av_job_pool(void)
{
	return (struct stream_pool){(struct armf_pool *)&av, job_open, job_close, job_frame,
		job_render, job_want_key, job_rate, job_limits, job_stats, job_snapshot};
}

static size_t splice_one(struct av_job *j, struct armf_frame_out *f, size_t n)
{
	const struct av_splice_frame in = {j->work[0].ts, j->work[0].size, j->work[0].key, false};
	struct av_splice_out out;

	av_splice_work(&in, j->rate, &j->key, &out);
	f->splices = true;
	f->key = out.key;
	if (out.spliced) {
		j->spliced++;
		j->spliced_at = av.now;
	}
	if (out.ask_key) {
		j->asked++;
		j->h->on_need_key(j->arg);
	}
	return out.n ? out.n : n * (f->key ? 2 : 1);
}

void av_job_step(void)
{
	static uint8_t buf[400000];
	struct av_job *j = &av.job;

	while (j->open && j->up && j->nwork && j->work[0].at <= av.now) {
		struct armf_frame_out f = {.ts = j->work[0].ts,
			.key = j->key,
			.drawn = j->drawn_last,
			.width = 640,
			.height = 360};
		size_t n = j->rate / 8 / AV_FPS;

		if (j->splice) {
			n = splice_one(j, &f, n);
		} else {
			n *= f.key ? 2 : 1;
			j->key = false;
		}
		j->since_key = f.key ? 0 : j->since_key + 1;
		n = av_make_frame(buf, j->conf.out, f.key, j->since_key, j->work[0].number, n);
		f.data = (struct ar_span){(char *)buf, n};
		memmove(j->work, j->work + 1, --j->nwork * sizeof(j->work[0]));
		j->h->on_frame(j->arg, &f);
	}
}

void av_job_up(bool up, const char *reason)
{
	av.job.up = up;
	av.job.nwork = 0;
	av.job.key = !av.job.splice;
	if (av.job.splice && up)
		av_splice_begin(); /* another process */
	av.job.h->on_state(av.job.arg, up, reason);
}
