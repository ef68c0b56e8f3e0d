/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PNG and JPEG of every kind become RGBA; too large ones are halved or refused; broken ones
 * refused. */
#include "mediad/armf/gltf/load_internal.h"

#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <turbojpeg.h>
#include <cmocka.h>

struct file {
	uint8_t bytes[400000];
	size_t n;
};
static struct file file;

static void on_write(png_structp png, png_bytep p, size_t n)
{
	struct file *f = png_get_io_ptr(png);

	assert_true(f->n + n <= sizeof(f->bytes));
	memcpy(f->bytes + f->n, p, n);
	f->n += n;
}

/* A pixel is a function of its place, so that any loss of order shows. */
static uint8_t value(unsigned x, unsigned y, unsigned c)
{
	return (uint8_t)(x * 37 + y * 101 + c * 53);
}

static void write_png(unsigned w, unsigned h, int type, int depth, int interlace)
{
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	unsigned bits = depth * (type == PNG_COLOR_TYPE_RGBA         ? 4u
					: type == PNG_COLOR_TYPE_RGB ? 3u
					: type == PNG_COLOR_TYPE_GA  ? 2u
								     : 1u);
	size_t row = (w * bits + 7) / 8;
	uint8_t *all = calloc(h, row);
	png_bytep *rows = calloc(h, sizeof(*rows));
	png_color palette[4] = {{10, 20, 30}, {40, 50, 60}, {70, 80, 90}, {100, 110, 120}};
	png_byte trans[2] = {255, 77};

	file.n = 0;
	png_set_write_fn(png, &file, on_write, NULL);
	png_set_IHDR(png, info, w, h, depth, type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
		PNG_FILTER_TYPE_DEFAULT);
	if (type == PNG_COLOR_TYPE_PALETTE) {
		png_set_PLTE(png, info, palette, 4);
		png_set_tRNS(png, info, trans, 2, NULL);
	}
	for (unsigned y = 0; y < h; y++) {
		rows[y] = all + y * row;
		for (size_t i = 0; i < row; i++)
			rows[y][i] = depth == 8    ? value((unsigned)(i * 8 / bits), y,
							     (unsigned)(i % (bits / 8)))
				     : depth == 16 ? value((unsigned)(i * 8 / bits), y,
							     (unsigned)(i % (bits / 8) / 2))
						   : 0x1b; /* palette entries 0 1 2 3 */
	}
	png_set_rows(png, info, rows);
	png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
	png_destroy_write_struct(&png, &info);
	free(rows);
	free(all);
}

/* What is measured without decoding must be what is decoded. */
static int decode(struct image_job *j, unsigned side, unsigned keep)
{
	struct image_job m = {.in = {file.bytes, file.n}, .side = side};
	int err = image_measure(&m), got;

	*j = (struct image_job){
		.in = {file.bytes, file.n}, .side = side, .keep = keep, .room = 1 << 24};
	got = image_decode(j);
	if (got == 0) {
		assert_int_equal(err, 0);
		assert_true(j->halved || (m.w == j->w && m.h == j->h));
	}
	assert_true(err == 0 || got != 0);
	return got;
}

static void pixel(const struct image_job *j, unsigned x, unsigned y, unsigned r, unsigned g,
	unsigned b, unsigned a)
{
	const uint8_t *p = j->rgba + ((size_t)y * j->w + x) * 4;

	if (p[0] != r || p[1] != g || p[2] != b || p[3] != a)
		fail_msg("pixel %u %u is %u %u %u %u, want %u %u %u %u", x, y, p[0], p[1], p[2],
			p[3], r, g, b, a);
}

static void png_kinds(void **state)
{
	struct image_job j;

	(void)state;
	for (int depth = 8; depth <= 16; depth += 8) {
		for (int lace = 0; lace < 2; lace++) {
			write_png(13, 9, PNG_COLOR_TYPE_RGBA, depth, lace);
			assert_int_equal(decode(&j, 100, 100), 0);
			assert_int_equal(j.w, 13);
			assert_int_equal(j.h, 9);
			pixel(&j, 12, 8, value(12, 8, 0), value(12, 8, 1), value(12, 8, 2),
				value(12, 8, 3));
			free(j.rgba);
			write_png(13, 9, PNG_COLOR_TYPE_RGB, depth, lace);
			assert_int_equal(decode(&j, 100, 100), 0);
			pixel(&j, 5, 7, value(5, 7, 0), value(5, 7, 1), value(5, 7, 2), 255);
			free(j.rgba);
			write_png(13, 9, PNG_COLOR_TYPE_GA, depth, lace);
			assert_int_equal(decode(&j, 100, 100), 0);
			pixel(&j, 3, 2, value(3, 2, 0), value(3, 2, 0), value(3, 2, 0),
				value(3, 2, 1));
			free(j.rgba);
		}
	}
	write_png(13, 9, PNG_COLOR_TYPE_GRAY, 8, 0);
	assert_int_equal(decode(&j, 100, 100), 0);
	pixel(&j, 3, 2, value(3, 2, 0), value(3, 2, 0), value(3, 2, 0), 255);
	free(j.rgba);
	write_png(13, 9, PNG_COLOR_TYPE_GRAY, 1, 0);
	assert_int_equal(decode(&j, 100, 100), 0);
	pixel(&j, 0, 0, 0, 0, 0, 255);
	pixel(&j, 3, 0, 255, 255, 255, 255);
	free(j.rgba);
	write_png(13, 9, PNG_COLOR_TYPE_PALETTE, 2, 0);
	assert_int_equal(decode(&j, 100, 100), 0);
	pixel(&j, 0, 0, 10, 20, 30, 255);
	pixel(&j, 1, 0, 40, 50, 60, 77);
	pixel(&j, 3, 0, 100, 110, 120, 255);
	free(j.rgba);
}

static void halving(void **state)
{
	struct image_job j;

	(void)state;
	write_png(13, 9, PNG_COLOR_TYPE_RGB, 8, 0);
	assert_int_equal(decode(&j, 100, 6), 0);
	assert_int_equal(j.w, 6);
	assert_int_equal(j.h, 4);
	assert_true(j.halved);
	for (unsigned c = 0; c < 3; c++) {
		unsigned sum = value(2, 4, c) + value(3, 4, c) + value(2, 5, c) + value(3, 5, c);

		assert_in_range(
			j.rgba[(2 * 6 + 1) * 4 + c], sum / 4 ? sum / 4 - 1 : 0, sum / 4 + 1);
	}
	free(j.rgba);
	assert_int_equal(decode(&j, 100, 1), 0);
	assert_int_equal(j.w * j.h, 1);
	free(j.rgba);
	write_png(64, 1, PNG_COLOR_TYPE_GRAY, 8, 0);
	assert_int_equal(decode(&j, 100, 8), 0);
	assert_int_equal(j.w, 8);
	assert_int_equal(j.h, 1);
	free(j.rgba);
}

/* What nobody sees through must not darken what is seen. */
static void halving_weighs_by_alpha(void **state)
{
	struct image_job j;
	const uint8_t *p;

	(void)state;
	write_png(4, 4, PNG_COLOR_TYPE_PALETTE, 2, 0);
	assert_int_equal(decode(&j, 100, 2), 0);
	p = j.rgba; /* two of (10 20 30 255), two of (40 50 60 77) */
	assert_in_range(p[0], 16, 18);
	assert_int_equal(p[3], 166);
	free(j.rgba);
}

static void limits(void **state)
{
	struct image_job j;

	(void)state;
	write_png(20, 10, PNG_COLOR_TYPE_RGB, 8, 0);
	assert_int_equal(decode(&j, 19, 100), -E2BIG);
	assert_non_null(strstr(j.why, "20 x 10 pixels, the limit is 19"));
	assert_null(j.rgba);
	j = (struct image_job){
		.in = {file.bytes, file.n}, .side = 100, .keep = 100, .room = 20 * 10 * 4 - 1};
	assert_int_equal(image_decode(&j), -E2BIG);
	j.room++;
	assert_int_equal(image_decode(&j), 0);
	free(j.rgba);
}

/* ---------------------------------------------------------------- JPEG */

static void write_jpeg(unsigned w, unsigned h, int sub, bool progressive)
{
	tjhandle t = tjInitCompress();
	uint8_t *rgb = malloc((size_t)w * h * 3), *out = NULL;
	unsigned long n = 0;

	for (unsigned y = 0; y < h; y++) {
		for (unsigned x = 0; x < w; x++) {
			uint8_t *p = rgb + ((size_t)y * w + x) * 3;

			p[0] = x < w / 2 ? 200 : 20;
			p[1] = y < h / 2 ? 180 : 40;
			p[2] = 100;
		}
	}
	assert_int_equal(
		tjCompress2(t, rgb, (int)w, 0, (int)h, sub == TJSAMP_GRAY ? TJPF_RGB : TJPF_RGB,
			&out, &n, sub, 95, progressive ? TJFLAG_PROGRESSIVE : 0),
		0);
	assert_true(n <= sizeof(file.bytes));
	memcpy(file.bytes, out, n);
	file.n = n;
	tjFree(out);
	tjDestroy(t);
	free(rgb);
}

static void jpeg_kinds(void **state)
{
	static const int subs[] = {TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_GRAY};
	struct image_job j;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		const uint8_t *p;

		write_jpeg(70, 50, subs[i / 2], i % 2);
		assert_int_equal(decode(&j, 100, 100), 0);
		assert_int_equal(j.w, 70);
		assert_int_equal(j.h, 50);
		assert_false(j.halved);
		p = j.rgba + (10 * 70 + 10) * 4;
		if (subs[i / 2] != TJSAMP_GRAY) {
			assert_in_range(p[0], 192, 208);
			assert_in_range(p[1], 172, 188);
			assert_in_range(p[2], 92, 108);
		}
		assert_int_equal(p[3], 255);
		free(j.rgba);
	}
}

static void jpeg_halving_and_limits(void **state)
{
	struct image_job j;

	(void)state;
	write_jpeg(301, 100, TJSAMP_420, false);
	assert_int_equal(decode(&j, 400, 100), 0);
	assert_int_equal(j.w, 76); /* a quarter, rounded up */
	assert_int_equal(j.h, 25);
	assert_true(j.halved);
	free(j.rgba);
	assert_int_equal(decode(&j, 400, 10), 0); /* more than an eighth */
	assert_true(j.w <= 10 && j.h <= 10);
	free(j.rgba);
	assert_int_equal(decode(&j, 300, 100), -E2BIG);
	assert_non_null(strstr(j.why, "301 x 100 pixels, the limit is 300"));
}

/* ---------------------------------------------------------------- broken */

static void cut_anywhere(void **state)
{
	struct image_job j;
	size_t whole;

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		if (k == 0)
			write_png(20, 20, PNG_COLOR_TYPE_RGBA, 8, 1);
		else
			write_jpeg(40, 40, TJSAMP_420, k == 2);
		whole = file.n;
		for (size_t n = 0; n + 30 < whole; n++) {
			uint8_t *exact = malloc(n + 1);

			memcpy(exact, file.bytes, n);
			j = (struct image_job){
				.in = {exact, n}, .side = 100, .keep = 100, .room = 1 << 20};
			assert_int_equal(image_decode(&j), -EINVAL);
			assert_true(j.why[0] != '\0');
			assert_null(j.rgba);
			free(exact);
		}
	}
}

static void any_byte_changed(void **state)
{
	struct image_job j;
	unsigned refused = 0;

	(void)state;
	srand(3);
	for (unsigned k = 0; k < 4000; k++) {
		if (k % 2)
			write_png(16, 8, PNG_COLOR_TYPE_PALETTE, 2, 0);
		else if (k % 500 == 0)
			write_jpeg(24, 24, TJSAMP_420, k % 1000 == 0);
		if (k % 2 == 0 && k % 500)
			continue;
		for (unsigned i = 0; i < 3; i++)
			file.bytes[(unsigned)rand() % file.n] = (uint8_t)rand();
		if (decode(&j, 4096, 64) == 0)
			free(j.rgba);
		else
			refused++;
	}
	assert_true(refused > 0);
}

static void other_formats_are_named(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int err;
		const char *why;
	} rows[] = {{"RIFF....WEBPVP8 ", 16, -EOPNOTSUPP, "WebP"},
		{"\xabKTX 20\xbb\r\n", 10, -EOPNOTSUPP, "KTX2"},
		{"GIF89a", 6, -EINVAL, "neither PNG nor JPEG"}, {"", 0, -EINVAL, "neither"},
		{"\x89PNG\r\n\x1a\n", 8, -EINVAL, "PNG: "},
		{"\xff\xd8\xff\xd9", 4, -EINVAL, "JPEG: "}};
	struct image_job j;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		memcpy(file.bytes, rows[i].bytes, rows[i].n);
		file.n = rows[i].n;
		assert_int_equal(decode(&j, 100, 100), rows[i].err);
		assert_non_null(strstr(j.why, rows[i].why));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(png_kinds),
		cmocka_unit_test(halving),
		cmocka_unit_test(halving_weighs_by_alpha),
		cmocka_unit_test(limits),
		cmocka_unit_test(jpeg_kinds),
		cmocka_unit_test(jpeg_halving_and_limits),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(any_byte_changed),
		cmocka_unit_test(other_formats_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
