/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/layer.h"

#include <errno.h>
#include <libyuv.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

int render_png(const struct render_frame *f, struct ar_buf *out)
{
	png_image im;
	png_alloc_size_t n;
	uint8_t *rgb;
	int rc;

	if (!frame_valid(f))
		return -EINVAL;
	memset(&im, 0, sizeof(im));
	im.version = PNG_IMAGE_VERSION;
	im.width = (png_uint_32)f->width;
	im.height = (png_uint_32)f->height;
	im.format = PNG_FORMAT_RGB;
	im.flags = PNG_IMAGE_FLAG_FAST;
	rgb = malloc((size_t)f->width * (size_t)f->height * 3);
	if (!rgb)
		return -ENOMEM;
	I420ToRAW(f->plane[0], f->stride[0], f->plane[1], f->stride[1], f->plane[2], f->stride[2],
		rgb, f->width * 3, f->width, f->height);
	n = PNG_IMAGE_PNG_SIZE_MAX(im);
	n = n < out->max - out->n ? n : out->max - out->n;
	rc = ar_buf_reserve(out, n);
	if (!rc && !png_image_write_to_memory(&im, out->p + out->n, &n, 0, rgb, f->width * 3, NULL))
		rc = -ENOBUFS;
	if (!rc)
		out->n += n;
	free(rgb);
	return rc;
}
