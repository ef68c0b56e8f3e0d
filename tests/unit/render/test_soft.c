/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drawing without GL: its triangles against a slow account of what they should be, and its pictures
 * against those of GL. */
#include "mediad/armf/render/render_int.h"
#include "mediad/armf/render/soft_int.h"
#include "tests/unit/render/rig.h"
#include "tests/unit/render/shapes.h"

#include <GLES3/gl3.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define W 96
#define H 80
#define SLACK SOFT_LANES

static uint32_t pixel[W * H + SLACK];
static float depth[W * H + SLACK];
static struct soft_row row[H];
static struct soft_target target = {pixel, depth, row, W, H, NULL};

static void wipe(void)
{
	memset(pixel, 0, sizeof(pixel));
	memset(depth, 0, sizeof(depth));
	soft_begin(&target);
}

static uint32_t next_random(void)
{
	static uint32_t state = 12345;

	state = state * 1664525u + 1013904223u;
	return state >> 8;
}

static int between(int low, int high)
{
	return low + (int)(next_random() % (unsigned)(high - low + 1));
}

/* ---------------------------------------------------------------- which pixels */

static struct soft_corner corner_at(double x, double y)
{
	return (struct soft_corner){.x = (int32_t)lrint(x * SOFT_ONE),
		.y = (int32_t)lrint(y * SOFT_ONE),
		.i = 1,
		.light = {1, 1, 1}};
}

static void new_white(struct soft_texture *t)
{
	static const uint8_t texel[4] = {255, 255, 255, 255};
	const struct model_image im = {.w = 1, .h = 1, .rgba = texel};

	assert_int_equal(soft_texture_new(t, &im, GL_REPEAT, GL_REPEAT), 0);
}

static void draw(const struct soft_corner *a, const struct soft_corner *b,
	const struct soft_corner *c, const struct soft_texture *t)
{
	soft_triangle(&target, (const struct soft_corner *const[]){a, b, c}, t, t->nlevel);
}

/* Triangles around a point in the middle, with both windings: each pixel of the whole picture is
 * in exactly one of them. */
static void neighbours_share_no_pixel(void **state)
{
	static uint8_t times[W * H];
	struct soft_corner rim[8], middle;
	struct soft_texture white;

	(void)state;
	new_white(&white);
	for (int round = 0; round < 60; round++) {
		double mx = round ? between(1, W * 16 - 16) / 16.0 : W / 2.0;
		double my = round ? between(1, H * 16 - 16) / 16.0 : H / 2.0 + 0.5;

		memset(times, 0, sizeof(times));
		middle = corner_at(mx, my);
		rim[0] = corner_at(-3, -3);
		rim[1] = corner_at(between(0, W * 4) / 4.0, -3);
		rim[2] = corner_at(W + 3, -3);
		rim[3] = corner_at(W + 3, between(0, H * 4) / 4.0);
		rim[4] = corner_at(W + 3, H + 3);
		rim[5] = corner_at(between(0, W * 4) / 4.0, H + 3);
		rim[6] = corner_at(-3, H + 3);
		rim[7] = corner_at(-3, between(0, H * 4) / 4.0);
		for (int k = 0; k < 8; k++) {
			const struct soft_corner *next = &rim[(k + 1) % 8];

			wipe();
			draw(&middle, k & 1 ? next : &rim[k], k & 1 ? &rim[k] : next, &white);
			for (int i = 0; i < W * H; i++)
				times[i] += depth[i] > 0;
		}
		for (int i = 0; i < W * H; i++)
			assert_int_equal(times[i], 1);
	}
	soft_texture_free(&white);
}

/* A pixel belongs to a triangle whose inside its middle is in. */
static void middles_decide(void **state)
{
	struct soft_corner a = corner_at(10.5, 10.5), b = corner_at(20.5, 10.5),
			   c = corner_at(10.5, 20.5);
	struct soft_texture white;
	int n = 0;

	(void)state;
	new_white(&white);
	wipe();
	draw(&a, &b, &c, &white);
	assert_int_equal(pixel[10 * W + 10], 0xffffffff); /* on a left and an upper edge */
	assert_int_equal(pixel[10 * W + 9], 0);
	assert_int_equal(pixel[9 * W + 10], 0);
	assert_int_equal(pixel[10 * W + 20], 0);
	assert_int_equal(pixel[15 * W + 15], 0); /* on the third one, a right edge */
	assert_int_equal(pixel[15 * W + 14], 0xffffffff);
	for (int i = 0; i < W * H; i++)
		n += pixel[i] != 0;
	assert_int_equal(n, 55);
	c = corner_at(10.5, 0.5); /* upside down: the edge belongs to the one below */
	wipe();
	draw(&a, &b, &c, &white);
	assert_int_equal(pixel[10 * W + 12], 0);
	assert_int_equal(pixel[9 * W + 10], 0xffffffff);
	assert_int_equal(pixel[1 * W + 10], 0xffffffff);
	c = corner_at(30.5, 10.5); /* on one line */
	wipe();
	draw(&a, &b, &c, &white);
	for (int i = 0; i < W * H; i++)
		assert_int_equal(pixel[i], 0);
	soft_texture_free(&white);
}

/* The nearer one stays, whichever comes first; of two as near the second. */
static void nearer_wins(void **state)
{
	struct soft_corner k[2][3];
	struct soft_texture white;

	(void)state;
	new_white(&white);
	for (int order = 0; order < 2; order++) {
		wipe();
		for (int n = 0; n < 2; n++) {
			int t = n ^ order;

			k[t][0] = corner_at(0, 0);
			k[t][1] = corner_at(W, 0);
			k[t][2] = corner_at(0, H);
			for (int i = 0; i < 3; i++) {
				float near = t ? 2.0f : 1.0f;

				k[t][i].i = near;
				for (int c = 0; c < 3; c++)
					k[t][i].light[c] = t ? 0.5f : 1;
			}
			draw(&k[t][0], &k[t][1], &k[t][2], &white);
		}
		/* (255 + 14) / 2 - 14 */
		assert_in_range(pixel[5 * W + 5] & 255, 119, 122);
	}
	soft_texture_free(&white);
}

/* ---------------------------------------------------------------- their colours */

#define TEXELS 16

/* Changes little from texel to texel, also where it is repeated. */
static double wave(int x, int y, int c)
{
	double a = 2 * M_PI * x / TEXELS, b = 2 * M_PI * y / TEXELS;

	return 128 + 100 * (c == 0 ? sin(a) : c == 1 ? cos(b) : sin(a + 1) * sin(b));
}

static void new_waves(struct soft_texture *t, uint16_t wrap)
{
	static uint8_t rgba[TEXELS * TEXELS * 4];
	const struct model_image im = {.w = TEXELS, .h = TEXELS, .rgba = rgba};

	for (int i = 0; i < TEXELS * TEXELS; i++) {
		for (int c = 0; c < 4; c++)
			rgba[i * 4 + c] =
				c == 3 ? 255 : (uint8_t)lrint(wave(i % TEXELS, i / TEXELS, c));
	}
	assert_int_equal(soft_texture_new(t, &im, wrap, wrap), 0);
}

/* As OpenGL ES 3.0 has it, 3.8.9 and 3.8.10. */
static int wrapped(int i, uint16_t mode)
{
	int n = ((i % (2 * TEXELS)) + 2 * TEXELS) % (2 * TEXELS);

	if (mode == GL_REPEAT)
		return n % TEXELS;
	if (mode == GL_MIRRORED_REPEAT)
		return n < TEXELS ? n : 2 * TEXELS - 1 - n;
	return i < 0 ? 0 : i >= TEXELS ? TEXELS - 1 : i;
}

static double sample(double u, double v, int c, uint16_t mode)
{
	double x = u * TEXELS - 0.5, y = v * TEXELS - 0.5, sum = 0;
	int x0 = (int)floor(x), y0 = (int)floor(y);

	for (int k = 0; k < 4; k++) {
		double part = (k & 1 ? x - x0 : 1 - x + x0) * (k & 2 ? y - y0 : 1 - y + y0);

		sum += part * wave(wrapped(x0 + (k & 1), mode), wrapped(y0 + (k >> 1), mode), c);
	}
	return sum;
}

struct vertex {
	double x, y, w, u, v, light;
};

static struct soft_corner corner_of(const struct vertex *a)
{
	struct soft_corner c = corner_at(a->x, a->y);

	c.i = (float)(1 / a->w);
	c.u = (float)a->u;
	c.v = (float)a->v;
	for (int k = 0; k < 3; k++)
		c.light[k] = (float)a->light;
	return c;
}

/* The same by barycentric coordinates: 1 / w, u / w, v / w, light / w. */
static void weigh(const struct vertex t[3], double x, double y, double out[4])
{
	double det = (t[1].x - t[0].x) * (t[2].y - t[0].y) - (t[2].x - t[0].x) * (t[1].y - t[0].y);
	double b = ((x - t[0].x) * (t[2].y - t[0].y) - (t[2].x - t[0].x) * (y - t[0].y)) / det;
	double c = ((t[1].x - t[0].x) * (y - t[0].y) - (x - t[0].x) * (t[1].y - t[0].y)) / det;
	double part[3] = {1 - b - c, b, c};

	memset(out, 0, 4 * sizeof(*out));
	for (int k = 0; k < 3; k++) {
		double p = part[k] / t[k].w;

		out[0] += p;
		out[1] += p * t[k].u;
		out[2] += p * t[k].v;
		out[3] += p * t[k].light;
	}
}

/* An eighth to a quarter of a texel, of which two neighbours differ by 39 at most, and rounding. */
#define TOLERANCE 14

static void check_colours(const struct vertex t[3], uint16_t mode)
{
	unsigned seen = 0;

	for (int i = 0; i < W * H; i++) {
		double p[4];

		if (depth[i] <= 0)
			continue;
		seen++;
		weigh(t, i % W + 0.5, i / W + 0.5, p);
		assert_true(fabs(depth[i] / p[0] - 1) < 0.01);
		for (int c = 0; c < 3; c++) {
			uint8_t got = (uint8_t)(pixel[i] >> 8 * c);
			double light = fmin(p[3] / p[0], SOFT_MAX_LIGHT);
			double want = sample(p[1] / p[0], p[2] / p[0], c, mode);

			want = fmin(fmax((want + 14.025) * light - 14.025, 0), 255);
			if (fabs(got - want) > TOLERANCE * fmax(light, 1))
				fail_msg("%d, %d: %d instead of %.1f, wrap 0x%x", i % W, i / W, got,
					want, mode);
		}
		assert_int_equal(pixel[i] >> 24, 255);
	}
	assert_in_range(seen, 500, W * H);
}

static void textures_are_wrapped_and_in_perspective(void **state)
{
	static const uint16_t modes[] = {GL_REPEAT, GL_MIRRORED_REPEAT, GL_CLAMP_TO_EDGE};
	static const struct vertex shapes[][3] = {
		{{2, 3, 1, -1.3, -0.7, 1}, {94, 8, 1, 2.4, -0.2, 1}, {30, 78, 1, 0.5, 2.6, 1}},
		{{2, 3, 1, 0.1, 0.2, 1}, {94, 8, 6, 1.9, 0.3, 1}, {30, 78, 2, 0.5, 1.6, 1}},
		{{2, 3, 9, -3, 0, 0.2}, {94, 8, 1, 0.4, 0, 1.7}, {30, 78, 3, 0.5, 1, 0.9}},
		{{-300, 3, 1, 0.1, 0.2, 1}, {400, -90, 2, 5, 1, 0}, {30, 300, 1, 0.5, 6, 1}}};
	struct soft_texture waves;

	(void)state;
	for (size_t m = 0; m < 3; m++) {
		new_waves(&waves, modes[m]);
		for (size_t n = 0; n < sizeof(shapes) / sizeof(*shapes); n++) {
			const struct vertex *t = shapes[n];
			struct soft_corner a = corner_of(&t[0]), b = corner_of(&t[1]),
					   c = corner_of(&t[2]);

			wipe();
			soft_triangle(&target, (const struct soft_corner *const[]){&a, &b, &c},
				&waves, 1);
			check_colours(t, modes[m]);
		}
		soft_texture_free(&waves);
	}
}

/* Seen from far away a texture is its mean, not some of its texels. */
static void small_pictures_are_averaged(void **state)
{
	static uint8_t rgba[64 * 64 * 4];
	const struct model_image im = {.w = 64, .h = 64, .rgba = rgba};
	struct soft_corner k[3] = {corner_at(0, 0), corner_at(W, 0), corner_at(0, H)};
	struct soft_texture t;

	(void)state;
	for (int i = 0; i < 64 * 64; i++)
		memset(rgba + (size_t)i * 4, (i ^ i / 64) & 1 ? 255 : 0, 3), rgba[i * 4 + 3] = 255;
	assert_int_equal(soft_texture_new(&t, &im, GL_REPEAT, GL_REPEAT), 0);
	assert_int_equal(t.nlevel, 7);
	k[1].u = 20;
	k[2].v = 20;
	wipe();
	draw(&k[0], &k[1], &k[2], &t);
	for (int i = 0; i < W * H; i++) {
		if (depth[i] > 0) /* half of the light */
			assert_in_range(pixel[i] & 255, 184, 192);
	}
	soft_texture_free(&t);
}

/* Corners anywhere, of any depth, however thin: nothing beyond the picture is touched. That no
 * texel beyond the texture is read the sanitizers see. */
static void any_triangle_stays_inside(void **state)
{
	struct soft_texture waves;

	(void)state;
	new_waves(&waves, GL_MIRRORED_REPEAT);
	for (int round = 0; round < 4000; round++) {
		int reach = round % 4 ? 40 : SOFT_SIDE - 200;
		struct soft_corner k[3];

		if (round % 500 == 0)
			wipe();
		for (int n = 0; n < 3; n++) {
			k[n] = corner_at(between(-reach, W + reach) + between(0, 255) / 256.0,
				between(-reach, H + reach) + between(0, 255) / 256.0);
			k[n].i = (float)exp2(between(-10, 13));
			k[n].u = (float)between(-999, 999);
			k[n].v = (float)between(-999, 999);
			for (int c = 0; c < 3; c++)
				k[n].light[c] = (float)between(0, 50);
		}
		draw(&k[0], &k[1], &k[2], &waves);
		for (int i = 0; i < SLACK; i++)
			assert_int_equal(pixel[W * H + i], 0);
	}
	soft_texture_free(&waves);
}

static struct soft_corner random_corner(int left, int right)
{
	struct soft_corner k = corner_at(between(left, right) + between(0, 255) / 256.0,
		between(-10, H + 10) + between(0, 255) / 256.0);

	k.i = (float)between(1, 40) / 10;
	k.u = (float)between(-20, 20) / 10;
	k.v = (float)between(-20, 20) / 10;
	for (int c = 0; c < 3; c++)
		k.light[c] = (float)between(0, 30) / 10;
	return k;
}

/* A triangle alone, put onto what there was before it. */
static void merge(uint32_t *all, float *nearest)
{
	for (int i = 0; i < W * H; i++) {
		if (depth[i] > 0 && depth[i] >= nearest[i]) {
			all[i] = pixel[i];
			nearest[i] = depth[i];
		}
	}
}

/* Apart, side by side, one over the other: nothing is cleared beforehand, and yet together they are
 * what each of them is alone. */
static void rows_grow_as_they_are_drawn(void **state)
{
	static uint32_t all[W * H];
	static float nearest[W * H];
	struct soft_texture waves;

	(void)state;
	new_waves(&waves, GL_REPEAT);
	for (int round = 0; round < 200; round++) {
		struct soft_corner k[6][3];
		int n = between(1, 6);

		memset(all, 0, sizeof(all));
		memset(nearest, 0, sizeof(nearest));
		for (int i = 0; i < n; i++) {
			int left = between(-20, W);

			for (int c = 0; c < 3; c++)
				k[i][c] = i && c && round % 2
						  ? k[i - 1][c]
						  : random_corner(left, left + between(1, W));
			wipe();
			draw(&k[i][0], &k[i][1], &k[i][2], &waves);
			merge(all, nearest);
		}
		memset(pixel, 0x55, sizeof(pixel));
		memset(depth, 0x7f, sizeof(depth));
		soft_begin(&target);
		for (int i = 0; i < n; i++)
			draw(&k[i][0], &k[i][1], &k[i][2], &waves);
		soft_end(&target);
		assert_memory_equal(pixel, all, sizeof(all));
	}
	soft_texture_free(&waves);
}

/* ---------------------------------------------------------------- whole pictures */

#define PW 480
#define PH 360

/* The four quarters of SHAPES_IMAGES, smoothed. */
#define SMOOTH_IMAGE                                                                               \
	",\"samplers\":[{\"magFilter\":9729,\"minFilter\":9987}],"                                 \
	"\"textures\":[{\"source\":0,\"sampler\":0}],\"images\":[{\"uri\":\"data:image/"           \
	"png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAH0lEQVR4"                      \
	"2mP4z8CAFTH8JxGNaqBIAy4ZXGBUA000AAA7Tn6QjZ9E4gAAAABJRU5ErkJggg==\"}]"
#define MATTE_IMAGE                                                                                \
	"{\"pbrMetallicRoughness\":{\"metallicFactor\":0,\"roughnessFactor\":1,"                   \
	"\"baseColorTexture\":{\"index\":0}}}"
#define MATTE_BLUE                                                                                 \
	"{\"pbrMetallicRoughness\":{\"metallicFactor\":0,\"roughnessFactor\":1,"                   \
	"\"baseColorFactor\":[0.1,0.2,0.7,1]}}"

/* Two cubes that go through each other, and a square that turns its back. */
#define NODES                                                                                      \
	"{\"mesh\":0,\"rotation\":[0.2,0.3,0.1,0.927]},"                                           \
	"{\"mesh\":2,\"translation\":[0.5,0.3,0.2],\"scale\":[-0.8,0.9,0.7]},"                     \
	"{\"mesh\":1,\"translation\":[-0.8,0.2,0.3],\"rotation\":[0,1,0,0]}"

/* By GL, or as calls have it; returns the layers drawn without GL. */
static uint64_t draw_with(
	const char *gltf, const struct render_camera *c, bool gl, struct rig_frame *f)
{
	struct render_conf conf = {.device = -1};
	const struct render_options opt = {.own = -1};
	struct model_source source = {.bytes = {gltf, strlen(gltf)}};
	struct render_totals totals;
	struct render_stats st;
	struct render_view *v;
	struct render *r;
	struct model *m;
	struct stage *stage;

	assert_int_equal(render_new(&r, &conf, NULL), 0);
	assert_int_equal(model_load(&m, &source, NULL), 0);
	assert_int_equal(stage_new(&stage, m), 0);
	(void)stage_evaluate(stage);
	assert_int_equal(render_view_new(&v, r, NULL), 0);
	assert_int_equal(render_view_load(v, m, NULL), 0);
	v->rehearsing = gl;
	rig_new_frame(f, PW, PH);
	rig_fill_frame(f);
	assert_int_equal(render_view_overlay(v, &f->f, stage, c, &opt, &st), 0);
	render_view_get_totals(v, &totals);
	render_view_free(v);
	stage_free(stage);
	model_unref(m);
	render_free(r);
	return totals.plain;
}

static struct render_camera camera_at(float distance)
{
	const float from[3] = {0.2f * distance, 0.3f * distance, distance};

	return rig_look(from, (float[]){0.1f, 0.1f, 0}, 0.8f);
}

#define OTHER(props)                                                                               \
	"{" props "\"pbrMetallicRoughness\":{\"metallicFactor\":0,\"roughnessFactor\":1}}"

/* Differences of brightness: nowhere but along edges are they more than a few steps. */
static void compare_pictures(const char *materials, const char *nodes, unsigned n)
{
	const struct shapes sh = {2, materials, nodes, n, SMOOTH_IMAGE};
	struct render_camera c = camera_at(3);
	char *text = shapes_gltf(&sh);
	struct rig_frame a, b;
	unsigned far = 0, drawn = 0;
	double sum = 0;

	assert_int_equal(draw_with(text, &c, true, &a), 0);
	assert_int_equal(draw_with(text, &c, false, &b), 1);
	rig_save(&a, "soft-gl");
	rig_save(&b, "soft-own");
	for (int i = 0; i < PW * PH; i++) {
		int d = abs(a.f.plane[0][i] - b.f.plane[0][i]);

		drawn += a.f.plane[0][i] != RIG_BACKGROUND_Y;
		far += d > 12;
		sum += d;
	}
	assert_in_range(drawn, 20000, PW * PH);
	assert_in_range(far, 0, drawn / 100);
	assert_true(sum / drawn < 4);
	rig_free_frame(&a);
	rig_free_frame(&b);
	free(text);
}

static void same_picture_as_gl(void **state)
{
	(void)state;
	compare_pictures(MATTE_IMAGE "," MATTE_BLUE, NODES, 3);
}

/* Squares of which one shows its front, one its back, and one that mirrors shows its front. */
static void both_sides_as_gl(void **state)
{
	(void)state;
	compare_pictures(OTHER("\"doubleSided\":true,") "," OTHER("\"doubleSided\":true,"),
		"{\"mesh\":1,\"translation\":[-0.8,0,0],\"rotation\":[0,0.2,0,0.98]},"
		"{\"mesh\":1,\"translation\":[0.3,0.1,0.1],\"rotation\":[0.2,0.95,0,0.2]},"
		"{\"mesh\":1,\"translation\":[0.3,-0.6,0.3],\"scale\":[-1,1,1]}",
		3);
}

/* What it does not know it leaves to GL, as a whole. */
static void the_rest_is_gls(void **state)
{
	static const struct {
		const char *material, *nodes, *more;
		float distance;
		uint64_t plain;
	} cases[] = {{SHAPES_MATTE, "{\"mesh\":0}", NULL, 3, 1},
		{SHAPES_MAGENTA, "{\"mesh\":0}", NULL, 3, 1},
		{SHAPES_MATTE, "{\"mesh\":0}", NULL, 0.56f, 0}, /* through the near plane */
		{SHAPES_MATTE, "{\"mesh\":2}", NULL, 3, 0}, /* colours by vertex */
		{OTHER("\"alphaMode\":\"BLEND\","), "{\"mesh\":0}", NULL, 3, 0},
		{OTHER("\"alphaMode\":\"MASK\","), "{\"mesh\":0}", NULL, 3, 0},
		{OTHER("\"doubleSided\":true,"), "{\"mesh\":0}", NULL, 3, 1},
		{OTHER("\"emissiveFactor\":[0,1,0],"), "{\"mesh\":0}", NULL, 3, 0},
		{"{" SHAPES_METAL "}", "{\"mesh\":0}", NULL, 3, 0},
		{SHAPES_UNLIT_IMAGE("0"), "{\"mesh\":0}", SHAPES_IMAGES, 3, 0}, /* not smoothed */
		{SHAPES_UNLIT_IMAGE("0"), "{\"mesh\":0}", SMOOTH_IMAGE, 3, 1}};
	struct rig_frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct shapes sh = {1, cases[i].material, cases[i].nodes, 1, cases[i].more};
		struct render_camera c = camera_at(cases[i].distance);
		char *text = shapes_gltf(&sh);
		uint64_t plain = draw_with(text, &c, false, &f);

		if (plain != cases[i].plain)
			fail_msg("case %zu: %d without GL", i, (int)plain);
		assert_in_range(rig_drawn(&f).count, 5000, PW * PH);
		rig_free_frame(&f);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_share_no_pixel),
		cmocka_unit_test(middles_decide),
		cmocka_unit_test(nearer_wins),
		cmocka_unit_test(textures_are_wrapped_and_in_perspective),
		cmocka_unit_test(small_pictures_are_averaged),
		cmocka_unit_test(any_triangle_stays_inside),
		cmocka_unit_test(rows_grow_as_they_are_drawn),
	};
	const struct CMUnitTest pictures[] = {
		cmocka_unit_test(same_picture_as_gl),
		cmocka_unit_test(both_sides_as_gl),
		cmocka_unit_test(the_rest_is_gls),
	};
	const struct soft_pixels *p;
	int rc = 0;

	for (unsigned at = 0; (p = soft_pixels_get(at)) && !rc; at++) {
		print_message("pixels: %s\n", p->name);
		target.draw = p->draw;
		rc = cmocka_run_group_tests(tests, NULL, NULL);
	}
	if (!rc)
		rc = cmocka_run_group_tests(pictures, NULL, NULL);

	rig_end();
	return rc;
}
