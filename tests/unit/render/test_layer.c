/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blending of a layer onto frames, backgrounds, pictures as PNG: no GL. */
#include "mediad/armf/render/layer.h"
#include "tests/unit/render/rig.h"

#include <errno.h>
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* r, g, b, a not premultiplied */
static void paint(struct layer *l, int x, int y, const uint8_t c[4])
{
	uint8_t *p = l->rgba + ((size_t)y * (size_t)l->w + (size_t)x) * 4;

	for (int i = 0; i < 3; i++)
		p[i] = (uint8_t)((c[i] * c[3] + 127) / 255);
	p[3] = c[3];
}

static void clear(struct layer *l)
{
	memset(l->rgba, 0, (size_t)l->w * (size_t)l->h * 4);
}

static void transparent_changes_nothing(void **state)
{
	struct layer l = {0};
	struct rig_frame f, g;

	(void)state;
	assert_int_equal(layer_resize(&l, 10, 20, 64, 32), 0);
	clear(&l);
	layer_convert(&l);
	rig_new_frame(&f, 128, 96);
	rig_new_frame(&g, 128, 96);
	rig_noise_frame(&f, 1);
	rig_noise_frame(&g, 1);
	layer_blend(&l, &f.f);
	assert_true(rig_same(&f, &g));
	/* also where the row is not skipped as a whole */
	for (int y = 0; y < l.h; y++) {
		paint(&l, 0, y, (const uint8_t[]){0, 0, 0, 255});
		paint(&l, l.w - 1, y, (const uint8_t[]){0, 0, 0, 255});
	}
	layer_convert(&l);
	layer_blend(&l, &f.f);
	for (int y = 0; y < 32; y++)
		assert_memory_equal(
			f.f.plane[0] + (20 + y) * 128 + 11, g.f.plane[0] + (20 + y) * 128 + 11, 62);
	for (int y = 0; y < 16; y++)
		assert_memory_equal(
			f.f.plane[1] + (10 + y) * 64 + 6, g.f.plane[1] + (10 + y) * 64 + 6, 30);
	rig_free_frame(&f);
	rig_free_frame(&g);
	layer_free(&l);
}

static void opaque_replaces(void **state)
{
	struct layer l = {0};
	struct rig_frame f;

	(void)state;
	assert_int_equal(layer_resize(&l, 32, 16, 16, 16), 0);
	for (int i = 0; i < 256; i++)
		paint(&l, i % 16, i / 16, (const uint8_t[]){255, 0, 255, 255});
	layer_convert(&l);
	rig_new_frame(&f, 96, 64);
	rig_noise_frame(&f, 7);
	layer_blend(&l, &f.f);
	for (int y = 16; y < 32; y++) {
		for (int x = 32; x < 48; x++) {
			struct rig_rgb c = rig_pixel(&f, x, y);

			assert_true(c.r > 250 && c.g < 5 && c.b > 250);
		}
	}
	rig_free_frame(&f);
	layer_free(&l);
}

/* Every alpha, against the definition; a step of brightness more or less is rounding. */
static void mixes_by_alpha(void **state)
{
	struct layer l = {0};
	struct rig_frame f;

	(void)state;
	assert_int_equal(layer_resize(&l, 0, 0, 512, 2), 0);
	for (int x = 0; x < 512; x++) {
		paint(&l, x, 0, (const uint8_t[]){200, 100, 50, (uint8_t)(x / 2)});
		paint(&l, x, 1, (const uint8_t[]){200, 100, 50, (uint8_t)(x / 2)});
	}
	layer_convert(&l);
	rig_new_frame(&f, 512, 2);
	layer_blend(&l, &f.f);
	for (int x = 0; x < 512; x++) {
		double a = x / 2 / 255.0, y = 16 + (66 * 200 + 129 * 100 + 25 * 50) / 256.0;
		double u = 128 + (-38 * 200 - 74 * 100 + 112 * 50) / 256.0;

		assert_true(fabs(f.f.plane[0][x] - (y * a + RIG_BACKGROUND_Y * (1 - a))) < 2.5);
		assert_true(
			fabs(f.f.plane[1][x / 2] - (u * a + RIG_BACKGROUND_UV * (1 - a))) < 2.5);
	}
	rig_free_frame(&f);
	layer_free(&l);
}

/* One pixel that is not solid among many that are, at every place of a row. */
static void solid_but_for_one(void **state)
{
	static const uint8_t alpha[] = {0, 1, 127, 254};
	struct layer l = {0};
	struct rig_frame f;

	(void)state;
	assert_int_equal(layer_resize(&l, 4, 0, 102, 2), 0);
	rig_new_frame(&f, 112, 2);
	for (int at = 0; at < 102; at++) {
		uint8_t a = alpha[at % 4];

		rig_fill_frame(&f);
		for (int i = 0; i < 204; i++)
			paint(&l, i % 102, i / 102,
				(const uint8_t[]){20, 20, 20, i % 102 == at ? a : 255});
		layer_convert(&l);
		layer_blend(&l, &f.f);
		for (int x = 0; x < 112; x++) {
			double part = x < 4 || x >= 106 ? 0 : x - 4 == at ? a / 255.0 : 1;
			double want =
				(16 + 220 / 256.0 * 20) * part + RIG_BACKGROUND_Y * (1 - part);

			assert_true(fabs(f.f.plane[0][x] - want) < 2.5);
			assert_int_equal(f.f.plane[0][x], f.f.plane[0][f.f.stride[0] + x]);
		}
	}
	rig_free_frame(&f);
	layer_free(&l);
}

/* Any row: solid runs of any length anywhere, what is between them partly transparent or not there
 * at all. Each sample by its own account, from what the layer holds. */
static void any_rows(void **state)
{
	static const uint8_t alpha[] = {0, 0, 255, 255, 255, 1, 128, 254};
	struct layer l = {0};
	struct rig_frame f, g;
	unsigned seed = 1;

	(void)state;
	rig_new_frame(&f, 130, 40);
	rig_new_frame(&g, 130, 40);
	for (int round = 0; round < 300; round++) {
		int w = 2 + 2 * (round % 50), left = 0;
		uint8_t a = 0;

		assert_int_equal(layer_resize(&l, 10, 8, w, 30), 0);
		for (int i = 0; i < w * 30; i++, left--) {
			if (left <= 0) {
				seed = seed * 1664525u + 1013904223u;
				left = 1 + (int)(seed >> 8) % (seed >> 31 ? 60 : 5);
				a = alpha[seed >> 28 & 7];
			}
			paint(&l, i % w, i / w, (const uint8_t[]){200, 90, (uint8_t)i, a});
		}
		layer_convert(&l);
		rig_noise_frame(&f, (unsigned)round);
		rig_noise_frame(&g, (unsigned)round);
		layer_blend(&l, &f.f);
		for (int i = 0; i < w * 30; i++) {
			size_t at = (size_t)(8 + i / w) * 130 + 10 + (size_t)(i % w);
			double part = 1 - l.alpha[i] / 255.0;

			assert_true(fabs(l.y_plane[i] + (g.f.plane[0][at] - 16) * part -
					    f.f.plane[0][at]) < 1.6);
		}
		for (int i = 0; i < w * 30 / 4; i++) {
			size_t at = (size_t)(4 + i / (w / 2)) * 65 + 5 + (size_t)(i % (w / 2));
			double part = 1 - l.alpha_uv[i] / 255.0;

			assert_true(fabs(l.u_plane[i] + (g.f.plane[1][at] - 128) * part -
					    f.f.plane[1][at]) < 1.6);
			assert_true(fabs(l.v_plane[i] + (g.f.plane[2][at] - 128) * part -
					    f.f.plane[2][at]) < 1.6);
		}
	}
	rig_free_frame(&f);
	rig_free_frame(&g);
	layer_free(&l);
}

/* The last column and row of an odd frame have half a chroma sample. */
static void stays_inside_odd_frames(void **state)
{
	static const int size[][2] = {{33, 17}, {34, 17}, {33, 18}, {2, 2}, {3, 3}};

	(void)state;
	for (size_t i = 0; i < sizeof(size) / sizeof(*size); i++) {
		int w = size[i][0], h = size[i][1], lw = (w + 1) & ~1, lh = (h + 1) & ~1;
		struct layer l = {0};
		struct rig_frame f;

		assert_int_equal(layer_resize(&l, 0, 0, lw, lh), 0);
		for (int k = 0; k < lw * lh; k++)
			paint(&l, k % lw, k / lw, (const uint8_t[]){255, 255, 255, 255});
		layer_convert(&l);
		rig_new_frame(&f, w, h);
		layer_blend(&l, &f.f);
		for (int k = 0; k < w * h; k++)
			assert_int_equal(f.f.plane[0][k], 235);
		rig_free_frame(&f); /* looks at what is around the planes */
		layer_free(&l);
	}
}

static void what_lies_outside_is_left_out(void **state)
{
	struct layer l = {0};
	struct rig_frame f;

	(void)state;
	assert_int_equal(layer_resize(&l, 20, 10, 40, 30), 0);
	for (int k = 0; k < 40 * 30; k++)
		paint(&l, k % 40, k / 40, (const uint8_t[]){255, 255, 255, 255});
	layer_convert(&l);
	rig_new_frame(&f, 33, 17);
	layer_blend(&l, &f.f);
	assert_int_equal(rig_drawn(&f).count, 13 * 7);
	rig_free_frame(&f);
	layer_free(&l);
}

static void rows_are_kept_apart(void **state)
{
	struct layer l = {0};
	struct rig_frame f;
	struct rig_box b;

	(void)state;
	assert_int_equal(layer_resize(&l, 4, 4, 40, 24), 0);
	clear(&l);
	for (int y = 0; y < 24; y++)
		paint(&l, (y * 7) % 40, y, (const uint8_t[]){0, 0, 0, 255});
	layer_convert(&l);
	rig_new_frame(&f, 64, 64);
	layer_blend(&l, &f.f);
	b = rig_drawn(&f);
	assert_int_equal(b.count, 24);
	for (int y = 0; y < 24; y++)
		assert_int_equal(f.f.plane[0][(4 + y) * 64 + 4 + (y * 7) % 40], 16);
	rig_free_frame(&f);
	layer_free(&l);
}

static void backgrounds(void **state)
{
	struct rig_frame f;
	struct rig_rgb c;

	(void)state;
	rig_new_frame(&f, 31, 15);
	frame_fill(&f.f, 0x3060c0);
	for (int i = 0; i < 31 * 15; i++) {
		c = rig_pixel(&f, i % 31, i / 31);
		assert_true(abs(c.r - 0x30) < 5 && abs(c.g - 0x60) < 5 && abs(c.b - 0xc0) < 5);
	}
	rig_free_frame(&f);
}

static void frames_that_are_none(void **state)
{
	struct rig_frame f;
	struct render_frame g;

	(void)state;
	rig_new_frame(&f, 64, 32);
	assert_true(frame_valid(&f.f));
	g = f.f;
	g.plane[2] = NULL;
	assert_false(frame_valid(&g));
	g = f.f;
	g.stride[0] = 63;
	assert_false(frame_valid(&g));
	g = f.f;
	g.stride[1] = 31;
	assert_false(frame_valid(&g));
	g = f.f;
	g.width = RENDER_MAX_SIDE + 1;
	g.stride[0] = g.stride[1] = g.stride[2] = RENDER_MAX_SIDE + 1;
	assert_false(frame_valid(&g));
	g.width = -2;
	assert_false(frame_valid(&g));
	rig_free_frame(&f);
}

static void png_shows_the_frame(void **state)
{
	png_image im = {.version = PNG_IMAGE_VERSION};
	struct rig_frame f;
	struct ar_buf out;
	uint8_t *rgb;

	(void)state;
	rig_new_frame(&f, 70, 50);
	frame_fill(&f.f, 0x3060c0);
	for (int y = 0; y < 50; y++)
		memset(f.f.plane[0] + y * 70, 235, 20); /* brighter on the left */
	ar_buf_init(&out, 1 << 20);
	assert_int_equal(ar_buf_add_str(&out, "before"), 0);
	assert_int_equal(render_png(&f.f, &out), 0);
	assert_memory_equal(out.p, "before\x89PNG", 10);
	assert_true(png_image_begin_read_from_memory(&im, out.p + 6, out.n - 6));
	im.format = PNG_FORMAT_RGB;
	assert_int_equal(im.width, 70);
	assert_int_equal(im.height, 50);
	rgb = malloc(PNG_IMAGE_SIZE(im));
	assert_true(png_image_finish_read(&im, NULL, rgb, 0, NULL));
	assert_true(abs(rgb[60 * 3] - 0x30) < 5 && abs(rgb[60 * 3 + 2] - 0xc0) < 5);
	assert_true(rgb[5 * 3 + 1] > rgb[60 * 3 + 1] + 50);
	free(rgb);
	ar_buf_free(&out);
	ar_buf_init(&out, 100); /* too small for any */
	assert_int_equal(render_png(&f.f, &out), -ENOBUFS);
	ar_buf_free(&out);
	f.f.plane[0] = NULL;
	assert_int_equal(render_png(&f.f, &out), -EINVAL);
	rig_free_frame(&f);
}

/* What is under a layer comes with the macroblocks around it, and not a pixel more; odd sizes too.
 */
static void brings_what_is_under(void **state)
{
	static const int at[][4] = {
		{0, 0, 16, 16}, {18, 34, 4, 2}, {30, 46, 20, 20}, {96, 60, 29, 11}};
	const int w = 125, h = 71;

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct layer l = {.x = at[i][0], .y = at[i][1], .w = at[i][2], .h = at[i][3]};
		int x0 = l.x / 16 * 16, y0 = l.y / 16 * 16;
		int x1 = (l.x + l.w + 15) / 16 * 16, y1 = (l.y + l.h + 15) / 16 * 16;
		struct rig_frame f, under, was;

		rig_new_frame(&f, w, h);
		rig_new_frame(&under, w, h);
		rig_new_frame(&was, w, h);
		rig_noise_frame(&f, 1);
		rig_noise_frame(&was, 1);
		rig_noise_frame(&under, 2);
		layer_bring(&(struct layer){0}, &f.f, &under.f);
		assert_true(rig_same(&f, &was));
		layer_bring(&l, &f.f, &under.f);
		for (int k = 0; k < 3; k++) {
			int sub = k > 0;

			for (int y = 0; y < (h + sub) >> sub; y++) {
				for (int x = 0; x < (w + sub) >> sub; x++) {
					ptrdiff_t p = (ptrdiff_t)y * f.f.stride[k] + x;
					bool in = x << sub >= x0 && x << sub < x1 &&
						  y << sub >= y0 && y << sub < y1;

					assert_int_equal(f.f.plane[k][p],
						(in ? &under : &was)->f.plane[k][p]);
				}
			}
		}
		rig_free_frame(&f);
		rig_free_frame(&under);
		rig_free_frame(&was);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(brings_what_is_under),
		cmocka_unit_test(transparent_changes_nothing),
		cmocka_unit_test(opaque_replaces),
		cmocka_unit_test(mixes_by_alpha),
		cmocka_unit_test(solid_but_for_one),
		cmocka_unit_test(any_rows),
		cmocka_unit_test(stays_inside_odd_frames),
		cmocka_unit_test(what_lies_outside_is_left_out),
		cmocka_unit_test(rows_are_kept_apart),
		cmocka_unit_test(backgrounds),
		cmocka_unit_test(frames_that_are_none),
		cmocka_unit_test(png_shows_the_frame),
	};

	return cmocka_run_group_tests_name("layer", tests, NULL, NULL);
}
