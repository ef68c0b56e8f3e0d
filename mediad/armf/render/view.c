/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/render_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLES_BEST 4
#define LAYERS_SOFTWARE 40 /* of the whole picture: some 0.9 s at 720p, if it comes to that */
#define LAYERS_HARDWARE 2000

static uint64_t thread_cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* ---------------------------------------------------------------- life */

static int start(struct render_view *v, struct ar_buf *why)
{
	int rc = egl_context_new(&v->render->egl, &v->context, why);

	if (rc)
		return rc;
	rc = egl_bind(&v->render->egl, v->context);
	if (rc)
		return rc;
	rc = draw_init(&v->draw);
	egl_unbind(&v->render->egl);
	return rc;
}

int view_make(struct render_view **out, struct render *r, struct ar_buf *why)
{
	struct render_view *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return -ENOMEM;
	v->render = r;
	v->context = EGL_NO_CONTEXT;
	v->draw.fast = !r->egl.info.hardware && !r->conf.exact;
	rc = v->draw.fast ? soft_new(&v->soft) : 0;
	if (!rc)
		rc = start(v, why);
	if (!rc) {
		*out = v;
		return 0;
	}
	view_destroy(v);
	return rc;
}

/* What lives in the context goes with it, but the model's reference and our lists do not. */
void view_destroy(struct render_view *v)
{
	if (v->context != EGL_NO_CONTEXT && !egl_bind(&v->render->egl, v->context)) {
		gpu_clear(&v->gpu);
		target_free(&v->target);
		draw_clear(&v->draw);
		egl_unbind(&v->render->egl);
	} else {
		model_unref(v->gpu.model);
	}
	egl_context_free(&v->render->egl, v->context);
	draw_list_free(&v->list);
	soft_free(v->soft);
	for (int i = 0; i < RENDER_MAX_EYES; i++)
		layer_free(&v->eye[i].layer);
	free(v);
}

void view_forget(struct render_view *v)
{
	for (int i = 0; i < RENDER_MAX_EYES; i++)
		v->eye[i].key.valid = false;
}

void view_reset(struct render_view *v)
{
	view_forget(v);
	v->stage = NULL;
	draw_list_free(&v->list);
	if (v->soft)
		soft_load(v->soft, NULL);
	for (int i = 0; i < RENDER_MAX_EYES; i++)
		layer_free(&v->eye[i].layer);
	if (!egl_bind(&v->render->egl, v->context)) {
		gpu_clear(&v->gpu);
		target_free(&v->target);
		egl_unbind(&v->render->egl);
	}
	memset(&v->totals, 0, sizeof(v->totals));
}

int render_view_load(struct render_view *v, struct model *m, struct ar_buf *why)
{
	const struct render_conf *c = &v->render->conf;
	struct gpu_limits limits = {c->max_scene_triangles, c->max_texture_bytes, false};
	int rc = egl_bind(&v->render->egl, v->context);

	view_forget(v);
	v->stage = NULL;
	if (rc)
		return rc;
	if (v->soft)
		soft_load(v->soft, m ? model_view(m) : NULL);
	if (m)
		rc = draw_list_prepare(&v->list, model_view(m));
	limits.reduce = m && !rc && v->list.all_triangles > c->max_triangles;
	if (m && !rc)
		rc = gpu_load(&v->gpu, m, &v->list, v->draw.fast, &limits, why);
	else
		gpu_clear(&v->gpu);
	if (!m || rc)
		draw_list_free(&v->list);
	egl_unbind(&v->render->egl);
	return rc;
}

/* ---------------------------------------------------------------- a layer */

static bool same_floats(const float *a, const float *b, int n)
{
	for (int i = 0; i < n; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

static bool same_camera(const struct render_camera *a, const struct render_camera *b)
{
	return same_floats(a->position, b->position, 3) &&
	       same_floats(a->orientation, b->orientation, 4) && a->fov_y == b->fov_y &&
	       (a->fov_y > 0 || same_floats(a->projection, b->projection, 16)) &&
	       a->near == b->near && a->far == b->far;
}

static bool still(const struct view_key *k, const struct stage *st, const struct render_camera *c,
	const struct render_options *o, int w, int h)
{
	return k->valid && k->w == w && k->h == h && k->own == o->own && k->quality == o->quality &&
	       same_camera(&k->camera, c) && !stage_changed_since(st, k->version, o->own);
}

static int samples_for(const struct render_view *v, enum render_quality q)
{
	if (q == RENDER_BEST || (q == RENDER_NORMAL && v->render->egl.info.hardware))
		return SAMPLES_BEST;
	return 0;
}

/* The list's rectangle, drawn and read back. */
static int draw_by_gl(struct render_view *v, struct layer *layer, const struct stage *st,
	const struct geom_camera *cam, int w, int h, int samples)
{
	const struct draw_list *l = &v->list;
	int rc = egl_bind(&v->render->egl, v->context);

	if (rc)
		return rc;
	rc = target_begin(&v->target, l->w, l->h, samples);
	if (!rc) {
		/* the whole picture's pixels, moved so that the rectangle is at the origin */
		glViewport(-l->x, -l->y, w, h);
		rc = draw_items(&v->draw, &v->gpu, st, l, cam, NULL);
	}
	if (!rc)
		rc = target_read(&v->target, l->w, l->h, layer->rgba);
	egl_unbind(&v->render->egl);
	return rc;
}

static int draw_layer(struct render_view *v, struct layer *layer, const struct stage *st,
	const struct geom_camera *cam, int w, int h, int samples)
{
	const struct draw_list *l = &v->list;
	int rc = layer_resize(layer, l->x, l->y, l->w, l->h);
	const struct soft_picture p = {layer->rgba, w, h};

	if (rc)
		return rc;
	if (!samples && v->soft && !v->rehearsing && soft_draw(v->soft, &v->gpu, st, l, cam, &p))
		v->totals.plain++;
	else
		rc = draw_by_gl(v, layer, st, cam, w, h, samples);
	if (!rc)
		layer_convert(layer);
	return rc;
}

static int renew(struct render_view *v, struct view_eye *e, const struct stage *st,
	const struct render_camera *c, const struct render_options *o, int w, int h)
{
	const struct draw_budget max = {v->render->conf.max_triangles,
		v->render->egl.info.hardware ? LAYERS_HARDWARE : LAYERS_SOFTWARE};
	struct geom_camera cam;
	int rc = geom_camera(&cam, c, w, h);

	e->key.valid = false;
	if (rc)
		return rc;
	draw_list_build(&v->list, st, &cam, o->own, w, h, &max);
	e->triangles = v->list.triangles;
	e->nodes = v->list.nodes;
	e->reduced = v->list.reduced;
	e->left_out = v->list.left_out;
	if (v->list.w == 0)
		e->layer.w = e->layer.h = 0;
	else
		rc = draw_layer(v, &e->layer, st, &cam, w, h, samples_for(v, o->quality));
	if (rc)
		return rc;
	e->key = (struct view_key){.valid = true,
		.version = stage_version(st),
		.camera = *c,
		.w = w,
		.h = h,
		.own = o->own,
		.quality = o->quality};
	return 0;
}

/* ---------------------------------------------------------------- frames */

static int check(struct render_view *v, const struct render_frame *f, const struct stage *st)
{
	if (!frame_valid(f) || !v->gpu.model || stage_model(st) != v->gpu.model)
		return -EINVAL;
	if (v->stage != st) {
		/* another play counts its versions anew */
		view_forget(v);
		gpu_forget_morphs(&v->gpu);
		v->stage = st;
	}
	return 0;
}

/* One eye onto its part of a frame; st is added to. */
static int draw_eye(struct render_view *v, struct view_eye *e, const struct render_frame *f,
	const struct stage *stage, const struct render_camera *c, const struct render_options *o,
	struct render_stats *st)
{
	bool cached = still(&e->key, stage, c, o, f->width, f->height);
	int rc = 0;

	if (!cached)
		rc = renew(v, e, stage, c, o, f->width, f->height);
	if (rc)
		return rc;
	st->cached = st->cached && cached;
	st->triangles += e->triangles;
	st->nodes += e->nodes;
	st->nodes_reduced += e->reduced;
	st->nodes_left_out += e->left_out;
	return 0;
}

static void count(struct render_view *v, int rc, const struct render_stats *st)
{
	struct render_totals *t = &v->totals;

	t->frames++;
	t->failed += rc != 0;
	t->cached += !rc && st->cached;
	t->empty += !rc && st->width == 0;
	t->over_budget += !rc && st->nodes_left_out + st->nodes_reduced > 0;
}

static void tell_rect(struct render_stats *st, const struct layer *l, const struct render_frame *f)
{
	if (l->w == 0)
		return;
	st->x = l->x;
	st->y = l->y;
	st->width = l->x + l->w < f->width ? l->w : f->width - l->x;
	st->height = l->y + l->h < f->height ? l->h : f->height - l->y;
}

int render_view_overlay(struct render_view *v, const struct render_frame *f,
	const struct stage *stage, const struct render_camera *camera,
	const struct render_options *opt, struct render_stats *st)
{
	uint64_t t0 = thread_cpu_us();
	int rc = check(v, f, stage);

	memset(st, 0, sizeof(*st));
	st->cached = true;
	if (!rc)
		rc = draw_eye(v, &v->eye[0], f, stage, camera, opt, st);
	if (!rc && opt->under)
		layer_bring(&v->eye[0].layer, f, opt->under);
	if (!rc) {
		layer_blend(&v->eye[0].layer, f);
		tell_rect(st, &v->eye[0].layer, f);
	}
	st->cpu_us = (uint32_t)(thread_cpu_us() - t0);
	count(v, rc, st);
	return rc;
}

static struct render_frame part_of(const struct render_frame *f, int x, int w)
{
	struct render_frame p = *f;

	p.plane[0] += x;
	p.plane[1] += x / 2;
	p.plane[2] += x / 2;
	p.width = w;
	return p;
}

static void merge_rect(struct render_stats *st, const struct render_stats *add, int x)
{
	int x1 = st->x + st->width, y1 = st->y + st->height;
	int ax = add->x + x, ax1 = ax + add->width, ay1 = add->y + add->height;

	if (add->width == 0)
		return;
	if (st->width == 0) {
		st->x = ax;
		st->y = add->y;
		st->width = add->width;
		st->height = add->height;
		return;
	}
	st->x = ax < st->x ? ax : st->x;
	st->y = add->y < st->y ? add->y : st->y;
	st->width = (ax1 > x1 ? ax1 : x1) - st->x;
	st->height = (ay1 > y1 ? ay1 : y1) - st->y;
}

int render_view_split(struct render_view *v, const struct render_frame *f,
	const struct stage *stage, const struct render_camera *eyes, unsigned n,
	uint32_t background, const struct render_options *opt, struct render_stats *st)
{
	uint64_t t0 = thread_cpu_us();
	int rc = check(v, f, stage), w;

	memset(st, 0, sizeof(*st));
	st->cached = true;
	if (n < 1 || n > RENDER_MAX_EYES)
		rc = -EINVAL;
	/* an eye's part begins at a whole chroma sample */
	w = n == 2 ? f->width / 4 * 2 : f->width;
	for (unsigned i = 0; i < n && !rc; i++) {
		struct render_frame part = part_of(f, (int)i * w, w);

		if (!frame_valid(&part))
			rc = -EINVAL;
		else
			rc = draw_eye(v, &v->eye[i], &part, stage, &eyes[i], opt, st);
	}
	if (!rc)
		frame_fill(f, background);
	for (unsigned i = 0; i < n && !rc; i++) {
		struct render_frame part = part_of(f, (int)i * w, w);
		struct render_stats rect = {0};

		layer_blend(&v->eye[i].layer, &part);
		tell_rect(&rect, &v->eye[i].layer, &part);
		merge_rect(st, &rect, (int)i * w);
	}
	st->cpu_us = (uint32_t)(thread_cpu_us() - t0);
	count(v, rc, st);
	return rc;
}

void render_view_get_totals(const struct render_view *v, struct render_totals *out)
{
	*out = v->totals;
	out->uploads = v->gpu.uploads;
	out->kept = v->gpu.kept;
	out->gpu_bytes =
		v->gpu.bytes + target_bytes(&v->target) + (v->soft ? soft_bytes(v->soft) : 0);
}
