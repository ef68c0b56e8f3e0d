/* SPDX-License-Identifier: GPL-2.0-or-later */
/* asd's side of the front link: a stream of frames, each as far as its offer's SDP is read. */
#include "asd/call/offer.h"
#include "asd/front/front_msg.h"
#include "common/ar_frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void read_all(const json_t *j)
{
	struct front_hello h;
	struct front_offer o;
	struct front_event e;
	struct front_admin a;
	char why[80], sdp_why[120];
	struct offer *x = malloc(sizeof(*x));

	(void)front_read_hello(&h, j, why);
	(void)front_read_event(&e, j, why);
	(void)front_read_admin(&a, j, why);
	if (x && front_read_offer(&o, j, why) == 0) {
		require(strlen(o.call) == 16 && strlen(o.callid) <= 255);
		if (offer_read(x, o.sdp, NULL, o.side, NULL, sdp_why) == 0)
			json_decref(offer_facts(x, AR_SETUP_PASSIVE, "dc-only"));
	}
	free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ar_span in = {(const char *)data, n}, body;
	size_t used;

	while (ar_frame_next(in, &body, &used) == 1) {
		json_t *j = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);

		if (j)
			read_all(j);
		json_decref(j);
		in.p += used;
		in.n -= used;
	}
	return 0;
}
