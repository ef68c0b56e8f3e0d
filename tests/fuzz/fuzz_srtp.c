/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SRTP and SRTCP from anybody: profile and kind in the first byte. Nothing of it is authentic. */
#include "mediad/srtp/rtpsec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[RTPSEC_MAX_KEY] = {1};
	struct rtpsec *s;
	uint8_t *copy;
	size_t n;

	if (!size || rtpsec_new(&s, (enum rtpsec_profile)(1 + data[0] % 3), key, key) != 0)
		return 0;
	n = size - 1;
	copy = malloc(n + RTPSEC_ROOM);
	if (!copy)
		abort();
	memcpy(copy, data + 1, n);
	if (data[0] & 0x40) { /* what we would send of it */
		if (rtpsec_protect(s, copy, &n, n + RTPSEC_ROOM, data[0] & 0x80) != 0)
			n = 0;
	} else if (rtpsec_unprotect(s, copy, &n, data[0] & 0x80) == 0) {
		abort();
	}
	free(copy);
	rtpsec_free(s);
	return 0;
}
