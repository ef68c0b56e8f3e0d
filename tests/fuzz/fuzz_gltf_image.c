/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image as a document may hold it: RGBA within the limits, or a reason. */
#include "mediad/armf/gltf/load_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_job j = {.in = {data, size}, .side = 512, .keep = 64, .room = 4 << 20};
	struct image_job m = {.in = {data, size}, .side = 512};
	unsigned sum = 0;
	int measured = image_measure(&m);

	if (image_decode(&j) != 0) {
		if (j.rgba || !j.why[0])
			abort();
		return 0;
	}
	if (measured != 0 || m.w < j.w || m.h < j.h)
		abort();
	if (j.w < 1 || j.h < 1 || j.w > 64 || j.h > 64)
		abort();
	for (size_t i = 0; i < (size_t)j.w * j.h * 4; i++)
		sum += j.rgba[i];
	free(j.rgba);
	return sum > (1u << 31) ? -1 : 0; /* so that the pixels are read */
}
