/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small scene with what most scenes use, drawn once: it makes the driver compile. Without it the
 * first frame of a call would wait for that.
 */
#include "mediad/armf/render/render_int.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WARM_SIZE 64

/* A triangle with positions and texture coordinates (the same bytes) in seven materials. The
 * picture is 4 x 4: it has mipmaps, for which the driver compiles something else than without. */
static const char warm_scene[] =
	"{\"asset\":{\"version\":\"2.0\"},\"scene\":0,\"scenes\":[{\"nodes\":[0]}],"
	"\"nodes\":[{\"mesh\":0}],"
	"\"extensionsUsed\":[\"KHR_materials_unlit\"],"
	"\"meshes\":[{\"primitives\":["
	"{\"attributes\":{\"POSITION\":0},\"material\":0},"
	"{\"attributes\":{\"POSITION\":0},\"material\":1},"
	"{\"attributes\":{\"POSITION\":0,\"TEXCOORD_0\":1},\"material\":2},"
	"{\"attributes\":{\"POSITION\":0,\"TEXCOORD_0\":1},\"material\":3},"
	"{\"attributes\":{\"POSITION\":0},\"material\":4},"
	"{\"attributes\":{\"POSITION\":0},\"material\":5},"
	"{\"attributes\":{\"POSITION\":0,\"TEXCOORD_0\":1},\"material\":6}]}],"
	"\"materials\":["
	"{\"pbrMetallicRoughness\":{\"metallicFactor\":0,\"roughnessFactor\":0.9}},"
	"{\"pbrMetallicRoughness\":{\"metallicFactor\":0.5,\"roughnessFactor\":0.4}},"
	"{\"pbrMetallicRoughness\":{\"metallicFactor\":0,\"baseColorTexture\":{\"index\":0}}},"
	"{\"pbrMetallicRoughness\":{\"metallicFactor\":0.5,\"baseColorTexture\":{\"index\":0}}},"
	"{\"extensions\":{\"KHR_materials_unlit\":{}}},"
	"{\"alphaMode\":\"BLEND\",\"pbrMetallicRoughness\":{\"metallicFactor\":0,"
	"\"baseColorFactor\":[1,1,1,0.5]}},"
	"{\"extensions\":{\"KHR_materials_unlit\":{}},"
	"\"pbrMetallicRoughness\":{\"baseColorTexture\":{\"index\":0}}}],"
	"\"textures\":[{\"source\":0}],"
	"\"images\":[{\"uri\":\"data:image/png;base64,"
	"iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAAD0lEQVR42mP4"
	"jwQYiOMAANuQL9HXPgz1AAAAAElFTkSuQmCC\"}],"
	"\"accessors\":[{\"bufferView\":0,\"componentType\":5126,\"count\":3,\"type\":\"VEC3\","
	"\"min\":[0,0,0],\"max\":[1,1,0]},"
	"{\"bufferView\":0,\"componentType\":5126,\"count\":3,\"type\":\"VEC2\"}],"
	"\"bufferViews\":[{\"buffer\":0,\"byteLength\":36}],"
	"\"buffers\":[{\"byteLength\":36,\"uri\":\"data:application/octet-stream;base64,"
	"AAAAAAAAAAAAAAAAAACAPwAAAAAAAAAAAAAAAAAAgD8AAAAA\"}]}";

/* From the diagonal, so far away that the whole box is in the picture. */
static struct render_camera overview(const float lo[3], const float hi[3])
{
	/* a turn of 45 degrees to the left, then 35 down */
	struct render_camera c = {
		.orientation = {-0.279848f, 0.364705f, 0.115917f, 0.880476f}, .fov_y = 0.8f};
	float d = 0;

	for (int i = 0; i < 3; i++)
		d = fmaxf(d, hi[i] - lo[i]);
	d = fmaxf(d, 1e-3f) * 2;
	for (int i = 0; i < 3; i++)
		c.position[i] = (lo[i] + hi[i]) / 2 + d;
	c.near = d * 0.01f;
	c.far = d * 10;
	return c;
}

int render_view_rehearse(struct render_view *v, const struct stage *stage)
{
	const struct render_options opt = {.own = -1};
	struct render_totals totals = v->totals;
	uint8_t *y = calloc(WARM_SIZE * WARM_SIZE, 3);
	struct render_frame f = {
		.plane = {y, y + WARM_SIZE * WARM_SIZE, y + WARM_SIZE * WARM_SIZE * 2},
		.stride = {WARM_SIZE, WARM_SIZE, WARM_SIZE},
		.width = WARM_SIZE,
		.height = WARM_SIZE};
	struct render_camera camera;
	struct render_stats stats;
	float lo[3], hi[3];
	int rc = y ? 0 : -ENOMEM;

	if (!rc && stage_bounds(stage, -1, lo, hi)) {
		camera = overview(lo, hi);
		v->rehearsing = true;
		rc = render_view_overlay(v, &f, stage, &camera, &opt, &stats);
		v->rehearsing = false;
	}
	free(y);
	view_forget(v);
	v->totals = totals;
	return rc;
}

int view_warm(struct render_view *v, struct ar_buf *why)
{
	struct model_source source = {.bytes = {warm_scene, sizeof(warm_scene) - 1}};
	struct model *m = NULL;
	struct stage *st = NULL;
	int rc = model_load(&m, &source, why);

	if (!rc)
		rc = stage_new(&st, m);
	if (!rc) {
		(void)stage_evaluate(st);
		rc = render_view_load(v, m, why);
	}
	if (!rc) {
		rc = render_view_rehearse(v, st);
		if (rc && why)
			ar_buf_printf(why, "the first picture could not be drawn");
	}
	stage_free(st);
	model_unref(m);
	view_reset(v);
	return rc;
}
