/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A document for the ARMF: refused with a reason, or all it holds is in bounds, can be played, and
 * the same bytes give the same hashes again with the images shared. */
#include "mediad/armf/gltf/stage.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct model_limits limits = {
	.bytes = 1 << 20,
	.json = 1 << 20,
	.resource_bytes = 1 << 20,
	.memory = 16 << 20,
	.items = 512,
	.nodes = 256,
	.depth = 16,
	.primitives = 256,
	.vertices = 50000,
	.triangles = 50000,
	.joints = 64,
	.targets = 16,
	.keys = 20000,
	.lights = 16,
	.images = 8,
	.image_side = 512,
	.texture_side = 64,
};

/* Every second name is there: it is the document itself, as a buffer or an image. */
static int resolve(void *user, const char *uri, struct ar_span *bytes)
{
	if (strstr(uri, "..") || uri[0] == '/' || strchr(uri, ':') || strchr(uri, '\\'))
		abort();
	*bytes = *(struct ar_span *)user;
	return strlen(uri) % 2 ? 0 : -ENOENT;
}

static void check_primitive(const struct model_view *v, const struct model_primitive *p)
{
	if (p->material < 0 || p->material >= (int)v->nmaterial)
		abort();
	for (uint32_t i = 0; i < p->nindex; i++) {
		if (model_index(p, i) >= p->nvertex)
			abort();
	}
	for (uint32_t i = 0; i < p->nvertex * 3; i++) {
		if (!isfinite(p->position[i]) || (p->normal && !isfinite(p->normal[i])))
			abort();
	}
}

static void play(struct model *m)
{
	const struct model_view *v = model_view(m);
	struct stage *st;
	float lo[3], hi[3];

	if (stage_new(&st, m) != 0)
		return;
	for (int t = 0; t < 2; t++) {
		if (stage_set_clock(st, 0.3 + t) != 0)
			abort();
		stage_evaluate(st);
		for (unsigned i = 0; i < v->nnode; i++) {
			if (stage_box(st, i, lo, hi) && !(isfinite(lo[0]) && isfinite(hi[2])))
				abort();
		}
	}
	if (stage_evaluate(st))
		abort();
	stage_free(st);
}

static void again(const struct model_source *first, struct model *m)
{
	const struct model_view *a = model_view(m), *b;
	struct model_source src = *first;
	struct model *next;
	struct ar_buf why;

	ar_buf_init(&why, 4096);
	src.prev = m;
	if (model_load(&next, &src, &why) != 0)
		abort();
	b = model_view(next);
	for (unsigned i = 0; i < a->nimage; i++) {
		if ((a->image[i] != NULL) != (b->image[i] != NULL) ||
			(a->image[i] && a->image[i]->rgba != b->image[i]->rgba &&
				a->image[i]->hash != b->image[i]->hash))
			abort();
	}
	for (unsigned i = 0; i < a->nmesh; i++) {
		if (a->mesh[i].primitive[0].hash != b->mesh[i].primitive[0].hash)
			abort();
	}
	model_unref(next);
	ar_buf_free(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ar_span self = {(const char *)data, size};
	struct model_source src = {
		.bytes = self, .limits = &limits, .resolve = resolve, .user = &self};
	const struct model_view *v;
	struct model *m = NULL;
	struct ar_buf why;

	ar_buf_init(&why, 4096);
	if (model_load(&m, &src, &why) != 0) {
		if (why.n == 0 || m)
			abort();
	} else {
		v = model_view(m);
		for (unsigned i = 0; i < v->nmesh; i++) {
			for (unsigned k = 0; k < v->mesh[i].nprimitive; k++)
				check_primitive(v, &v->mesh[i].primitive[k]);
		}
		play(m);
		again(&src, m);
	}
	model_unref(m);
	ar_buf_free(&why);
	return 0;
}
