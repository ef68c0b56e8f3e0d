/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PNG through libpng: sizes are checked before anything is allocated, errors never leave by exit.
 */
#include "mediad/armf/gltf/load_internal.h"

#include <png.h>

#define MAX_CHUNK (1u << 20) /* memory for one ancillary chunk */

static void on_error(png_structp png, png_const_charp text)
{
	image_refuse(png_get_error_ptr(png), -EINVAL, "PNG: %s", text);
	png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

static void on_read(png_structp png, png_bytep out, size_t n)
{
	struct bytes *in = png_get_io_ptr(png);

	if (n > in->n)
		png_error(png, "cut off");
	memcpy(out, in->p, n);
	in->p += n;
	in->n -= n;
}

/* Everything becomes 8-bit RGBA; colours stay as stored (glTF 2.0 3.9.2: gamma chunks do not
 * count). */
static void want_rgba(png_structp png, png_infop info)
{
	png_set_expand(png);
	png_set_scale_16(png);
	png_set_gray_to_rgb(png);
	png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
	png_set_interlace_handling(png);
	png_read_update_info(png, info);
}

static int size_ok(struct image_job *j)
{
	if (j->w > j->side || j->h > j->side)
		return image_refuse(
			j, -E2BIG, "%u x %u pixels, the limit is %u", j->w, j->h, j->side);
	if ((size_t)j->w * j->h * 4 > j->room)
		return image_refuse(j, -E2BIG, "%u x %u pixels need more memory than there is left",
			j->w, j->h);
	j->rgba = malloc((size_t)j->w * j->h * 4);
	return j->rgba ? 0 : image_refuse(j, -ENOMEM, "out of memory");
}

/* rows is the caller's, so that it survives the jump. */
static int read_all(struct image_job *j, png_structp png, png_infop info, png_bytep **rows)
{
	int err;

	if (setjmp(png_jmpbuf(png)))
		return -EINVAL;
	png_read_info(png, info);
	j->w = png_get_image_width(png, info);
	j->h = png_get_image_height(png, info);
	err = size_ok(j);
	if (err)
		return err;
	want_rgba(png, info);
	if (png_get_rowbytes(png, info) != (size_t)j->w * 4)
		return image_refuse(j, -EINVAL, "PNG: odd pixel format");
	*rows = malloc(j->h * sizeof(**rows));
	if (!*rows)
		return image_refuse(j, -ENOMEM, "out of memory");
	for (unsigned y = 0; y < j->h; y++)
		(*rows)[y] = j->rgba + (size_t)y * j->w * 4;
	png_read_image(png, *rows);
	return 0;
}

int image_decode_png(struct image_job *j)
{
	struct bytes in = j->in;
	png_bytep *rows = NULL;
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, j, on_error, on_warning);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	int err;

	if (!info) {
		png_destroy_read_struct(&png, NULL, NULL);
		return image_refuse(j, -ENOMEM, "out of memory");
	}
	png_set_read_fn(png, &in, on_read);
	png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* size_ok() looks */
	png_set_chunk_malloc_max(png, MAX_CHUNK);
	png_set_chunk_cache_max(png, 16);
	err = read_all(j, png, info, &rows);
	free(rows);
	png_destroy_read_struct(&png, &info, NULL);
	return err;
}
