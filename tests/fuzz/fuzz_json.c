/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ar_json beside jansson: what one takes and writes, the other does. */
#include "common/ar_json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void same_text(const json_t *a, const json_t *b)
{
	char *x = ar_json_text(a), *y = json_dumps(b, JSON_COMPACT);

	must(x && y && strcmp(x, y) == 0);
	free(x);
	free(y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ar_span in = {(const char *)data, size};

	for (int i = 0; i < 2; i++) {
		size_t flags = i ? JSON_REJECT_DUPLICATES : 0;
		json_error_t e;
		json_t *a = ar_json_load(in, flags, &e),
		       *b = json_loadb(in.n ? in.p : "", in.n, flags, &e);

		must(!a == !b && (!a || json_equal(a, b)));
		if (a)
			same_text(a, b);
		json_decref(a);
		json_decref(b);
	}
	return 0;
}
