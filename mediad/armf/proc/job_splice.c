/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VP8 that goes out as it came but for what is drawn: when it can, and what happens when not. */
#include "mediad/armf/proc/job_int.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <string.h>

#define SECOND 90000 /* of RTP time */
#define KEY_WAIT (SECOND * 3 / 10) /* for the sender's key frame; then one is made */
#define RATE_PERCENT 110 /* of the rate wanted may go out */
#define AHEAD_MS 300 /* and so much at once */
#define AHEAD_MOST 10 /* times that: for how long a sender that kept to no rate is not believed */
#define ASK_FIRST (2 * SECOND)
#define ASK_MOST (60 * SECOND)
#define LASTED (10 * SECOND) /* spliced for that long, it was worth asking for */
#define LATE_LEAVE 6 /* frames: no spliced one can be left out, so they would come ever later */
#define LATE_MOST 60 /* and that many in time before it is tried again */
/* More than every fourth frame beyond max_fps: a camera that is a little fast is no matter. */
#define FAST_STEP 3 /* for one that is too many; those that are not count one back */
#define FAST_LEAVE 30
#define FAST_MOST 90
#define BOX_LEAVE 60 /* per cent of the picture; above it coding everything is no dearer */
#define BOX_RETURN 45
#define DEFAULT_BPS 600000

int job_splice_begin(struct job *j)
{
	int err = 0;

	j->splice = (struct job_splice){.ask_gap = ASK_FIRST};
	if (j->conf.splice && j->conf.op == ARMF_OVERLAY && j->conf.in == DEPAY_VP8 &&
		j->conf.out == DEPAY_VP8)
		err = splice_new(&j->splice.s);
	return err;
}

void job_splice_end(struct job *j)
{
	splice_free(j->splice.s);
	j->splice.s = NULL;
}

/* ---- decoding ---- */

/* What cannot be spliced is for libvpx, from this frame on. */
static int change_decoder(struct job *j, struct ar_span data, struct codec_picture *pic)
{
	int err = codec_dec_new(&j->dec, DEPAY_VP8);

	splice_free(j->splice.s);
	j->splice.s = NULL;
	j->splice.state = LINK_SPLICE_FAILED;
	return err ? err : codec_dec_frame(j->dec, data, pic);
}

int job_splice_decode(struct job *j, struct ar_span data, struct codec_picture *pic, bool *hidden)
{
	bool shown = true;
	int err = splice_decode(j->splice.s, data, pic, &shown);

	*hidden = !shown;
	return err == -ENOTSUP ? change_decoder(j, data, pic) : err;
}

/* ---- how it goes out ---- */

/* How much more than its share has gone out; what comes stands for it while it is coded again. */
static void account(struct job_splice *p, uint32_t bits, uint32_t ts, uint32_t bps)
{
	int64_t rate = (int64_t)bps * RATE_PERCENT / 100, most = rate * AHEAD_MS / 1000;
	int32_t step = p->timed ? (int32_t)(ts - p->ts) : 0;

	step = step < 0 ? 0 : step > SECOND ? SECOND : step;
	if (!p->timed)
		p->ahead = -most;
	/* a key frame is one burst, however large; the pacer has room for it */
	p->ahead += (bits < most ? bits : most) - rate * step / SECOND;
	p->ahead = p->ahead < -most ? -most : p->ahead;
	p->ahead = p->ahead > AHEAD_MOST * most ? AHEAD_MOST * most : p->ahead;
	p->ts = ts;
	p->timed = true;
}

static uint32_t rate_of(const struct job_wish *w)
{
	return w->bps ? w->bps : DEFAULT_BPS;
}

static bool too_much(const struct job_splice *p, const struct job_wish *w)
{
	int64_t limit = (int64_t)rate_of(w) * RATE_PERCENT / 100 * AHEAD_MS / 1000;

	return p->ahead > (p->state == LINK_SPLICED ? limit : 0);
}

/* A key frame is wanted and this is none. */
static bool key_overdue(struct job_splice *p, uint32_t ts)
{
	if (!p->key_waits)
		p->key_ts = ts;
	p->key_waits = true;
	return ts - p->key_ts > KEY_WAIT || p->ahead > 0;
}

static void note_late(struct job_splice *p, bool behind)
{
	if (behind)
		p->late = p->late > LATE_LEAVE ? LATE_MOST : p->late + 1;
	else if (p->late)
		p->late = p->state == LINK_SPLICED ? 0 : p->late - 1;
}

/* What can be left out while splicing goes on does not count. */
static void note_fast(struct job_splice *p, const struct job_shot *s)
{
	if (s->hidden)
		return;
	if (!s->excess)
		p->fast -= p->fast > 0;
	else if (p->state != LINK_SPLICED || !splice_can_omit(p->s))
		p->fast = p->fast + FAST_STEP > FAST_MOST ? FAST_MOST : p->fast + FAST_STEP;
}

static enum link_splice judge(struct job *j, const struct codec_picture *pic,
	const struct job_shot *s, const struct job_wish *w)
{
	struct job_splice *p = &j->splice;
	bool spliced = p->state == LINK_SPLICED;
	unsigned width = pic->width, height = pic->height;

	job_out_size(j, &width, &height);
	if (w->step || width != pic->width || height != pic->height)
		return LINK_SPLICE_STEP;
	if (p->fast > (spliced ? FAST_LEAVE : 0))
		return LINK_SPLICE_FAST;
	if (too_much(p, w))
		return LINK_SPLICE_RATE;
	if (p->late > (spliced ? LATE_LEAVE : 0))
		return LINK_SPLICE_LATE;
	if (p->box_percent > (spliced ? BOX_LEAVE : BOX_RETURN))
		return LINK_SPLICE_BOX;
	if (!splice_can_write(p->s))
		return LINK_SPLICE_WAIT;
	if (w->key && !splice_is_key(p->s) && spliced && key_overdue(p, s->f->ts))
		return LINK_SPLICE_KEY;
	return LINK_SPLICED;
}

/* So that splicing can go on: not often, and less often when nothing comes of it. */
static void ask(struct job_splice *p, struct job_shot *s)
{
	uint32_t ts = s->f->ts;

	if (p->asked && ts - p->ask_ts < p->ask_gap)
		return;
	if (p->asked)
		p->ask_gap = p->ask_gap * 2 > ASK_MOST ? ASK_MOST : p->ask_gap * 2;
	p->asked = true;
	p->ask_ts = ts;
	s->work.ask_key = 1;
}

bool job_splice_use(struct job *j, const struct codec_picture *pic, struct job_shot *s,
	const struct job_wish *w)
{
	struct job_splice *p = &j->splice;
	enum link_splice was = p->state;

	if (!p->s) {
		s->work.splice = p->state;
		return false;
	}
	note_late(p, s->behind);
	note_fast(p, s);
	p->state = judge(j, pic, s, w);
	s->work.splice = p->state;
	if (p->state == LINK_SPLICED) {
		/* the wish is heeded when the sender does */
		s->work.ask_key = w->key && !splice_is_key(p->s);
		if (p->asked && s->f->ts - p->ask_ts > LASTED) {
			p->asked = false;
			p->ask_gap = ASK_FIRST;
		}
		codec_enc_free(j->enc);
		j->enc = NULL;
		return true;
	}
	p->key_waits = false;
	splice_break(p->s);
	account(p, 8 * s->f->size, s->f->ts, rate_of(w));
	if (was == LINK_SPLICED)
		p->ask_ts = s->f->ts; /* as if asked: a moment's peace */
	p->asked = p->asked || was == LINK_SPLICED;
	if (was == LINK_SPLICE_STEP)
		p->asked = false; /* there is room again, and coding everything takes it */
	if (p->state == LINK_SPLICE_WAIT)
		ask(p, s);
	return false;
}

/* It stands in for those before it that were too many and could not be left out. */
bool job_splice_omit(struct job *j, const struct job_shot *s)
{
	struct job_splice *p = &j->splice;

	if (s->hidden || !splice_can_omit(p->s))
		return false;
	if (s->excess || s->behind)
		return true;
	if (p->fast < FAST_STEP)
		return false;
	p->fast -= FAST_STEP;
	return true;
}

int job_splice_write(struct job *j, struct job_shot *s, struct job_wish *w, struct codec_out *out)
{
	struct job_splice *p = &j->splice;
	struct splice_drawn d = {s->pic, s->x, s->y, s->width, s->height};
	struct splice_stats before, st;
	int err;

	splice_get_stats(p->s, &before);
	out->key = splice_is_key(p->s);
	err = splice_write(p->s, &d, &out->data);
	if (err)
		return err;
	splice_get_stats(p->s, &st);
	s->work.blocks = (uint32_t)(st.blocks - before.blocks);
	s->work.recoded = (uint32_t)(st.recoded - before.recoded);
	if (out->key) {
		w->key = false;
		p->key_waits = false;
	}
	account(p, 8 * (uint32_t)out->data.n, s->f->ts, rate_of(w));
	return 0;
}

void job_splice_painted(struct job *j, const struct job_shot *s)
{
	uint64_t all = (uint64_t)s->pic->width * s->pic->height;

	j->splice.box_percent =
		(unsigned)((uint64_t)s->width * (uint64_t)s->height * 100 / (all ? all : 1));
}

void job_splice_lost(struct job *j)
{
	if (j->splice.s)
		splice_break(j->splice.s);
}
