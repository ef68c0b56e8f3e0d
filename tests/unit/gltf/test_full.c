/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything that full.gltf says arrives in the model. */
#include "files.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define FULL SRC_DIR "/tests/unit/gltf/full.gltf"

static struct model *m;
static const struct model_view *v;

static int load(void **state)
{
	struct ar_buf why;
	int err;

	(void)state;
	ar_buf_init(&why, 4096);
	err = file_load(&m, FULL, NULL, &why);
	if (err)
		print_error("%s\n", why_text(&why));
	ar_buf_free(&why);
	v = err ? NULL : model_view(m);
	return err;
}

static int drop(void **state)
{
	(void)state;
	model_unref(m);
	return 0;
}

static void near(float a, double b)
{
	if (!(fabs((double)a - b) <= 1e-5))
		fail_msg("%g, want %g", (double)a, b);
}

static void all_near(const float *a, const double *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		near(a[i], b[i]);
}
#define SAME(a, ...)                                                                               \
	all_near((a), (const double[]){__VA_ARGS__},                                               \
		sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

static void nodes_and_tree(void **state)
{
	const struct model_node *n = v->node;

	(void)state;
	assert_int_equal(v->nnode, 12);
	assert_string_equal(n[0].name, "group");
	assert_int_equal(n[0].parent, -1);
	assert_int_equal(n[0].nchild, 3);
	assert_int_equal(n[0].child[2], 3);
	assert_int_equal(n[4].parent, 3);
	assert_true(n[0].root);
	assert_false(n[1].root);
	assert_false(n[11].root);
	SAME(n[1].t, 0, 1, 0);
	SAME(n[1].r, 0, 0, 0.70710678, 0.70710678);
	SAME(n[1].s, 2, 1, 1);
	SAME(n[0].r, 0, 0, 0, 1);
	SAME(n[0].s, 1, 1, 1);
	assert_int_equal(n[0].mesh, -1);
	assert_int_equal(n[0].skin, -1);
	assert_int_equal(n[2].mesh, 1);
	assert_int_equal(n[2].skin, 0);
	assert_int_equal(n[6].camera, 0);
	assert_int_equal(n[7].light, 0);
	assert_int_equal(n[5].nweight, 2);
	SAME(n[5].weight, 0.5, 0);
	assert_true(n[8].fixed);
	SAME(n[8].matrix, 0, 0, -1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 3, 0, 0, 1);
	assert_int_equal(model_find_node(m, AR_SPAN("head")), 10);
	assert_int_equal(model_find_node(m, AR_SPAN("gone")), -1);
	assert_int_equal(model_find_node(m, AR_SPAN("nobody")), -1);
}

static void parents_come_first(void **state)
{
	bool seen[12] = {false};

	(void)state;
	for (unsigned i = 0; i < v->nnode; i++) {
		int parent = v->node[v->order[i]].parent;

		assert_true(parent < 0 || seen[parent]);
		assert_false(seen[v->order[i]]);
		seen[v->order[i]] = true;
	}
}

static void marks_of_the_dcmf(void **state)
{
	(void)state;
	assert_int_equal(v->rev, 17);
	assert_string_equal(v->node[9].participant, "a");
	assert_null(v->node[10].participant);
	assert_int_equal(v->node[9].owner, 9);
	assert_int_equal(v->node[10].owner, 9);
	assert_int_equal(v->node[8].owner, -1);
	assert_true(v->node[11].removed);
	assert_false(v->node[10].removed);
}

static void materials(void **state)
{
	const struct model_material *a = &v->material[0];

	(void)state;
	assert_int_equal(v->nmaterial, 4);
	assert_string_equal(a->name, "all");
	SAME(a->base_color, 0.2, 0.4, 0.6, 0.8);
	near(a->metallic, 0.1);
	near(a->roughness, 0.9);
	SAME(a->emissive, 2, 4, 0);
	assert_int_equal(a->alpha, MODEL_MASK);
	near(a->alpha_cutoff, 0.3);
	assert_true(a->double_sided);
	assert_false(a->unlit);
	assert_int_equal(a->normal_tex.texture, 1);
	near(a->normal_tex.scale, 0.7);
	assert_int_equal(a->occlusion_tex.texcoord, 1);
	near(a->occlusion_tex.scale, 0.4);
	assert_int_equal(a->metallic_roughness_tex.texture, 1);
	assert_int_equal(a->emissive_tex.texture, 1);
	assert_true(v->material[1].unlit);
	assert_int_equal(v->material[1].base_color_tex.texture, -1);
	assert_int_equal(v->material[1].alpha, MODEL_OPAQUE);
	assert_int_equal(v->material[2].alpha, MODEL_BLEND);
}

static void default_material_is_the_last(void **state)
{
	const struct model_material *d = &v->material[3];

	(void)state;
	assert_int_equal(v->mesh[1].primitive[0].material, 3);
	assert_int_equal(v->mesh[0].primitive[0].material, 0);
	SAME(d->base_color, 1, 1, 1, 1);
	near(d->metallic, 1);
	near(d->roughness, 1);
	SAME(d->emissive, 0, 0, 0);
	near(d->alpha_cutoff, 0.5);
	near(d->normal_tex.scale, 1);
	assert_int_equal(d->normal_tex.texture, -1);
	assert_false(d->double_sided);
}

/* KHR_texture_transform by hand: scale 2 3, then a quarter turn (u, v) -> (v, -u), then offset. It
 * is the turn with which the extension's example (offset 0 1, scale 1/2) shows the lower left
 * quarter. */
static void texture_transform(void **state)
{
	const struct model_texture_ref *r = &v->material[0].base_color_tex;
	const float u = 0.25f, w = 0.125f;

	(void)state;
	assert_true(r->transformed);
	assert_int_equal(r->texcoord, 1);
	near(r->uv[0] * u + r->uv[2] * w + r->uv[4], 3 * 0.125 + 0.25);
	near(r->uv[1] * u + r->uv[3] * w + r->uv[5], -2 * 0.25 + 0.5);
	assert_false(v->material[0].normal_tex.transformed);
	SAME(v->material[0].normal_tex.uv, 1, 0, 0, 1, 0, 0);
}

/* "This example utilizes only the lower left quadrant of the source image, rotated clockwise 90
 * degrees": so say its authors of these numbers. v runs down. */
static void transform_of_the_extensions_example(void **state)
{
	static const float corners[4][2] = {{0, 0}, {1, 0}, {0, 1}, {1, 1}};
	const struct model_texture_ref *r;
	json_t *doc = full_doc();
	struct model *other = NULL;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	assert_true(json_put(doc,
		"/materials/0/pbrMetallicRoughness/baseColorTexture/extensions/"
		"KHR_texture_transform",
		json_pack("{s:[i,i],s:f,s:[f,f]}", "offset", 0, 1, "rotation", 1.57079632679,
			"scale", 0.5, 0.5)));
	assert_int_equal(json_load_model(&other, doc, NULL, &why), 0);
	r = &model_view(other)->material[0].base_color_tex;
	for (unsigned i = 0; i < 4; i++) {
		const float *c = corners[i];
		float u = r->uv[0] * c[0] + r->uv[2] * c[1] + r->uv[4];
		float w = r->uv[1] * c[0] + r->uv[3] * c[1] + r->uv[5];

		assert_true(u > -1e-5f && u < 0.50001f && w > 0.49999f && w < 1.00001f);
	}
	model_unref(other);
	json_decref(doc);
	ar_buf_free(&why);
}

static void textures_and_images(void **state)
{
	const struct model_image *a = v->image[0];

	(void)state;
	assert_int_equal(v->ntexture, 2);
	assert_int_equal(v->texture[0].mag, 9728);
	assert_int_equal(v->texture[0].min, 9984);
	assert_int_equal(v->texture[0].wrap_s, 33071);
	assert_int_equal(v->texture[0].wrap_t, 33648);
	assert_true(v->texture[0].color && !v->texture[0].data);
	assert_int_equal(v->texture[1].mag, 9729);
	assert_int_equal(v->texture[1].min, 9987);
	assert_int_equal(v->texture[1].wrap_s, 10497);
	assert_true(v->texture[1].color && v->texture[1].data);
	assert_int_equal(a->w, 4);
	assert_int_equal(a->h, 2);
	assert_memory_equal(a->rgba, "\x00\x00\x80\x80", 4);
	assert_memory_equal(a->rgba + 12, "\xff\x00\x80\xff", 4);
	assert_memory_equal(a->rgba + 16, "\x00\xff\x80\x80", 4);
	assert_true(a->has_alpha);
	assert_true(a->hash == v->image[1]->hash);
}

static void mesh_attributes(void **state)
{
	const struct model_primitive *p = &v->mesh[0].primitive[0];

	(void)state;
	assert_int_equal(p->mode, MODEL_TRIANGLES);
	assert_int_equal(p->nvertex, 4);
	assert_int_equal(p->nindex, 6);
	assert_int_equal(p->index_size, 2);
	assert_int_equal(model_index(p, 5), 3);
	SAME(p->position + 6, 1, 1, 0);
	SAME(p->normal + 9, 0, 0, 1);
	SAME(p->tangent, 1, 0, 0, 1);
	SAME(p->texcoord[0], 0, 1, 1, 1, 1, 0, 0, 0);
	SAME(p->texcoord[1], 0, 1, 1, 1, 1, 0, 0, 0);
	SAME(p->color, 1, 0, 0, 1, 0, 1, 0, 1);
	SAME(p->color + 12, 1, 1, 1, 0.2);
	assert_null(p->joint);
	SAME(p->lo, 0, 0, 0);
	SAME(p->hi, 1, 1, 0);
}

static void skinned_mesh(void **state)
{
	const struct model_primitive *p = &v->mesh[1].primitive[0];
	const struct model_skin *s = &v->skin[0];

	(void)state;
	assert_int_equal(p->nindex, 24);
	assert_int_equal(p->nvertex, 24); /* flat normals: not shared */
	assert_non_null(p->joint);
	for (unsigned i = 0; i < p->nvertex; i++) {
		near(p->weight[i * 4 + 1], (double)p->position[i * 3 + 1] / 2);
		near(p->weight[i * 4] + p->weight[i * 4 + 1], 1);
		SAME(p->normal + i * 3, 0, 0, 1);
	}
	assert_int_equal(s->njoint, 2);
	assert_int_equal(s->joint[1], 4);
	SAME(s->inverse_bind + 16 + 12, 0, -1, 0, 1);
}

static void morph_targets(void **state)
{
	const struct model_primitive *p = &v->mesh[2].primitive[0];
	const float w[2] = {0.5f, 2};
	float out[15];

	(void)state;
	assert_int_equal(p->ntarget, 2);
	assert_int_equal(v->mesh[2].nweight, 2);
	SAME(p->target[1].position, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0); /* sparse */
	SAME(p->target[0].lo, 0, 0, 1);
	SAME(p->target[1].hi, 0, 3, 0);
	model_morph(p, w, 2, out, NULL, NULL);
	SAME(out, 0, 0, 0.5, 0, 5, 0.5, 1, 0, 0.5, 1, 7, 0.5, 2, 0, 0.5);
}

/* A strip: every second triangle is turned round, so that all face the same way. */
static void modes(void **state)
{
	const struct model_primitive *strip = &v->mesh[2].primitive[0];
	const struct model_primitive *loop = &v->mesh[0].primitive[1];
	const unsigned want[] = {0, 1, 2, 1, 3, 2, 2, 3, 4}, ring[] = {0, 1, 1, 2, 2, 3, 3, 0};

	(void)state;
	assert_int_equal(strip->nindex, 9);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(model_index(strip, i), want[i]);
	assert_int_equal(loop->mode, MODEL_LINES);
	assert_int_equal(loop->nindex, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(model_index(loop, i), ring[i]);
	assert_null(loop->normal);
}

static void lights_and_cameras(void **state)
{
	const struct model_light *l = v->light;

	(void)state;
	assert_int_equal(v->nlight, 3);
	assert_int_equal(l[0].type, MODEL_SPOT);
	SAME(l[0].color, 1, 0.5, 0.25);
	near(l[0].intensity, 20);
	near(l[0].range, 10);
	near(l[0].inner, 0.2);
	near(l[0].outer, 0.5);
	assert_int_equal(l[1].type, MODEL_DIRECTIONAL);
	near(l[1].intensity, 1);
	assert_int_equal(l[2].type, MODEL_POINT);
	assert_int_equal(v->ncamera, 2);
	near(v->camera[0].yfov, 0.8);
	near(v->camera[0].aspect, 1.5);
	near(v->camera[0].zfar, 100);
	assert_true(v->camera[1].ortho);
	near(v->camera[1].xmag, 2);
}

static void animations(void **state)
{
	const struct model_animation *a = v->animation;

	(void)state;
	assert_int_equal(v->nanimation, 2);
	assert_string_equal(a[0].name, "move");
	near(a[0].duration, 2);
	near(a[1].duration, 1.5);
	assert_int_equal(a[0].nchannel, 4);
	assert_int_equal(a[0].channel[1].path, MODEL_ROTATION);
	assert_int_equal(a[0].channel[1].node, 4);
	SAME(a[0].channel[1].value + 4, 0, 0, 0.70710678, 0.70710678); /* from normalised shorts */
	assert_int_equal(a[0].channel[2].step, MODEL_STEP);
	assert_int_equal(a[0].channel[3].width, 2);
	assert_int_equal(a[1].channel[0].step, MODEL_CUBICSPLINE);
	assert_int_equal(a[1].channel[0].nkey, 2);
}

static void totals(void **state)
{
	(void)state;
	assert_int_equal(v->stats.triangles, 2 + 8 + 3);
	assert_int_equal(v->stats.lines, 4);
	assert_int_equal(v->stats.vertices, 4 + 4 + 24 + 5);
	assert_int_equal(v->stats.ignored_attributes, 0);
	assert_true(v->stats.memory > 2000 && v->stats.memory < 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_and_tree),
		cmocka_unit_test(parents_come_first),
		cmocka_unit_test(marks_of_the_dcmf),
		cmocka_unit_test(materials),
		cmocka_unit_test(default_material_is_the_last),
		cmocka_unit_test(texture_transform),
		cmocka_unit_test(transform_of_the_extensions_example),
		cmocka_unit_test(textures_and_images),
		cmocka_unit_test(mesh_attributes),
		cmocka_unit_test(skinned_mesh),
		cmocka_unit_test(morph_targets),
		cmocka_unit_test(modes),
		cmocka_unit_test(lights_and_cameras),
		cmocka_unit_test(animations),
		cmocka_unit_test(totals),
	};

	return cmocka_run_group_tests(tests, load, drop);
}
