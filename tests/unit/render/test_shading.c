/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What surfaces look like: colours, textures, light, transparency, deformation; with tolerances. */
#include "mediad/armf/render/geom.h"
#include "mediad/armf/render/gpu_upload.h"
#include "mediad/armf/render/shader.h"
#include "tests/unit/render/rig.h"
#include "tests/unit/render/shapes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define W 320
#define H 240
#define PER_METRE 240 /* pixels, at the distance of front() */

/* Looks at the origin from the front so that a metre there is H pixels. */
static struct render_camera front(void)
{
	return rig_look((float[]){0, 0, 2}, (float[]){0, 0, 0}, 2 * atanf(0.25f));
}

static void draw_scene(const struct shapes *sh, struct rig_frame *f, const char *name)
{
	char *text = shapes_gltf(sh);
	struct render_camera c = front();
	struct rig_scene s;

	rig_open_text(&s, text);
	rig_new_frame(f, W, H);
	rig_draw(&s, f, &c);
	rig_save(f, name);
	rig_close(&s);
	free(text);
}

/* The square of one material, head on. */
static void draw_square(
	const char *material, const char *more, struct rig_frame *f, const char *name)
{
	const struct shapes sh = {1, material, "{\"mesh\":1}", 1, more};

	draw_scene(&sh, f, name);
}

/* Metres from the middle to a pixel's colour. */
static struct rig_rgb at(const struct rig_frame *f, double x, double y)
{
	return rig_pixel(f, W / 2 + (int)(x * PER_METRE), H / 2 - (int)(y * PER_METRE));
}

static int brightness(struct rig_rgb c)
{
	return c.r + c.g + c.b;
}

static bool near_to(struct rig_rgb c, int r, int g, int b, int tolerance)
{
	return abs(c.r - r) <= tolerance && abs(c.g - g) <= tolerance && abs(c.b - b) <= tolerance;
}

static void assert_color(const struct rig_frame *f, double x, double y, int r, int g, int b)
{
	struct rig_rgb c = at(f, x, y);

	if (!near_to(c, r, g, b, 9))
		fail_msg(
			"at %.2f, %.2f: %d %d %d, expected %d %d %d", x, y, c.r, c.g, c.b, r, g, b);
}

/* ---------------------------------------------------------------- unlit */

/* A linear factor of 0.5 is 188 of 255 in sRGB. */
static void factors_are_linear(void **state)
{
	struct rig_frame f;

	(void)state;
	draw_square(SHAPES_UNLIT("0.5,0.0331,1,1"), NULL, &f, "unlit");
	assert_color(&f, 0.3, 0.3, 188, 51, 255);
	rig_free_frame(&f);
}

static void texture_corners(void **state)
{
	struct rig_frame f;

	(void)state;
	draw_square(SHAPES_UNLIT_IMAGE("0"), SHAPES_IMAGES, &f, "quarters");
	assert_color(&f, -0.3, 0.3, 255, 0, 0);
	assert_color(&f, 0.3, 0.3, 0, 255, 0);
	assert_color(&f, -0.3, -0.3, 0, 0, 255);
	assert_color(&f, 0.3, -0.3, 255, 255, 255);
	/* the border between them is in the middle */
	assert_color(&f, -0.03, 0.3, 255, 0, 0);
	assert_color(&f, 0.03, 0.3, 0, 255, 0);
	rig_free_frame(&f);
}

/* The same decoded, multiplied and encoded again, not only copied. */
static void texture_times_factor(void **state)
{
	struct rig_frame f;

	(void)state;
	draw_square("{\"extensions\":{\"KHR_materials_unlit\":{}},\"pbrMetallicRoughness\":{"
		    "\"baseColorFactor\":[0.5,0.5,0.5,1],\"baseColorTexture\":{\"index\":0}}}",
		SHAPES_IMAGES, &f, "quarters-half");
	assert_color(&f, -0.3, 0.3, 188, 0, 0);
	assert_color(&f, 0.3, -0.3, 188, 188, 188);
	rig_free_frame(&f);
}

/* KHR_texture_transform: an offset of half a picture swaps the columns, with a scale of half all
 * is the upper left quarter. */
static void texture_transform(void **state)
{
	struct rig_frame f;

	(void)state;
	draw_square("{\"extensions\":{\"KHR_materials_unlit\":{}},\"pbrMetallicRoughness\":{"
		    "\"baseColorTexture\":{\"index\":0,\"extensions\":{\"KHR_texture_transform\":{"
		    "\"offset\":[0.5,0],\"scale\":[0.5,1]}}}}}",
		SHAPES_IMAGES, &f, "transform");
	assert_color(&f, -0.3, 0.3, 0, 255, 0);
	assert_color(&f, 0.3, 0.3, 0, 255, 0);
	assert_color(&f, 0.3, -0.3, 255, 255, 255);
	rig_free_frame(&f);
}

static void vertex_colours(void **state)
{
	const struct shapes sh = {1, SHAPES_UNLIT("1,1,1,1"), "{\"mesh\":3}", 1, NULL};
	struct rig_frame f;

	(void)state;
	draw_scene(&sh, &f, "vertex-colours");
	assert_true(at(&f, -0.45, 0).r > 250 && at(&f, -0.45, 0).g < 110);
	assert_true(at(&f, 0.45, 0).g > 230);
	/* linear light in the middle: half of it is 188 */
	assert_true(abs(at(&f, 0, 0).g - 188) < 12);
	rig_free_frame(&f);
}

/* ---------------------------------------------------------------- transparency */

static void mask_cuts(void **state)
{
	struct rig_frame f;

	(void)state;
	draw_square("{\"alphaMode\":\"MASK\",\"extensions\":{\"KHR_materials_unlit\":{}},"
		    "\"pbrMetallicRoughness\":{\"baseColorTexture\":{\"index\":1}}}",
		SHAPES_IMAGES, &f, "mask");
	assert_color(&f, -0.3, 0, 255, 255, 255);
	assert_int_equal(f.f.plane[0][H / 2 * W + W / 2 + 60], RIG_BACKGROUND_Y);
	rig_free_frame(&f);
}

/* Red behind, half of blue in front, whatever their order in the document; the frame shines
 * through where only one is. */
static void blend_is_sorted(void **state)
{
	static const char *const nodes[] = {
		"{\"mesh\":1,\"translation\":[0,0,-0.2]},{\"mesh\":3,\"translation\":[0.3,0,0]}",
		"{\"mesh\":3,\"translation\":[0.3,0,0]},{\"mesh\":1,\"translation\":[0,0,-0.2]}"};
#define BLEND(color)                                                                               \
	"{\"alphaMode\":\"BLEND\",\"extensions\":{\"KHR_materials_unlit\":{}},"                    \
	"\"pbrMetallicRoughness\":{\"baseColorFactor\":[" color "]}}"
	struct rig_frame f;
	struct rig_rgb back;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct shapes sh = {
			2, BLEND("1,0,0,0.5") "," BLEND("0,0,1,0.5"), nodes[i], 2, NULL};

		draw_scene(&sh, &f, i ? "blend-b" : "blend-a");
		back = rig_pixel(&f, 2, 2);
		assert_color(&f, -0.3, 0, (255 + back.r) / 2, back.g / 2, back.b / 2);
		assert_color(&f, 0.2, 0, (255 + back.r) / 4, back.g / 4, (255 + back.b / 2) / 2);
		rig_free_frame(&f);
	}
}

/* What is solid hides what is transparent behind it, and the other way round not. */
static void blend_and_depth(void **state)
{
	const struct shapes sh = {2, SHAPES_UNLIT("0,1,0,1") "," BLEND("1,0,0,0.5"),
		"{\"mesh\":3,\"translation\":[-0.4,0,-0.2]},{\"mesh\":1},"
		"{\"mesh\":3,\"translation\":[0.4,0,0.2]}",
		3, NULL};
	struct rig_frame f;

	(void)state;
	draw_scene(&sh, &f, "blend-depth");
	assert_color(&f, -0.3, 0, 0, 255, 0);
	assert_color(&f, 0.3, 0, 128, 128, 0);
	rig_free_frame(&f);
}

static void back_faces(void **state)
{
	const struct shapes sh = {2,
		SHAPES_UNLIT("1,0,0,1") ",{\"doubleSided\":true,\"extensions\":{\"KHR_materials_"
					"unlit\":{}},"
					"\"pbrMetallicRoughness\":{\"baseColorFactor\":[0,0,1,1]}}",
		"{\"mesh\":1,\"rotation\":[0,1,0,0],\"translation\":[-0.5,0,0]},"
		"{\"mesh\":3,\"rotation\":[0,1,0,0],\"translation\":[0.5,0,0]},"
		"{\"mesh\":1,\"rotation\":[0,1,0,0],\"scale\":[1,1,-1],\"translation\":[0,0,-0.2]}",
		3, NULL};
	struct rig_frame f;

	(void)state;
	draw_scene(&sh, &f, "back-faces");
	/* seen from behind: only the double sided one; a mirrored one turns its face */
	assert_color(&f, -0.3, 0, 255, 0, 0);
	assert_color(&f, 0.3, 0, 0, 0, 255);
	assert_int_equal(f.f.plane[0][H / 2 * W + 1], RIG_BACKGROUND_Y);
	rig_free_frame(&f);
}

/* ---------------------------------------------------------------- light */

#define LIGHT(l) ",\"extensions\":{\"KHR_lights_punctual\":{\"lights\":[" l "]}}"
#define LIT_BY(n) "\"extensions\":{\"KHR_lights_punctual\":{\"light\":" n "}}"

/* Our own light comes from above and the left. */
static void standard_light_has_a_side(void **state)
{
	char *text = shapes_cube(SHAPES_MATTE);
	struct render_camera c = rig_look((float[]){0, 1.4f, 2.2f}, (float[]){0, 0, 0}, 0.8f);
	struct rig_scene s;
	struct rig_frame f;
	int top, side;

	(void)state;
	rig_open_text(&s, text);
	rig_new_frame(&f, W, H);
	rig_draw(&s, &f, &c);
	rig_save(&f, "standard-light");
	top = brightness(rig_pixel(&f, W / 2, H / 2 - 40));
	side = brightness(rig_pixel(&f, W / 2, H / 2 + 40));
	assert_true(top > side + 60);
	assert_true(top < 3 * 253 && side > 60);
	rig_free_frame(&f);
	rig_close(&s);
	free(text);
}

static void directional_light(void **state)
{
	/* from the front onto one, along the other's plane */
	const struct shapes sh = {1, SHAPES_MATTE,
		"{\"mesh\":1,\"translation\":[-0.5,0,0]},"
		"{\"mesh\":1,\"translation\":[0.35,0,0],\"rotation\":[0,0.5,0,0.8660254]},"
		"{" LIT_BY("0") "}",
		3, LIGHT("{\"type\":\"directional\",\"intensity\":2.5,\"color\":[1,0,0]}")};
	struct rig_frame f;
	struct rig_rgb a, b;

	(void)state;
	draw_scene(&sh, &f, "directional");
	a = at(&f, -0.3, 0);
	b = at(&f, 0.35, 0);
	assert_true(a.r > a.g + 50 && a.r > 220);
	/* 60 degrees: half the light, 0.73 of its sRGB */
	assert_true(b.r < a.r - 35 && b.r > a.r / 2);
	rig_free_frame(&f);
}

static void point_light_fades(void **state)
{
	const struct shapes sh = {1, SHAPES_MATTE,
		"{\"mesh\":1},{\"translation\":[-0.4,0,0.3]," LIT_BY("0") "}", 2,
		LIGHT("{\"type\":\"point\",\"intensity\":0.2}")};
	struct rig_frame f;
	int l, m, r;

	(void)state;
	draw_scene(&sh, &f, "point");
	l = brightness(at(&f, -0.4, 0));
	m = brightness(at(&f, 0, 0));
	r = brightness(at(&f, 0.4, 0));
	assert_true(l > m + 40 && m > r + 10);
	rig_free_frame(&f);
}

static void spot_light_has_a_cone(void **state)
{
	const struct shapes sh = {1, SHAPES_MATTE,
		"{\"mesh\":1},{\"translation\":[0,0,1]," LIT_BY("0") "}", 2,
		LIGHT("{\"type\":\"spot\",\"intensity\":2,\"spot\":{\"innerConeAngle\":0.15,"
		      "\"outerConeAngle\":0.2}}")};
	struct rig_frame f;
	int in, out;

	(void)state;
	draw_scene(&sh, &f, "spot");
	in = brightness(at(&f, 0, 0));
	out = brightness(at(&f, 0.3, 0));
	assert_true(in > out + 150);
	/* the edge of the cone: 0.2 m from the middle at a metre */
	assert_true(brightness(at(&f, 0.13, 0)) > out + 120);
	assert_true(brightness(at(&f, 0.23, 0)) < out + 15);
	rig_free_frame(&f);
}

static void range_ends_a_light(void **state)
{
	const struct shapes sh = {1, SHAPES_MATTE,
		"{\"mesh\":1,\"translation\":[-0.4,0,0]},{\"mesh\":1,\"translation\":[0.6,0,-1.0]},"
		"{\"translation\":[0,0,0.5]," LIT_BY("0") "}",
		3, LIGHT("{\"type\":\"point\",\"intensity\":5,\"range\":1.0}")};
	struct rig_frame f;

	(void)state;
	draw_scene(&sh, &f, "range");
	assert_true(brightness(at(&f, -0.1, 0)) > 600);
	assert_true(brightness(at(&f, 0.35, 0)) < 350);
	rig_free_frame(&f);
}

/* A polished metal has a highlight and no diffuse colour, a rough one neither. */
static void metal_and_roughness(void **state)
{
#define METAL(rough)                                                                               \
	"{\"pbrMetallicRoughness\":{\"metallicFactor\":1,\"roughnessFactor\":" rough "}}"
	const char *light = LIGHT("{\"type\":\"directional\",\"intensity\":3}");
	struct shapes sh = {1, METAL("0.15"), "{\"mesh\":1},{" LIT_BY("0") "}", 2, light};
	struct rig_frame f;
	int middle, corner;

	(void)state;
	draw_scene(&sh, &f, "metal-smooth");
	middle = brightness(at(&f, 0, 0));
	corner = brightness(at(&f, 0.45, 0.45));
	assert_true(middle > corner + 150);
	rig_free_frame(&f);
	sh.materials = METAL("1");
	draw_scene(&sh, &f, "metal-rough");
	assert_true(abs(brightness(at(&f, 0, 0)) - brightness(at(&f, 0.45, 0.45))) < 100);
	rig_free_frame(&f);
}

/* Left half of the picture leans to -x, right half to +x, light from +x: only the right is lit. */
static void normal_maps(void **state)
{
	const struct shapes sh = {1,
		"{\"pbrMetallicRoughness\":{\"metallicFactor\":0,\"roughnessFactor\":1},"
		"\"normalTexture\":{\"index\":2}}",
		"{\"mesh\":1},{\"rotation\":[0,0.7071068,0,0.7071068]," LIT_BY("0") "}", 2,
		SHAPES_IMAGES LIGHT("{\"type\":\"directional\",\"intensity\":3}")};
	struct shapes up = sh;
	struct rig_frame f;

	(void)state;
	draw_scene(&sh, &f, "normal-map-x");
	assert_true(brightness(at(&f, 0.3, 0)) > brightness(at(&f, -0.3, 0)) + 150);
	rig_free_frame(&f);
	/* green is up: lit from above, not from below */
	up.materials = "{\"pbrMetallicRoughness\":{\"metallicFactor\":0,\"roughnessFactor\":1},"
		       "\"normalTexture\":{\"index\":4}}";
	up.nodes = "{\"mesh\":1},{\"rotation\":[-0.7071068,0,0,0.7071068]," LIT_BY("0") "}";
	draw_scene(&up, &f, "normal-map-above");
	assert_true(brightness(at(&f, 0, 0)) > 450);
	rig_free_frame(&f);
	up.nodes = "{\"mesh\":1},{\"rotation\":[0.7071068,0,0,0.7071068]," LIT_BY("0") "}";
	draw_scene(&up, &f, "normal-map-below");
	assert_true(brightness(at(&f, 0, 0)) < 350);
	rig_free_frame(&f);
}

static void occlusion_and_emission(void **state)
{
	struct rig_frame f;

	(void)state;
	draw_square("{\"pbrMetallicRoughness\":{\"metallicFactor\":0,\"roughnessFactor\":1},"
		    "\"occlusionTexture\":{\"index\":3}}",
		SHAPES_IMAGES, &f, "occlusion");
	assert_true(brightness(at(&f, 0.3, 0)) > brightness(at(&f, -0.3, 0)) + 30);
	rig_free_frame(&f);
	draw_square("{\"pbrMetallicRoughness\":{\"baseColorFactor\":[0,0,0,1],"
		    "\"metallicFactor\":0,\"roughnessFactor\":1},\"emissiveFactor\":[1,1,1],"
		    "\"emissiveTexture\":{\"index\":0}}",
		SHAPES_IMAGES, &f, "emission");
	assert_true(at(&f, -0.3, 0.3).r > 250 && at(&f, -0.3, 0.3).g < 80);
	assert_true(at(&f, 0.3, 0.3).g > 250 && at(&f, 0.3, 0.3).r < 80);
	rig_free_frame(&f);
}

/* ---------------------------------------------------------------- deformation */

struct edges {
	float x0, y0, x1, y1;
};

static void extend(
	struct edges *e, const struct geom_camera *c, const float m[16], const float p[3])
{
	float w[4], v[4];

	for (int r = 0; r < 4; r++)
		w[r] = m[r] * p[0] + m[4 + r] * p[1] + m[8 + r] * p[2] + m[12 + r];
	for (int r = 0; r < 4; r++)
		v[r] = c->clip[r] * w[0] + c->clip[4 + r] * w[1] + c->clip[8 + r] * w[2] +
		       c->clip[12 + r] * w[3];
	v[0] = (v[0] / v[3] + 1) / 2 * W;
	v[1] = (1 - v[1] / v[3]) / 2 * H;
	e->x0 = fminf(e->x0, v[0]);
	e->x1 = fmaxf(e->x1, v[0]);
	e->y0 = fminf(e->y0, v[1]);
	e->y1 = fmaxf(e->y1, v[1]);
}

/* Where the vertices of a node's mesh are, deformed one by one by the CPU. */
static struct edges deformed(
	const struct stage *st, unsigned node, const struct render_camera *camera)
{
	const struct model_view *m = model_view(stage_model(st));
	const struct model_primitive *p = &m->mesh[m->node[node].mesh].primitive[0];
	float *at = malloc(p->nvertex * 3 * sizeof(float));
	unsigned nw = 0, nj = 0;
	const float *weight = stage_weights(st, node, &nw), *joint = stage_joints(st, node, &nj);
	struct edges e = {1e9f, 1e9f, -1e9f, -1e9f};
	struct geom_camera c;

	assert_int_equal(geom_camera(&c, camera, W, H), 0);
	memcpy(at, p->position, p->nvertex * 3 * sizeof(float));
	model_morph(p, weight, nw, at, NULL, NULL);
	for (uint32_t i = 0; i < p->nvertex; i++) {
		float mix[16] = {0};

		for (int k = 0; k < 16 && nj; k++) {
			for (int q = 0; q < 4; q++)
				mix[k] += p->weight[i * 4 + (unsigned)q] *
					  joint[p->joint[i * 4 + (unsigned)q] * 16 + k];
		}
		extend(&e, &c, nj ? mix : stage_world(st, node), at + 3 * i);
	}
	free(at);
	return e;
}

static int mesh_node(const struct rig_scene *s)
{
	const struct model_view *m = model_view(s->model);

	for (unsigned i = 0; i < m->nnode; i++) {
		if (m->node[i].mesh >= 0)
			return (int)i;
	}
	return -1;
}

static void check_deformation(const char *file)
{
	struct rig_scene s;
	struct rig_frame f;
	struct render_camera c;
	int narrowest = W, widest = 0, node;

	rig_open_file(&s, file);
	node = mesh_node(&s);
	c = rig_look_at_scene(&s);
	c.fov_y = 1.6f; /* room for what it becomes */
	rig_new_frame(&f, W, H);
	f.background = 0; /* no surface has it */
	for (int k = 0; k < 12; k++) {
		struct rig_box b;
		struct edges e;

		assert_int_equal(stage_set_clock(s.stage, 0.25 * k), 0);
		stage_evaluate(s.stage);
		rig_fill_frame(&f);
		rig_draw(&s, &f, &c);
		b = rig_drawn(&f);
		e = deformed(s.stage, (unsigned)node, &c);
		if (fabsf((float)b.x0 - e.x0) > 1.01f || fabsf((float)b.x1 - e.x1) > 1.01f ||
			fabsf((float)b.y0 - e.y0) > 1.01f || fabsf((float)b.y1 - e.y1) > 1.01f)
			fail_msg("%s at %d: drawn %d..%d, %d..%d, vertices %.2f..%.2f, %.2f..%.2f",
				file, k, b.x0, b.x1, b.y0, b.y1, e.x0, e.x1, e.y0, e.y1);
		widest = b.x1 - b.x0 > widest ? b.x1 - b.x0 : widest;
		narrowest = b.x1 - b.x0 < narrowest ? b.x1 - b.x0 : narrowest;
	}
	assert_true(widest > narrowest + 8); /* it did move */
	rig_free_frame(&f);
	rig_close(&s);
}

static void deformed_by_joints(void **state)
{
	(void)state;
	check_deformation("/usr/share/assimp/models/glTF2/simple_skin/simple_skin.gltf");
}

static void deformed_by_targets(void **state)
{
	(void)state;
	check_deformation(
		"/usr/share/assimp/models/glTF2/glTF-Sample-Models/AnimatedMorphCube-glTF/"
		"AnimatedMorphCube.gltf");
}

/* ---------------------------------------------------------------- pieces */

/* Fragment shaders compute ints with 16 bits unless told; see shader_text.c. */
static void ints_are_whole(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *text = i ? shader_fragment_text : shader_vertex_text;
		const char *precision = strstr(text, "precision highp int;");
		const char *use = strstr(text, "int i");

		assert_non_null(precision);
		assert_true(!use || precision < use);
	}
}

/* Black and white average to half the light, 188, as colour, and to 128 as data; what is
 * transparent does not colour its neighbour. */
static void mipmaps_average_light(void **state)
{
	const uint8_t in[16] = {0, 0, 0, 255, 255, 255, 255, 255, 0, 0, 0, 255, 255, 255, 255, 255};
	const uint8_t clear[16] = {0, 255, 0, 0, 255, 0, 0, 255, 0, 255, 0, 0, 255, 0, 0, 255};
	uint8_t out[8];

	(void)state;
	gpu_halve(out, in, 2, 2, true);
	assert_true(abs(out[0] - 188) <= 1 && out[3] == 255);
	gpu_halve(out, in, 2, 2, false);
	assert_true(abs(out[0] - 128) <= 1);
	gpu_halve(out, clear, 2, 2, true);
	assert_true(out[0] >= 254 && out[1] == 0 && abs(out[3] - 128) <= 1);
	gpu_halve(out, in, 4, 1, false); /* a line */
	assert_true(abs(out[0] - 128) <= 1);
}

/* Four samples a pixel give edges that are in between. */
static void best_quality_smooths_edges(void **state)
{
	char *text = shapes_cube(SHAPES_UNLIT("0,0,0,1"));
	struct render_camera c = rig_look((float[]){1, 0.7f, 2}, (float[]){0, 0, 0}, 0.9f);
	struct render_options o = {.own = -1, .quality = RENDER_BEST};
	struct render_stats st;
	struct rig_scene s;
	struct rig_frame f;
	int between = 0;

	(void)state;
	rig_open_text(&s, text);
	rig_new_frame(&f, W, H);
	assert_int_equal(render_view_overlay(s.view, &f.f, s.stage, &c, &o, &st), 0);
	rig_save(&f, "best");
	for (int i = 0; i < W * H; i++)
		between += f.f.plane[0][i] > 20 && f.f.plane[0][i] < RIG_BACKGROUND_Y - 4;
	assert_true(between > 100);
	rig_fill_frame(&f);
	o.quality = RENDER_FAST;
	between = 0;
	assert_int_equal(render_view_overlay(s.view, &f.f, s.stage, &c, &o, &st), 0);
	for (int i = 0; i < W * H; i++)
		between += f.f.plane[0][i] > 20 && f.f.plane[0][i] < RIG_BACKGROUND_Y - 4;
	assert_int_equal(between, 0);
	rig_free_frame(&f);
	rig_close(&s);
	free(text);
}

static int end(void **state)
{
	(void)state;
	rig_end();
	return 0;
}

/* ---------------------------------------------------------------- cheap formulas */

#define MATTE(sides, more)                                                                         \
	"{\"doubleSided\":" sides ",\"pbrMetallicRoughness\":{\"metallicFactor\":0" more "}}"
#define MATTE_BOTH(more)                                                                           \
	{                                                                                          \
		MATTE("false", more), MATTE("true", more)                                          \
	}

/* What is matte is lit at its vertices, but for what has two sides: no difference is to be seen, in
 * the light and where it goes down to nothing, with a texture and with a colour alone. */
static void test_lit_at_vertices(void **state)
{
	static const char *const node[] = {
		"{\"mesh\":0,\"scale\":[0.5,0.5,0.5],\"rotation\":[0.2,0.35,0.1,0.9]}",
		"{\"mesh\":0,\"scale\":[0.5,0.5,0.5],\"rotation\":[-0.5,0.1,0.6,0.6]}"};
	static const char *const material[][2] = {MATTE_BOTH(""),
		MATTE_BOTH(",\"baseColorTexture\":{\"index\":0}"),
		MATTE_BOTH(
			",\"baseColorFactor\":[0.5,0.1,0.02,1],\"baseColorTexture\":{\"index\":0}"),
		MATTE_BOTH(",\"baseColorFactor\":[0.2,0.7,0.01,1]")};

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct rig_frame f[2];
		unsigned far = 0, n = 0;

		for (unsigned k = 0; k < 2; k++) {
			const struct shapes sh = {
				1, material[i / 2][k], node[i % 2], 1, SHAPES_IMAGES};

			draw_scene(&sh, &f[k], k ? "matte-pixels" : "matte-vertices");
		}
		for (int y = 0; y < H; y += 2) {
			for (int x = 0; x < W; x += 2) {
				struct rig_rgb a = rig_pixel(&f[0], x, y),
					       b = rig_pixel(&f[1], x, y);

				n += f[1].f.plane[0][y * f[1].f.stride[0] + x] != RIG_BACKGROUND_Y;
				far += !near_to(a, b.r, b.g, b.b, 7);
			}
		}
		assert_true(n > 1500); /* the cube is there */
		if (far * 100 > n) /* an edge's pixel or two */
			fail_msg("material %u: %u of %u pixels differ", i / 2, far, n);
		rig_free_frame(&f[0]);
		rig_free_frame(&f[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(factors_are_linear),
		cmocka_unit_test(texture_corners),
		cmocka_unit_test(texture_times_factor),
		cmocka_unit_test(texture_transform),
		cmocka_unit_test(vertex_colours),
		cmocka_unit_test(mask_cuts),
		cmocka_unit_test(blend_is_sorted),
		cmocka_unit_test(blend_and_depth),
		cmocka_unit_test(back_faces),
		cmocka_unit_test(standard_light_has_a_side),
		cmocka_unit_test(directional_light),
		cmocka_unit_test(point_light_fades),
		cmocka_unit_test(spot_light_has_a_cone),
		cmocka_unit_test(range_ends_a_light),
		cmocka_unit_test(metal_and_roughness),
		cmocka_unit_test(normal_maps),
		cmocka_unit_test(occlusion_and_emission),
		cmocka_unit_test(deformed_by_joints),
		cmocka_unit_test(deformed_by_targets),
		cmocka_unit_test(ints_are_whole),
		cmocka_unit_test(mipmaps_average_light),
		cmocka_unit_test(best_quality_smooths_edges),
		cmocka_unit_test(test_lit_at_vertices),
	};

	return cmocka_run_group_tests_name("shading", tests, NULL, end);
}
