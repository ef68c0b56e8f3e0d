/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SRTP and SRTCP from anybody: profile and kind in the first byte. Nothing of it is authentic. With
 * 0x20 it comes while two keys are taken, of a stream whose numbers have come round. */
#include "mediad/srtp/rtpsec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void another_key(struct rtpsec *s, enum rtpsec_profile profile, const uint8_t *key,
	const uint8_t *head, size_t n)
{
	static const uint8_t next[RTPSEC_MAX_KEY] = {2};
	struct rtpsec *ue;

	if (n < 12)
		return;
	if (rtpsec_new(&ue, profile, key, key) != 0)
		abort();
	for (unsigned seq = 30000; seq < 100000; seq += 20000) {
		uint8_t d[64] = {0x80, 96, (uint8_t)(seq >> 8), (uint8_t)seq};
		size_t len = 40;

		memcpy(d + 8, head + 8, 4);
		if (rtpsec_protect(ue, d, &len, sizeof(d), false) != 0 ||
			rtpsec_unprotect(s, d, &len, false) != 0)
			abort();
	}
	rtpsec_free(ue);
	if (rtpsec_rekey(s, profile, next, next) != 0)
		abort();
}

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
	if (data[0] & 0x20)
		another_key(s, (enum rtpsec_profile)(1 + data[0] % 3), key, copy, n);
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
