/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/proc/job_int.h"

#include "common/daemon/ar_log.h"
#include "mediad/armf/proc/side.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#define BACKGROUND 0x000000 /* of split rendering: additive displays show nothing there */
#define DEFAULT_BPS 600000
#define SPLIT_WIDTH 1280
#define SPLIT_HEIGHT 720

/* What each step down does. */
static const struct {
	unsigned every; /* nth frame */
	bool half; /* the size */
} steps[LINK_MAX_STEP + 1] = {{1, false}, {2, false}, {1, true}, {2, true}};

static uint32_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint32_t)((uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000);
}

static bool draws(const struct job *j)
{
	return j->conf.op == ARMF_OVERLAY || j->conf.op == ARMF_SPLIT_RENDER;
}

int job_begin(struct job *j, struct ar_buf *why)
{
	int err;

	j->own_node = -1;
	j->drew = false;
	j->step = j->seq_out = 0;
	j->late = j->nth = 0;
	j->due_set = false;
	err = job_splice_begin(j);
	if (!err && j->conf.op != ARMF_SPLIT_RENDER && !j->splice.s)
		err = codec_dec_new(&j->dec, (enum depay_codec)j->conf.in);
	if (err)
		ar_buf_printf(why, "decoder: %s", strerror(-err));
	else if (draws(j))
		err = render_view_new(&j->view, j->p->render, why);
	return err;
}

void job_end(struct job *j)
{
	render_view_free(j->view);
	stage_free(j->play);
	model_unref(j->model);
	job_splice_end(j);
	codec_dec_free(j->dec);
	codec_enc_free(j->enc);
	codec_picture_free(&j->work);
	free(j->changed);
	j->changed = NULL;
	j->view = NULL;
	j->play = NULL;
	j->model = NULL;
	j->dec = NULL;
	j->enc = NULL;
}

/* ---- the scene ---- */

static int find_own(const struct model *m, const char *own)
{
	const struct model_view *v = model_view(m);

	for (unsigned i = 0; *own && i < v->nnode; i++) {
		if (v->node[i].participant && strcmp(v->node[i].participant, own) == 0)
			return (int)i;
	}
	return -1;
}

static void use_model(struct job *j, struct model *m)
{
	struct stage *play = NULL;
	struct ar_buf why;
	int err = j->play ? stage_renew(&play, m, j->play) : stage_new(&play, m);

	ar_buf_init(&why, LINK_MAX_WHY);
	stage_free(j->play);
	j->play = play;
	model_unref(j->model);
	j->model = model_ref(m);
	j->own_node = find_own(m, j->conf.own);
	job_enter(j, JOB_LOAD);
	j->drew = false;
	if (!err)
		err = render_view_load(j->view, m, &why);
	if (err) {
		ar_log_limited(AR_LOG_WARN, "armf", "[%s] the scene is not drawn: %.*s",
			j->conf.call_id, (int)why.n, why.n ? why.p : "");
		stage_free(j->play);
		j->play = NULL;
	}
	ar_buf_free(&why);
}

/* The scene as it was at that time; false: there is nothing to draw. */
static bool set_scene(struct job *j, uint64_t at)
{
	uint64_t epoch;
	struct model *m = j->scene ? scene_get_model(j->scene, &epoch) : NULL;

	if (!m)
		return false;
	if (m != j->model)
		use_model(j, m);
	if (j->play) {
		scene_apply(j->scene, j->play, at);
		if (model_view(m)->nanimation && at > epoch)
			(void)stage_set_clock(j->play, (double)(at - epoch) / 1e6);
		stage_evaluate(j->play);
	}
	model_unref(m);
	return j->play != NULL;
}

static void to_camera(struct render_camera *c, const struct link_camera *l)
{
	*c = (struct render_camera){.fov_y = l->fov_y};
	memcpy(c->position, l->position, sizeof(c->position));
	memcpy(c->orientation, l->orientation, sizeof(c->orientation));
	memcpy(c->projection, l->projection, sizeof(c->projection));
}

static struct render_frame frame_of(const struct codec_picture *p)
{
	struct render_frame r = {.width = (int)p->width, .height = (int)p->height};

	for (int i = 0; i < 3; i++) {
		r.plane[i] = p->plane[i];
		r.stride[i] = p->stride[i];
	}
	return r;
}

static bool draw(struct job *j, struct job_shot *s)
{
	const struct link_frame *f = s->f;
	struct render_frame r = frame_of(&j->work), under;
	struct render_options o = {.own = j->own_node};
	struct render_stats st = {0};
	struct render_camera c[2];
	int err;

	if (s->under) {
		under = frame_of(s->under);
		o.under = &under;
	}
	for (uint32_t i = 0; i < f->views; i++)
		to_camera(&c[i], &f->camera[i]);
	job_enter(j, j->drew ? JOB_DRAW : JOB_FIRST);
	if (j->conf.op == ARMF_SPLIT_RENDER)
		err = render_view_split(j->view, &r, j->play, c, f->views, BACKGROUND, &o, &st);
	else
		err = render_view_overlay(j->view, &r, j->play, c, &o, &st);
	j->drew = true;
	s->work.cached = st.cached;
	s->x = st.x;
	s->y = st.y;
	s->width = st.width;
	s->height = st.height;
	codec_blocks_mark(j->changed, &j->work, st.x, st.y, st.width, st.height);
	if (err)
		ar_log_limited(AR_LOG_WARN, "armf", "[%s] cannot draw: %s", j->conf.call_id,
			strerror(-err));
	return err == 0;
}

/* ---- sizes and rates ---- */

static unsigned even(unsigned n)
{
	n &= ~1u;
	return n < CODEC_MIN_SIDE ? CODEC_MIN_SIDE : n;
}

/* What must be taken off for a picture to have so many macroblocks at most. */
static double fewer_blocks(unsigned w, unsigned h, double f, unsigned most)
{
	double g = sqrt((double)most * CODEC_BLOCK * CODEC_BLOCK / w / h);

	f = f < g ? f : g;
	for (unsigned i = 0; i < 20; i++, f *= 0.98) {
		unsigned bw = codec_blocks(even((unsigned)(w * f + 0.5)));

		if (bw * codec_blocks(even((unsigned)(h * f + 0.5))) <= most)
			break;
	}
	return f;
}

/* Within max_width x max_height (either way up) and max_blocks, halved when stepped down. */
void job_out_size(const struct job *j, unsigned *w, unsigned *h)
{
	bool upright = *h > *w;
	unsigned mw = upright ? j->conf.max_height : j->conf.max_width;
	unsigned mh = upright ? j->conf.max_width : j->conf.max_height;
	double f = 1;

	if (mw && *w > mw)
		f = (double)mw / *w;
	if (mh && *h > mh && (double)mh / *h < f)
		f = (double)mh / *h;
	if (steps[j->step].half)
		f /= 2;
	if (j->conf.max_blocks &&
		(f < 1 || codec_blocks(*w) * codec_blocks(*h) > j->conf.max_blocks))
		f = fewer_blocks(*w, *h, f, j->conf.max_blocks);
	if (f < 1) {
		*w = even((unsigned)(*w * f + 0.5));
		*h = even((unsigned)(*h * f + 0.5));
	}
}

/* Is this frame left out by max_fps or by a step down? */
static bool leave_out(struct job *j, uint32_t ts)
{
	uint32_t interval = j->conf.max_fps ? 90000 / j->conf.max_fps : 0;

	if (j->nth++ % steps[j->step].every)
		return true;
	if (!interval)
		return false;
	if (!j->due_set || (int32_t)(ts - j->due) > (int32_t)interval ||
		(int32_t)(j->due - ts) > 90000)
		j->due = ts;
	j->due_set = true;
	if ((int32_t)(j->due - ts) > (int32_t)(interval / 4))
		return true;
	j->due += interval;
	return false;
}

static int ready_encoder(struct job *j, const struct codec_picture *pic, const struct job_wish *w)
{
	struct codec_enc_conf c = {.codec = (enum depay_codec)j->conf.out,
		.width = pic->width,
		.height = pic->height,
		.fps = (j->conf.max_fps ? j->conf.max_fps : 30) / steps[j->step].every,
		.bps = w->bps ? w->bps : DEFAULT_BPS,
		.h264 = j->p->conf.h264};

	if (!j->enc)
		return codec_enc_new(&j->enc, &c);
	return codec_enc_set_rate(j->enc, c.bps);
}

/* ---- what comes out ---- */

static void send_done(struct job *j, struct link_work *w, enum link_fate fate)
{
	struct link_msg m = {.h = {.type = LINK_DONE, .id = j->id}};

	w->fate = fate;
	m.u.done.work = *w;
	proc_send(j->p, &m);
}

static size_t blocks(const struct codec_picture *p)
{
	return (size_t)codec_blocks(p->width) * codec_blocks(p->height);
}

static bool room_out(struct job *j)
{
	bool room;

	pthread_mutex_lock(&j->lock);
	room = link_ring_has_room(&j->out, ARMF_MAX_FRAME);
	pthread_mutex_unlock(&j->lock);
	return room;
}

static int put_out(struct job *j, struct ar_span data, struct link_out *o)
{
	int err = -EMSGSIZE;

	if (data.n > ARMF_MAX_FRAME)
		return err;
	pthread_mutex_lock(&j->lock);
	err = link_ring_put(&j->out, (uint32_t)data.n, j->seq_out + 1, &o->offset);
	pthread_mutex_unlock(&j->lock);
	if (err)
		return err;
	o->seq = ++j->seq_out;
	o->size = (uint32_t)data.n;
	memcpy(j->memory + LINK_RING_BYTES + o->offset, data.p, data.n);
	return 0;
}

static void send_out(struct job *j, const struct job_shot *s, const struct codec_out *c)
{
	struct link_msg m = {.h = {.type = LINK_OUT, .id = j->id}};
	struct link_out *o = &m.u.out;
	int err = put_out(j, c->data, o);

	o->work = s->work;
	if (err) { /* it is missing in the stream, so the next one must not refer to it */
		codec_enc_free(j->enc);
		j->enc = NULL;
		job_splice_lost(j);
		send_done(j, &o->work, LINK_FATE_FULL);
		return;
	}
	o->ts = s->f->ts;
	o->key = c->key;
	o->drawn = s->drawn;
	o->width = s->pic->width;
	o->height = s->pic->height;
	if (s->f->views) {
		memcpy(o->pose, s->f->camera[0].position, 3 * sizeof(float));
		memcpy(o->pose + 3, s->f->camera[0].orientation, 4 * sizeof(float));
	}
	proc_send(j->p, &m);
}

static void encode(struct job *j, struct job_shot *s, struct job_wish *w)
{
	struct codec_out c;
	uint32_t t = cpu_us();
	int err;

	job_enter(j, JOB_ENCODE);
	if (!room_out(j)) {
		send_done(j, &s->work, LINK_FATE_FULL);
		return;
	}
	err = ready_encoder(j, s->pic, w);
	if (!err)
		err = codec_enc_frame(j->enc, s->pic, s->f->ts, w->key, &c);
	if (!err || err == -EAGAIN)
		memset(j->changed, 0, blocks(&j->work));
	s->work.encode_us = cpu_us() - t;
	if (!err || err == -EAGAIN)
		w->key = false; /* codec_enc_frame() remembers it */
	if (!err) {
		send_out(j, s, &c);
		return;
	}
	if (err != -EAGAIN) {
		ar_log_limited(AR_LOG_ERR, "armf", "[%s] cannot encode: %s", j->conf.call_id,
			strerror(-err));
		codec_enc_free(j->enc);
		j->enc = NULL;
	}
	send_done(j, &s->work, err == -EAGAIN ? LINK_FATE_RATE : LINK_FATE_FAILED);
}

static void splice(struct job *j, struct job_shot *s, struct job_wish *w)
{
	struct codec_out c;
	uint32_t t = cpu_us();
	int err;

	job_enter(j, JOB_ENCODE);
	if (!room_out(j)) {
		job_splice_lost(j);
		send_done(j, &s->work, LINK_FATE_FULL);
		return;
	}
	err = job_splice_write(j, s, w, &c);
	s->work.encode_us = cpu_us() - t;
	if (err)
		send_done(j, &s->work, LINK_FATE_FAILED);
	else
		send_out(j, s, &c);
}

/* ---- one frame ---- */

static int decode(struct job *j, struct job_shot *s, struct codec_picture *pic)
{
	const struct link_frame *f = s->f;
	struct link_work *w = &s->work;
	struct ar_span data = {(const char *)j->memory + f->offset, f->size};
	uint32_t t = cpu_us();
	int err;

	job_enter(j, JOB_DECODE);
	if (j->conf.op == ARMF_SPLIT_RENDER) {
		*pic = (struct codec_picture){
			.width = even(j->conf.max_width ? j->conf.max_width : SPLIT_WIDTH),
			.height = even(j->conf.max_height ? j->conf.max_height : SPLIT_HEIGHT)};
		return codec_size_ok(pic->width, pic->height) ? 0 : -EFBIG;
	}
	if (j->splice.s)
		err = job_splice_decode(j, data, pic, &s->hidden);
	else
		err = codec_dec_frame(j->dec, data, pic);
	w->decode_us = cpu_us() - t;
	w->need_key = j->splice.s ? splice_needs_key(j->splice.s) : codec_dec_needs_key(j->dec);
	return err;
}

static int ready_work(struct job *j, unsigned w, unsigned h)
{
	if (j->work.width == w && j->work.height == h)
		return 0;
	codec_picture_free(&j->work);
	free(j->changed);
	codec_enc_free(j->enc);
	j->enc = NULL;
	j->changed = calloc((size_t)codec_blocks(w) * codec_blocks(h), 1);
	return j->changed ? codec_picture_new(&j->work, w, h) : -ENOMEM;
}

/* The picture to draw upon and to encode: the decoder's own must not be written. */
static void bring(struct job *j, const struct codec_picture *pic, struct job_shot *s, bool scene)
{
	bool same = j->work.width == pic->width && j->work.height == pic->height;
	bool spliced = s->work.splice == LINK_SPLICED;

	if (same && !scene && j->conf.out == DEPAY_H264 && j->p->conf.h264 == CODEC_OPENH264) {
		s->pic = pic; /* nobody asks what has changed */
		return;
	}
	if (same && spliced && !s->whole) { /* nobody looks at the rest of it */
		s->pic = scene ? &j->work : pic;
		s->under = scene ? pic : NULL;
		return;
	}
	s->pic = &j->work;
	j->work.changed = same ? j->changed : NULL;
	if (same && !spliced)
		codec_picture_update(&j->work, pic, j->changed);
	else
		codec_picture_copy(&j->work, pic);
}

/* Draws if there is what to draw. */
static int paint(struct job *j, const struct codec_picture *pic, struct job_shot *s)
{
	unsigned w = pic->width, h = pic->height;
	bool scene = s->f->views && draws(j) && set_scene(j, s->f->capture);
	uint32_t t = cpu_us();
	int err;

	job_out_size(j, &w, &h);
	err = ready_work(j, w, h);
	s->pic = &j->work;
	if (!err && pic->plane[0])
		bring(j, pic, s, scene);
	if (!err && scene)
		s->drawn = draw(j, s);
	s->work.draw_us = cpu_us() - t;
	if (!err && !scene && !pic->plane[0])
		err = -ENOENT; /* split rendering without a scene: nothing to show */
	return err;
}

static bool too_late(struct job *j, bool behind)
{
	if (!behind || j->late >= JOB_MAX_LATE) {
		j->late = 0;
		return false;
	}
	j->late++;
	return true;
}

/* Frames that are not to go out by now; false: this one does. */
static bool left_out(struct job *j, struct job_shot *s)
{
	enum link_fate fate = LINK_FATES;

	if (s->hidden)
		fate = LINK_FATE_HIDDEN;
	else if (s->excess)
		fate = LINK_FATE_STEP;
	else if (too_late(j, s->behind))
		fate = LINK_FATE_LATE;
	if (fate != LINK_FATES)
		send_done(j, &s->work, fate);
	return fate != LINK_FATES;
}

static bool omitted(struct job *j, struct job_shot *s)
{
	if (!job_splice_omit(j, s))
		return false;
	send_done(j, &s->work, s->behind ? LINK_FATE_LATE : LINK_FATE_STEP);
	return true;
}

void job_work(struct job *j, const struct link_frame *f, bool behind, struct job_wish *w)
{
	struct job_shot s = {
		.f = f, .work = {.seq = f->seq}, .behind = behind, .whole = w->snapshot >= 0};
	struct codec_picture pic;
	bool spliced;
	int err;

	j->step = w->step;
	j->conf.max_blocks = w->max_blocks;
	j->conf.max_fps = w->max_fps;
	err = decode(j, &s, &pic);
	if (err) {
		send_done(j, &s.work, err == -EAGAIN ? LINK_FATE_HIDDEN : LINK_FATE_BROKEN);
		return;
	}
	s.excess = !s.hidden && leave_out(j, f->ts);
	/* later frames refer to what is spliced: none is left out, unless they do not */
	spliced = job_splice_use(j, &pic, &s, w);
	if (spliced ? omitted(j, &s) : left_out(j, &s))
		return;
	if (paint(j, &pic, &s) != 0) {
		job_splice_lost(j);
		send_done(j, &s.work, LINK_FATE_FAILED);
		return;
	}
	job_splice_painted(j, &s);
	if (w->snapshot >= 0 && !s.hidden) {
		side_snapshot(j->p->side, j->id, w->snapshot_serial, s.pic, w->snapshot);
		w->snapshot = -1;
	}
	(spliced ? splice : encode)(j, &s, w);
}
