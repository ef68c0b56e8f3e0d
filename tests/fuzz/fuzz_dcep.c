/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DCEP OPEN as a UE may write it; what was read is written and read again. */
#include "mediad/dc/dcep.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer_channel a = {.id = 1}, b = {.id = 1};
	uint8_t out[DCEP_MAX];
	size_t n;

	dcep_is_ack((struct ar_span){(const char *)data, size});
	if (dcep_read_open(&a, (struct ar_span){(const char *)data, size}) != 0)
		return 0;
	n = dcep_write_open(out, &a);
	if (dcep_read_open(&b, (struct ar_span){(char *)out, n}) != 0 || a.ordered != b.ordered ||
		a.max_retr != b.max_retr || a.max_time != b.max_time)
		abort();
	return 0;
}
