/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/render_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRIANGLES_SOFTWARE 20000u
#define TRIANGLES_HARDWARE 2000000u
#define SCENE_FACTOR 50u /* a scene may have so many times what a frame may */
#define TEXTURE_BYTES ((size_t)128 << 20)

int render_platform_parse(const char *text, enum render_platform *out)
{
	static const char *const names[] = {[RENDER_SURFACELESS] = "surfaceless",
		[RENDER_DEVICE] = "device",
		[RENDER_AUTO] = "auto"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(text, names[i])) {
			*out = (enum render_platform)i;
			return 0;
		}
	}
	return -EINVAL;
}

static void fill_defaults(struct render_conf *c, bool hardware)
{
	if (!c->max_triangles)
		c->max_triangles = hardware ? TRIANGLES_HARDWARE : TRIANGLES_SOFTWARE;
	if (!c->max_scene_triangles) {
		uint64_t n = (uint64_t)c->max_triangles * SCENE_FACTOR;

		c->max_scene_triangles = n < UINT32_MAX ? (unsigned)n : UINT32_MAX;
	}
	if (!c->max_texture_bytes)
		c->max_texture_bytes = TEXTURE_BYTES;
	c->cache_dir = NULL;
}

int render_new(struct render **out, const struct render_conf *conf, struct ar_buf *why)
{
	struct render *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	rc = egl_open(&r->egl, conf, why);
	if (rc) {
		free(r);
		return rc;
	}
	r->conf = *conf;
	fill_defaults(&r->conf, r->egl.info.hardware);
	pthread_mutex_init(&r->lock, NULL);
	*out = r;
	return 0;
}

void render_free(struct render *r)
{
	if (!r)
		return;
	while (r->nspare)
		view_destroy(r->spare[--r->nspare]);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

const struct render_info *render_get_info(const struct render *r)
{
	return &r->egl.info;
}

/* ---------------------------------------------------------------- spare views */

static bool put_spare(struct render *r, struct render_view *v)
{
	bool taken;

	pthread_mutex_lock(&r->lock);
	taken = r->nspare < r->want_spare;
	if (taken)
		r->spare[r->nspare++] = v;
	pthread_mutex_unlock(&r->lock);
	return taken;
}

static struct render_view *take_spare(struct render *r)
{
	struct render_view *v = NULL;

	pthread_mutex_lock(&r->lock);
	if (r->nspare)
		v = r->spare[--r->nspare];
	pthread_mutex_unlock(&r->lock);
	return v;
}

int render_prewarm(struct render *r, unsigned n, struct ar_buf *why)
{
	unsigned have;
	int rc = 0;

	pthread_mutex_lock(&r->lock);
	r->want_spare = n < RENDER_MAX_SPARE ? n : RENDER_MAX_SPARE;
	have = r->nspare;
	pthread_mutex_unlock(&r->lock);
	for (; have < r->want_spare && !rc; have++) {
		struct render_view *v;

		rc = view_make(&v, r, why);
		if (rc)
			return rc;
		rc = view_warm(v, why);
		if (rc || !put_spare(r, v))
			view_destroy(v);
	}
	return rc;
}

int render_view_new(struct render_view **out, struct render *r, struct ar_buf *why)
{
	*out = take_spare(r);
	return *out ? 0 : view_make(out, r, why);
}

void render_view_free(struct render_view *v)
{
	if (!v)
		return;
	view_reset(v);
	if (!put_spare(v->render, v))
		view_destroy(v);
}
