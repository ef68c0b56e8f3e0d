/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/flow/av_splice.h"

#include "mediad/armf/proc/job_int.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* ---- a codec that only keeps account of who has what ---- */

struct splice {
	struct av_splice_frame f;
	bool decoded, written, linked;
	struct splice_stats st;
};

static struct splice codec;
static struct job job;
static bool encoder; /* a key frame of it has gone out, and all since */

int splice_new(struct splice **out)
{
	codec = (struct splice){0};
	*out = &codec;
	return 0;
}

void splice_free(struct splice *s)
{
	(void)s;
}

static void came(const struct av_splice_frame *f)
{
	if (codec.decoded && !codec.written)
		codec.linked = false;
	codec.f = *f;
	codec.decoded = true;
	codec.written = false;
}

int splice_decode(struct splice *s, struct ar_span data, struct codec_picture *pic, bool *shown)
{
	(void)s, (void)data, (void)pic, (void)shown;
	return -ENOSYS;
}

bool splice_is_key(const struct splice *s)
{
	return s->f.key;
}

bool splice_can_write(const struct splice *s)
{
	return !s->written && (s->linked || s->f.key);
}

bool splice_can_omit(const struct splice *s)
{
	(void)s;
	return false;
}

int splice_write(struct splice *s, const struct splice_drawn *d, struct ar_span *out)
{
	static char bytes[1 << 20];

	(void)d;
	assert_true(splice_can_write(s));
	s->written = s->linked = true;
	s->st.frames++;
	*out = (struct ar_span){bytes, s->f.size + s->f.size / 8 + 400};
	return 0;
}

void splice_break(struct splice *s)
{
	s->linked = s->written = false;
}

void splice_get_stats(const struct splice *s, struct splice_stats *out)
{
	*out = s->st;
}

int codec_dec_new(struct codec_dec **out, enum depay_codec c)
{
	(void)out, (void)c;
	return -ENOSYS;
}

int codec_dec_frame(struct codec_dec *d, struct ar_span data, struct codec_picture *out)
{
	(void)d, (void)data, (void)out;
	return -ENOSYS;
}

void codec_enc_free(struct codec_enc *e)
{
	(void)e;
	encoder = false;
}

void job_out_size(const struct job *j, unsigned *w, unsigned *h)
{
	(void)j, (void)w, (void)h;
}

/* ---- the job ---- */

void av_splice_begin(void)
{
	job = (struct job){
		.conf = {.op = ARMF_OVERLAY, .in = DEPAY_VP8, .out = DEPAY_VP8, .splice = 1}};
	encoder = false;
	assert_int_equal(job_splice_begin(&job), 0);
}

void av_splice_end(void)
{
	job_splice_end(&job);
}

void av_splice_work(
	const struct av_splice_frame *f, uint32_t bps, bool *want_key, struct av_splice_out *out)
{
	struct link_frame lf = {.ts = f->ts, .size = f->size, .key = f->key};
	struct codec_picture pic = {.width = 640, .height = 360};
	struct job_shot s = {.f = &lf, .pic = &pic, .behind = f->behind};
	struct job_wish w = {.bps = bps, .key = *want_key, .snapshot = -1};
	struct codec_out c;

	*out = (struct av_splice_out){0};
	came(f);
	out->spliced = job_splice_use(&job, &pic, &s, &w);
	job_splice_painted(&job, &s);
	if (out->spliced) {
		assert_int_equal(job_splice_write(&job, &s, &w, &c), 0);
		out->key = c.key;
		out->n = c.data.n;
	} else {
		out->key = w.key || !encoder;
		encoder = true;
		w.key = false;
	}
	out->ask_key = s.work.ask_key;
	*want_key = w.key;
}
