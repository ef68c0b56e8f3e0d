/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JPEG through TurboJPEG, which can decode at a half, a quarter or an eighth of the size. */
#include "mediad/armf/gltf/load_internal.h"

#include <turbojpeg.h>

/* Progressive files may have very many scans and each costs a pass over the image: limited. */
#define FLAGS (TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS)

static int at_size(struct image_job *j, tjhandle h, int w, int ht)
{
	unsigned down = 1;

	if (w < 1 || ht < 1)
		return image_refuse(j, -EINVAL, "JPEG: no size");
	if ((unsigned)w > j->side || (unsigned)ht > j->side)
		return image_refuse(j, -E2BIG, "%d x %d pixels, the limit is %u", w, ht, j->side);
	while (down < 8 && ((unsigned)w / down > j->keep || (unsigned)ht / down > j->keep))
		down *= 2;
	j->w = ((unsigned)w + down - 1) / down;
	j->h = ((unsigned)ht + down - 1) / down;
	j->halved = down > 1;
	if ((size_t)j->w * j->h * 4 > j->room)
		return image_refuse(
			j, -E2BIG, "%d x %d pixels need more memory than there is left", w, ht);
	j->rgba = malloc((size_t)j->w * j->h * 4);
	if (!j->rgba)
		return image_refuse(j, -ENOMEM, "out of memory");
	if (tjDecompress2(
		    h, j->in.p, j->in.n, j->rgba, (int)j->w, 0, (int)j->h, TJPF_RGBA, FLAGS) != 0)
		return image_refuse(j, -EINVAL, "JPEG: %.90s", tjGetErrorStr2(h));
	return 0;
}

int image_decode_jpeg(struct image_job *j)
{
	tjhandle h = tjInitDecompress();
	int w = 0, ht = 0, sub = 0, space = 0, err;

	if (!h)
		return image_refuse(j, -ENOMEM, "out of memory");
	if (tjDecompressHeader3(h, j->in.p, j->in.n, &w, &ht, &sub, &space) != 0)
		err = image_refuse(j, -EINVAL, "JPEG: %.90s", tjGetErrorStr2(h));
	else
		err = at_size(j, h, w, ht);
	tjDestroy(h);
	return err;
}
