/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images by their first bytes, whatever the document calls them; their size without decoding. */
#include "mediad/armf/gltf/load_internal.h"

#include <stdarg.h>
#include <stdio.h>

int image_refuse(struct image_job *j, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(j->why, sizeof(j->why), fmt, ap);
	va_end(ap);
	return err;
}

static bool starts(const struct image_job *j, size_t at, const char *magic, size_t n)
{
	return j->in.n >= at + n && memcmp(j->in.p + at, magic, n) == 0;
}

int image_kind(struct image_job *j, enum image_kind *kind)
{
	if (starts(j, 0, "\x89PNG\r\n\x1a\n", 8))
		*kind = IMAGE_PNG;
	else if (starts(j, 0, "\xff\xd8\xff", 3))
		*kind = IMAGE_JPEG;
	else if (starts(j, 0, "RIFF", 4) && starts(j, 8, "WEBP", 4))
		return image_refuse(j, -EOPNOTSUPP, "WebP is not supported; store PNG or JPEG");
	else if (starts(j, 1, "KTX 20", 6))
		return image_refuse(j, -EOPNOTSUPP, "KTX2 is not supported; store PNG or JPEG");
	else
		return image_refuse(j, -EINVAL, "neither PNG nor JPEG");
	return 0;
}

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static int png_size(struct image_job *j)
{
	const uint8_t *p = j->in.p + 16;

	if (!starts(j, 12, "IHDR", 4) || j->in.n < 33)
		return image_refuse(j, -EINVAL, "PNG: has no header");
	j->w = be16(p) << 16 | be16(p + 2);
	j->h = be16(p + 4) << 16 | be16(p + 6);
	return 0;
}

/* Markers that stand alone, and fill bytes before a marker (ITU-T T.81 B.1.1.2, B.1.1.3). */
static size_t jpeg_step(const uint8_t *p)
{
	if (p[1] == 0xff)
		return 1;
	if (p[1] == 0x01 || (p[1] >= 0xd0 && p[1] <= 0xd8))
		return 2;
	return 2 + be16(p + 2);
}

/* The frame header (B.2.2) stands behind segments that are skipped. */
static int jpeg_size(struct image_job *j)
{
	const uint8_t *p = j->in.p + 2, *end = j->in.p + j->in.n;

	while (end - p >= 9 && p[0] == 0xff) {
		size_t step = jpeg_step(p);

		if (p[1] >= 0xc0 && p[1] <= 0xcf && p[1] != 0xc4 && p[1] != 0xc8 && p[1] != 0xcc) {
			j->h = be16(p + 5);
			j->w = be16(p + 7);
			return 0;
		}
		if ((size_t)(end - p) < step)
			break;
		p += step;
	}
	return image_refuse(j, -EINVAL, "JPEG: has no frame header");
}

int image_measure(struct image_job *j)
{
	enum image_kind kind = IMAGE_PNG;
	int err = image_kind(j, &kind);

	if (!err)
		err = kind == IMAGE_PNG ? png_size(j) : jpeg_size(j);
	if (!err && (j->w == 0 || j->h == 0))
		err = image_refuse(j, -EINVAL, "has no size");
	if (!err && (j->w > j->side || j->h > j->side))
		err = image_refuse(
			j, -E2BIG, "%u x %u pixels, the limit is %u", j->w, j->h, j->side);
	return err;
}
