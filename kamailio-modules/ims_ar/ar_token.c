/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_token.h"

#include "../../core/crypto/sha256.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK 64
#define MARK_HEX 32 /* 128 bits */
#define ROUTE_HEX 16 /* 64 bits: Record-Route is carried in every request of the dialog */
#define OTHER "other."
#define TAG_HEX 8

static void hash(unsigned char out[AR_HMAC_LEN], const unsigned char *pad,
	const struct ar_span *part, unsigned n)
{
	SHA256_CTX ctx;

	sr_SHA256_Init(&ctx);
	sr_SHA256_Update(&ctx, pad, BLOCK);
	for (unsigned i = 0; i < n; i++)
		if (part[i].n)
			sr_SHA256_Update(&ctx, (const unsigned char *)part[i].p, part[i].n);
	sr_SHA256_Final(out, &ctx);
}

static void hash_key(unsigned char out[AR_HMAC_LEN], struct ar_span key)
{
	SHA256_CTX ctx;

	sr_SHA256_Init(&ctx);
	sr_SHA256_Update(&ctx, (const unsigned char *)key.p, key.n);
	sr_SHA256_Final(out, &ctx);
}

void ar_hmac(
	struct ar_span key, const struct ar_span *part, unsigned n, unsigned char out[AR_HMAC_LEN])
{
	unsigned char k[BLOCK] = {0}, pad[BLOCK], inner[AR_HMAC_LEN];
	struct ar_span in;

	if (key.n > BLOCK)
		hash_key(k, key);
	else if (key.n)
		memcpy(k, key.p, key.n);
	for (unsigned i = 0; i < BLOCK; i++)
		pad[i] = k[i] ^ 0x36;
	hash(inner, pad, part, n);
	for (unsigned i = 0; i < BLOCK; i++)
		pad[i] = k[i] ^ 0x5c;
	in = (struct ar_span){(const char *)inner, sizeof(inner)};
	hash(out, pad, &in, 1);
}

static void hex(char *out, const unsigned char *b, unsigned digits)
{
	static const char d[] = "0123456789abcdef";

	for (unsigned i = 0; i < digits; i++)
		out[i] = d[i % 2 ? b[i / 2] & 15 : b[i / 2] >> 4];
	out[digits] = 0;
}

/* The lengths go in too, so that no two lists of parts look the same. */
static void sign(char *out, unsigned digits, struct ar_span secret, const char *use,
	const struct ar_span *text, unsigned n)
{
	unsigned char mac[AR_HMAC_LEN];
	struct ar_span part[9];
	uint32_t len[4];
	unsigned m = 0;

	part[m++] = ar_span_str(use);
	for (unsigned i = 0; i < n && i < 4; i++) {
		len[i] = (uint32_t)text[i].n;
		part[m++] = (struct ar_span){(const char *)&len[i], sizeof(len[i])};
		part[m++] = text[i];
	}
	ar_hmac(secret, part, m, mac);
	hex(out, mac, digits);
}

static bool same(const char *a, const char *b, size_t n)
{
	unsigned char diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= (unsigned char)(a[i] ^ b[i]);
	return diff == 0;
}

static bool is_id(const char *p)
{
	for (unsigned i = 0; i < AR_CALL_ID_LEN; i++)
		if (!isxdigit((unsigned char)p[i]) || isupper((unsigned char)p[i]))
			return false;
	return true;
}

static void sign_mark(char out[MARK_HEX + 1], struct ar_span secret, struct ar_span callid,
	struct ar_span from_tag, struct ar_span head)
{
	const struct ar_span text[] = {head, callid, from_tag};

	sign(out, MARK_HEX, secret, "mark", text, 3);
}

void ar_token_mark(char out[AR_MARK_MAX], struct ar_span secret, struct ar_span callid,
	struct ar_span from_tag, const char *id, const char *name)
{
	int n = snprintf(out, AR_MARK_MAX, "%s;n=%.32s;h=", id, name);

	if (n > 0 && n < AR_MARK_MAX - MARK_HEX)
		sign_mark(out + n, secret, callid, from_tag, (struct ar_span){out, (size_t)n});
}

bool ar_token_mark_ok(
	struct ar_span mark, struct ar_span secret, struct ar_span callid, struct ar_span from_tag)
{
	char want[MARK_HEX + 1];
	size_t head;

	if (mark.n <= AR_CALL_ID_LEN + MARK_HEX || mark.n >= AR_MARK_MAX || !is_id(mark.p))
		return false;
	head = mark.n - MARK_HEX;
	sign_mark(want, secret, callid, from_tag, (struct ar_span){mark.p, head});
	return same(mark.p + head, want, MARK_HEX);
}

static void sign_route(
	char out[ROUTE_HEX + 1], struct ar_span secret, struct ar_span callid, struct ar_span head)
{
	const struct ar_span text[] = {head, callid};

	sign(out, ROUTE_HEX, secret, "route", text, 2);
}

void ar_token_route(char out[AR_ROUTE_MAX], struct ar_span secret, struct ar_span callid,
	const char *id, unsigned asd)
{
	int n = snprintf(out, AR_ROUTE_MAX, "%s.%u.", id, asd);

	sign_route(out + n, secret, callid, (struct ar_span){out, (size_t)n});
}

void ar_token_other(char out[AR_ROUTE_MAX], struct ar_span secret, struct ar_span callid,
	const struct ar_other *o)
{
	int n = snprintf(out, AR_ROUTE_MAX, OTHER "%s.%08x.", o->id, o->tag);

	sign_route(out + n, secret, callid, (struct ar_span){out, (size_t)n});
}

bool ar_token_other_ok(
	struct ar_span value, struct ar_span secret, struct ar_span callid, struct ar_other *o)
{
	const size_t head = sizeof(OTHER) - 1 + AR_CALL_ID_LEN + 1 + TAG_HEX + 1;
	char want[ROUTE_HEX + 1], tag[TAG_HEX + 1];

	if (value.n != head + ROUTE_HEX || memcmp(value.p, OTHER, sizeof(OTHER) - 1) != 0)
		return false;
	sign_route(want, secret, callid, (struct ar_span){value.p, head});
	if (!same(value.p + head, want, ROUTE_HEX))
		return false;
	memcpy(o->id, value.p + sizeof(OTHER) - 1, AR_CALL_ID_LEN);
	o->id[AR_CALL_ID_LEN] = 0;
	memcpy(tag, value.p + head - 1 - TAG_HEX, TAG_HEX);
	tag[TAG_HEX] = 0;
	o->tag = (uint32_t)strtoul(tag, NULL, 16);
	return true;
}

bool ar_token_route_ok(struct ar_span value, struct ar_span secret, struct ar_span callid,
	char id[AR_CALL_ID_LEN + 1], unsigned *asd)
{
	char want[ROUTE_HEX + 1];
	size_t head;
	unsigned n = 0;

	if (value.n < AR_CALL_ID_LEN + 3 + ROUTE_HEX || value.n > AR_CALL_ID_LEN + 5 + ROUTE_HEX ||
		!is_id(value.p))
		return false;
	head = value.n - ROUTE_HEX;
	sign_route(want, secret, callid, (struct ar_span){value.p, head});
	if (!same(value.p + head, want, ROUTE_HEX))
		return false;
	memcpy(id, value.p, AR_CALL_ID_LEN);
	id[AR_CALL_ID_LEN] = 0;
	for (size_t i = AR_CALL_ID_LEN + 1; i < head - 1; i++)
		n = n * 10 + (unsigned)(value.p[i] - '0');
	*asd = n;
	return true;
}
