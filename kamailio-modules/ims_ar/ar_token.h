/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HMAC-SHA256 (RFC 2104) and the signed texts of ar_mark.h. Pure. */
#ifndef IMS_AR_TOKEN_H
#define IMS_AR_TOKEN_H

#include "ar_calls.h"

#define AR_HMAC_LEN 32
#define AR_MARK_MAX 128
#define AR_ROUTE_MAX 64

void ar_hmac(
	struct ar_span key, const struct ar_span *part, unsigned n, unsigned char out[AR_HMAC_LEN]);

/* Terminated texts; the name is cut to 32 characters. */
void ar_token_mark(char out[AR_MARK_MAX], struct ar_span secret, struct ar_span callid,
	struct ar_span from_tag, const char *id, const char *name);
bool ar_token_mark_ok(
	struct ar_span mark, struct ar_span secret, struct ar_span callid, struct ar_span from_tag);
void ar_token_route(char out[AR_ROUTE_MAX], struct ar_span secret, struct ar_span callid,
	const char *id, unsigned asd);
/* A pass that is not the anchored one: whose call it is, and who began it. */
struct ar_other {
	char id[AR_CALL_ID_LEN + 1];
	uint32_t tag; /* hash of the tag of side A */
};
void ar_token_other(char out[AR_ROUTE_MAX], struct ar_span secret, struct ar_span callid,
	const struct ar_other *o);
bool ar_token_other_ok(
	struct ar_span value, struct ar_span secret, struct ar_span callid, struct ar_other *o);
bool ar_token_route_ok(struct ar_span value, struct ar_span secret, struct ar_span callid,
	char id[AR_CALL_ID_LEN + 1], unsigned *asd);

#endif
