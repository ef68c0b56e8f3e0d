/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A description from the wire: parsed, its parts are whole, and every line can be walked. */
#include "common/sdp.h"
#include "common/sdp_av.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void walk(struct ar_span section)
{
	struct ar_span line, value;
	size_t pos = 0, lines = 0;

	while (ar_sdp_next_line(section, &pos, &line)) {
		must(line.p >= section.p && line.p + line.n <= section.p + section.n);
		must(line.n >= 2 && line.p[1] == '=');
		must(++lines <= AR_SDP_MAX_LINES);
	}
	must(pos == section.n);
	pos = 0;
	while (ar_sdp_next_attr(section, &pos, "mid", &value))
		must(value.p >= section.p && value.p + value.n <= section.p + section.n);
	ar_sdp_line(section, 'c');
}

/* What is read of audio and video stays within the description. */
static void media(const struct ar_sdp *sdp, unsigned i)
{
	const char *end = sdp->text.p + sdp->text.n;
	struct ar_sdp_av av;
	struct ar_buf b;

	if (!ar_sdp_av_parse(&av, sdp, i))
		return;
	ar_buf_init(&b, 4096);
	must(av.ncodec <= AR_AV_MAX_CODECS && av.next <= AR_AV_MAX_EXTS &&
		av.nssrc <= AR_AV_MAX_SSRCS && av.ncrypto <= AR_AV_MAX_CRYPTO);
	for (unsigned k = 0; k < av.ncodec; k++) {
		const struct ar_span f = av.codec[k].fmtp;

		must(!f.n || (f.p >= sdp->text.p && f.p + f.n <= end));
		ar_buf_reset(&b);
		ar_av_add_fmtp(&b, f);
		must(ar_buf_err(&b) == 0);
	}
	for (unsigned k = 0; k < av.ncrypto; k++)
		must(av.crypto[k].key.p + av.crypto[k].key.n <= end);
	ar_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ar_sdp_error err = {0, NULL};
	struct ar_sdp_media m;
	struct ar_sdp sdp;
	const char *at;

	/* one section alone, as in a plan */
	if (ar_sdp_parse_section(&m, (struct ar_span){(const char *)data, size}, &err) == 0)
		walk(m.text);
	if (ar_sdp_parse(&sdp, (const char *)data, size, &err) != 0) {
		must(err.reason != NULL);
		return 0;
	}
	walk(sdp.session);
	at = sdp.session.p + sdp.session.n;
	for (unsigned i = 0; i < sdp.nmedia; i++) {
		must(sdp.media[i].text.p == at); /* no gap, no overlap */
		at += sdp.media[i].text.n;
		walk(sdp.media[i].text);
		media(&sdp, i);
		must(sdp.media[i].media.n && sdp.media[i].proto.n && sdp.media[i].fmt.n);
		must(ar_sdp_parse_section(&m, sdp.media[i].text, NULL) == 0);
		must(m.port == sdp.media[i].port && m.kind == sdp.media[i].kind);
	}
	must(at == sdp.text.p + sdp.text.n);
	return 0;
}
