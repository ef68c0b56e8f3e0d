/* SPDX-License-Identifier: GPL-2.0-or-later */
#define OPENSSL_SUPPRESS_DEPRECATED /* struct stun_key */
#include "mediad/ice/stun_msg.h"
#include "mediad/ice/crc32.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>

#define COOKIE 0x2112a442u
#define FINGERPRINT_XOR 0x5354554eu
#define MI_LEN 20 /* HMAC-SHA1 */
#define MAX_ATTRS 32

enum {
	ATTR_USERNAME = 0x0006,
	ATTR_INTEGRITY = 0x0008,
	ATTR_ERROR_CODE = 0x0009,
	ATTR_UNKNOWN = 0x000a,
	ATTR_XOR_MAPPED = 0x0020,
	ATTR_PRIORITY = 0x0024,
	ATTR_USE_CANDIDATE = 0x0025,
	ATTR_INTEGRITY_SHA256 = 0x001c,
	ATTR_FINGERPRINT = 0x8028,
	ATTR_CONTROLLED = 0x8029,
	ATTR_CONTROLLING = 0x802a,
};

/*
 * HMAC-SHA1 after the two padded keys (RFC 2104 4). A consent check is all that an idle UE costs,
 * and EVP_MAC takes as long again for copying contexts on the heap as for hashing.
 */
struct stun_key {
	SHA_CTX inner, outer;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

static const uint8_t *bytes(struct ar_span s)
{
	return (const uint8_t *)s.p;
}

/* What comes out of one attribute; type, the value and its length. -EBADMSG: wrong length. */
struct attr {
	uint16_t type, len;
	const uint8_t *v;
	size_t at; /* offset of the attribute in the message */
};

static int on_xor_mapped(struct stun_msg *m, const struct attr *a)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&m->mapped_addr.ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&m->mapped_addr.ss;
	uint16_t port;

	if (a->len < 8)
		return -EBADMSG;
	port = htons((uint16_t)(get16(a->v + 2) ^ (COOKIE >> 16)));
	if (a->v[1] == 1 && a->len == 8) {
		sin->sin_family = AF_INET;
		sin->sin_port = port;
		sin->sin_addr.s_addr = htonl(get32(a->v + 4) ^ COOKIE);
		m->mapped_addr.len = sizeof(*sin);
	} else if (a->v[1] == 2 && a->len == 20) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = port;
		for (unsigned i = 0; i < 16; i++)
			sin6->sin6_addr.s6_addr[i] = a->v[4 + i] ^ bytes(m->raw)[4 + i];
		m->mapped_addr.len = sizeof(*sin6);
	} else {
		return -EBADMSG;
	}
	m->mapped = true;
	return 0;
}

static int on_username(struct stun_msg *m, const struct attr *a)
{
	if (a->len > STUN_MAX_USERNAME)
		return -EBADMSG;
	m->username = (struct ar_span){(const char *)a->v, a->len};
	return 0;
}

static int on_role(struct stun_msg *m, const struct attr *a)
{
	if (a->len != 8)
		return -EBADMSG;
	m->tie_breaker = (uint64_t)get32(a->v) << 32 | get32(a->v + 4);
	if (a->type == ATTR_CONTROLLING)
		m->controlling = true;
	else
		m->controlled = true;
	return 0;
}

static int on_fixed(struct stun_msg *m, const struct attr *a)
{
	switch (a->type) {
	case ATTR_PRIORITY:
		m->has_priority = true;
		m->priority = a->len == 4 ? get32(a->v) : 0;
		return a->len == 4 ? 0 : -EBADMSG;
	case ATTR_USE_CANDIDATE:
		m->use_candidate = true;
		return a->len == 0 ? 0 : -EBADMSG;
	case ATTR_ERROR_CODE:
		m->error = a->len >= 4 ? (uint16_t)((a->v[2] & 7) * 100 + a->v[3]) : 0;
		return a->len >= 4 ? 0 : -EBADMSG;
	default: /* ATTR_INTEGRITY */
		m->mi_at = a->at;
		return a->len == MI_LEN ? 0 : -EBADMSG;
	}
}

static int on_fingerprint(struct stun_msg *m, const struct attr *a)
{
	if (a->len != 4 || a->at + 8 != m->raw.n)
		return -EBADMSG;
	if (get32(a->v) != (crc32_of(bytes(m->raw), a->at) ^ FINGERPRINT_XOR))
		return -EBADMSG;
	m->fingerprint = true;
	return 0;
}

static const struct {
	uint16_t type;
	int (*on)(struct stun_msg *m, const struct attr *a);
} attrs[] = {
	{ATTR_USERNAME, on_username},
	{ATTR_PRIORITY, on_fixed},
	{ATTR_USE_CANDIDATE, on_fixed},
	{ATTR_INTEGRITY, on_fixed},
	{ATTR_ERROR_CODE, on_fixed},
	{ATTR_CONTROLLED, on_role},
	{ATTR_CONTROLLING, on_role},
	{ATTR_XOR_MAPPED, on_xor_mapped},
	{ATTR_FINGERPRINT, on_fingerprint},
};

static int on_attr(struct stun_msg *m, const struct attr *a)
{
	/* after MESSAGE-INTEGRITY only these count (RFC 8489 14.5) */
	if (m->mi_at && a->type != ATTR_FINGERPRINT)
		return 0;
	for (unsigned i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {
		if (attrs[i].type == a->type)
			return attrs[i].on(m, a);
	}
	if (a->type < 0x8000 && m->nunknown < STUN_MAX_UNKNOWN && a->type != ATTR_UNKNOWN &&
		a->type != ATTR_INTEGRITY_SHA256)
		m->unknown[m->nunknown++] = a->type;
	return 0;
}

static int parse_attrs(struct stun_msg *m)
{
	const uint8_t *p = bytes(m->raw);
	size_t at = STUN_HEADER, n = m->raw.n;

	for (unsigned count = 0; at < n; count++) {
		struct attr a;
		int err;

		if (n - at < 4 || count == MAX_ATTRS || m->fingerprint)
			return -EBADMSG;
		a = (struct attr){get16(p + at), get16(p + at + 2), p + at + 4, at};
		if (((size_t)a.len + 3) / 4 * 4 > n - at - 4)
			return -EBADMSG;
		err = on_attr(m, &a);
		if (err)
			return err;
		at += 4 + ((size_t)a.len + 3) / 4 * 4;
	}
	return 0;
}

int stun_parse(struct stun_msg *m, struct ar_span d)
{
	const uint8_t *p = bytes(d);
	uint16_t type;

	*m = (struct stun_msg){.raw = d};
	if (d.n < STUN_HEADER || d.n % 4 || p[0] > 3 || get32(p + 4) != COOKIE ||
		get16(p + 2) != d.n - STUN_HEADER)
		return -EBADMSG;
	type = get16(p);
	m->cls = (enum stun_class)((type >> 7 & 2) | (type >> 4 & 1));
	m->method = (uint16_t)((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));
	memcpy(m->id, p + 8, STUN_ID_LEN);
	return parse_attrs(m);
}

struct ar_span stun_peek_ufrag(struct ar_span d)
{
	const uint8_t *p = bytes(d);
	size_t at = STUN_HEADER, len;

	for (unsigned i = 0; i < MAX_ATTRS && at + 4 <= d.n; i++) {
		len = get16(p + at + 2);
		if (len > d.n - at - 4)
			break;
		if (get16(p + at) == ATTR_USERNAME) {
			const char *v = d.p + at + 4, *colon = memchr(v, ':', len);

			return colon ? (struct ar_span){v, (size_t)(colon - v)} : AR_SPAN_NONE;
		}
		at += 4 + (len + 3) / 4 * 4;
	}
	return AR_SPAN_NONE;
}

static bool start(SHA_CTX *c, const uint8_t *key, size_t n, uint8_t pad)
{
	uint8_t block[SHA_CBLOCK] = {0};
	bool ok;

	memcpy(block, key, n);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= pad;
	ok = SHA1_Init(c) && SHA1_Update(c, block, sizeof(block));
	OPENSSL_cleanse(block, sizeof(block));
	return ok;
}

int stun_key_new(struct stun_key **kp, struct ar_span password)
{
	struct stun_key *k = calloc(1, sizeof(*k));
	const uint8_t *key = bytes(password);
	uint8_t md[SHA_DIGEST_LENGTH];
	size_t n = password.n;

	if (!k)
		return -ENOMEM;
	if (n > SHA_CBLOCK) { /* a longer key is its digest */
		SHA1(key, n, md);
		key = md;
		n = sizeof(md);
	}
	if (!start(&k->inner, key, n, 0x36) || !start(&k->outer, key, n, 0x5c)) {
		stun_key_free(k);
		return -ENOMEM;
	}
	*kp = k;
	return 0;
}

void stun_key_free(struct stun_key *k)
{
	if (k)
		OPENSSL_cleanse(k, sizeof(*k));
	free(k);
}

/* HMAC over the message up to `end`, with the length field that it has with MESSAGE-INTEGRITY as
 * the last attribute (RFC 8489 14.5). */
static bool integrity(const struct stun_key *k, const uint8_t *p, size_t end, uint8_t out[MI_LEN])
{
	SHA_CTX c = k->inner;
	uint8_t head[4];

	memcpy(head, p, 4);
	put16(head + 2, (uint16_t)(end + 4 + MI_LEN - STUN_HEADER));
	if (!SHA1_Update(&c, head, 4) || !SHA1_Update(&c, p + 4, end - 4) || !SHA1_Final(out, &c))
		return false;
	c = k->outer;
	return SHA1_Update(&c, out, MI_LEN) && SHA1_Final(out, &c);
}

bool stun_check(const struct stun_msg *m, struct stun_key *k)
{
	uint8_t want[MI_LEN];

	return m->mi_at && integrity(k, bytes(m->raw), m->mi_at, want) &&
	       CRYPTO_memcmp(want, bytes(m->raw) + m->mi_at + 4, MI_LEN) == 0;
}

void stun_begin(struct stun_writer *w, uint8_t *buf, size_t cap, enum stun_class cls,
	const uint8_t id[STUN_ID_LEN])
{
	*w = (struct stun_writer){.p = buf, .cap = cap};
	if (cap < STUN_HEADER) {
		w->err = -ENOBUFS;
		return;
	}
	put16(buf, (uint16_t)(STUN_BINDING | (cls & 2u) << 7 | (cls & 1u) << 4));
	put16(buf + 2, 0);
	put32(buf + 4, COOKIE);
	memcpy(buf + 8, id, STUN_ID_LEN);
	w->n = STUN_HEADER;
}

/* Room for one attribute, padded with zeros; NULL when it does not fit. */
static uint8_t *add(struct stun_writer *w, uint16_t type, size_t len)
{
	size_t padded = (len + 3) / 4 * 4;
	uint8_t *p = w->p + w->n;

	if (w->err || w->cap - w->n < 4 + padded) {
		w->err = -ENOBUFS;
		return NULL;
	}
	put16(p, type);
	put16(p + 2, (uint16_t)len);
	memset(p + 4, 0, padded);
	w->n += 4 + padded;
	return p + 4;
}

void stun_add_username(struct stun_writer *w, struct ar_span local, struct ar_span remote)
{
	uint8_t *p = add(w, ATTR_USERNAME, local.n + 1 + remote.n);

	if (!p)
		return;
	memcpy(p, local.p, local.n);
	p[local.n] = ':';
	memcpy(p + local.n + 1, remote.p, remote.n);
}

void stun_add_priority(struct stun_writer *w, uint32_t priority)
{
	uint8_t *p = add(w, ATTR_PRIORITY, 4);

	if (p)
		put32(p, priority);
}

void stun_add_role(struct stun_writer *w, bool controlling, uint64_t tie_breaker)
{
	uint8_t *p = add(w, controlling ? ATTR_CONTROLLING : ATTR_CONTROLLED, 8);

	if (!p)
		return;
	put32(p, (uint32_t)(tie_breaker >> 32));
	put32(p + 4, (uint32_t)tie_breaker);
}

void stun_add_use_candidate(struct stun_writer *w)
{
	add(w, ATTR_USE_CANDIDATE, 0);
}

void stun_add_xor_mapped(struct stun_writer *w, const struct peer_addr *a)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)&a->ss;
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)&a->ss;
	bool v6 = a->ss.ss_family == AF_INET6;
	uint8_t *p = add(w, ATTR_XOR_MAPPED, v6 ? 20 : 8);

	if (!p)
		return;
	p[1] = v6 ? 2 : 1;
	put16(p + 2, (uint16_t)(ntohs(v6 ? sin6->sin6_port : sin->sin_port) ^ (COOKIE >> 16)));
	if (!v6) {
		put32(p + 4, ntohl(sin->sin_addr.s_addr) ^ COOKIE);
		return;
	}
	for (unsigned i = 0; i < 16; i++)
		p[4 + i] = sin6->sin6_addr.s6_addr[i] ^ w->p[4 + i];
}

void stun_add_error(struct stun_writer *w, enum stun_error code, const struct stun_msg *cause)
{
	uint8_t *p = add(w, ATTR_ERROR_CODE, 4);

	if (!p)
		return;
	p[2] = (uint8_t)((unsigned)code / 100);
	p[3] = (uint8_t)((unsigned)code % 100);
	if (code != STUN_UNKNOWN_ATTRIBUTE)
		return;
	p = add(w, ATTR_UNKNOWN, 2ul * cause->nunknown);
	for (unsigned i = 0; p && i < cause->nunknown; i++)
		put16(p + 2ul * i, cause->unknown[i]);
}

int stun_finish(struct stun_writer *w, struct stun_key *k)
{
	size_t at = w->n;
	uint8_t *p;

	if (k) {
		p = add(w, ATTR_INTEGRITY, MI_LEN);
		if (p && !integrity(k, w->p, at, p))
			w->err = -ENOMEM;
		at = w->n;
	}
	p = add(w, ATTR_FINGERPRINT, 4);
	if (w->err)
		return w->err;
	put16(w->p + 2, (uint16_t)(w->n - STUN_HEADER));
	put32(p, crc32_of(w->p, at) ^ FINGERPRINT_XOR);
	return (int)w->n;
}
