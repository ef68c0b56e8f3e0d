/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Headers and a description, apart by NUL: contact, accept-contact, asserted service, R-URI, SDP.
 */
#include "common/recognise.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static struct ar_span cut(struct ar_span *rest)
{
	const char *nul = rest->n ? memchr(rest->p, '\0', rest->n) : NULL;
	struct ar_span part = {rest->p, nul ? (size_t)(nul - rest->p) : rest->n};

	rest->p += part.n + (nul != NULL);
	rest->n -= part.n + (nul != NULL);
	return part;
}

static void check(const struct ar_recognise_out *out)
{
	const unsigned tags = AR_REASON_CONTACT_DC | AR_REASON_AR_CAPABLE | AR_REASON_AR_ASSISTED |
			      AR_REASON_AVATAR;
	char text[200];

	must((out->cls >= AR_CLASS_DC) == !!(out->reasons & AR_REASON_DC_SECTION));
	must(out->cls != AR_CLASS_DC_CAPABLE || (out->reasons & tags));
	must(strlen(ar_reasons_print(out->reasons, text, sizeof(text))) < sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ar_recognise_conf conf = {
		.req_apps = "ar-*,x", .services = "sip:ar-*,urn:urn-7:3gpp-service.ims.icsi.ar"};
	struct ar_span rest = {(const char *)data, size};
	struct ar_recognise_in in = {0};
	struct ar_recognise_out out;
	struct ar_sdp sdp;

	in.contact = cut(&rest);
	in.accept_contact = cut(&rest);
	in.asserted_service = cut(&rest);
	in.ruri = cut(&rest);
	if (ar_sdp_parse(&sdp, rest.p, rest.n, NULL) == 0)
		in.sdp = &sdp;
	ar_recognise(&out, &conf, &in);
	check(&out);
	ar_recognise(&out, NULL, &in);
	check(&out);
	must(ar_recognise_outcome(NULL, &in, true) < AR_OUTCOME_NONE_OFFERED);
	return 0;
}
