/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The data channel sections of a description from the wire. */
#include "common/sdp_dc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void inside(const struct ar_sdp *sdp, struct ar_span s)
{
	must(!s.n || (s.p >= sdp->text.p && s.p + s.n <= sdp->text.p + sdp->text.n));
}

static void check_streams(const struct ar_sdp *sdp, const struct ar_sdp_dc *dc)
{
	must(dc->nstream <= AR_DC_MAX_STREAMS);
	for (unsigned i = 0; i < dc->nstream; i++) {
		const struct ar_dc_stream *st = &dc->stream[i];

		must(st->id <= AR_DC_MAX_STREAM_ID);
		must(st->max_retr < 0 || st->max_time < 0);
		must(st->max_retr >= -1 && st->max_time >= -1);
		inside(sdp, st->subprotocol);
		inside(sdp, st->label);
		for (unsigned k = 0; k < i; k++)
			must(dc->stream[k].id != st->id);
	}
}

static void check(const struct ar_sdp *sdp, unsigned i, const struct ar_sdp_dc *dc)
{
	check_streams(sdp, dc);
	must(!dc->ufrag.p == !dc->pwd.p || !sdp->media[i].port);
	must(!ar_sdp_dc_live(&sdp->media[i], dc) || dc->nfingerprint);
	inside(sdp, dc->ufrag);
	inside(sdp, dc->pwd);
	inside(sdp, dc->addr);
	inside(sdp, dc->mid);
	inside(sdp, dc->tls_id);
	must(dc->nfingerprint <= AR_DC_MAX_FINGERPRINTS);
	for (unsigned k = 0; k < dc->nfingerprint; k++)
		inside(sdp, dc->fingerprint[k]);
	must(dc->ncandidate <= AR_DC_MAX_CANDIDATES);
	for (unsigned k = 0; k < dc->ncandidate; k++)
		inside(sdp, dc->candidate[k]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ar_sdp_error err;
	struct ar_sdp_dc dc;
	struct ar_sdp sdp;

	if (ar_sdp_parse(&sdp, (const char *)data, size, NULL) != 0)
		return 0;
	for (unsigned i = 0; i < sdp.nmedia + 1; i++) {
		err = (struct ar_sdp_error){0, NULL};
		if (ar_sdp_dc_parse(&dc, &sdp, i, &err) == 0)
			check(&sdp, i, &dc);
		else
			must(err.reason != NULL);
	}
	return 0;
}
