/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dtls/cert.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#define LIFE (10 * 365 * 24 * 3600L) /* longer than any worker lives; peers look at the print */

/* SHA-1 counts only where a UE names nothing stronger; MD5 and MD2 never (RFC 8122 5). */
static const struct {
	const char *name, *openssl;
	size_t len;
	unsigned strength;
} hashes[] = {
	{"sha-1", "SHA1", 20, 1},
	{"sha-224", "SHA224", 28, 2},
	{"sha-256", "SHA256", 32, 3},
	{"sha-384", "SHA384", 48, 4},
	{"sha-512", "SHA512", 64, 5},
};

static int print_own(struct cert *c)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int at;

	if (!X509_digest(c->x509, EVP_sha256(), md, &n))
		return -ENOMEM;
	at = snprintf(c->fingerprint, sizeof(c->fingerprint), "SHA-256 ");
	for (unsigned i = 0; i < n; i++)
		at += snprintf(c->fingerprint + at, sizeof(c->fingerprint) - (size_t)at, "%s%02X",
			i ? ":" : "", md[i]);
	return 0;
}

static int fill(X509 *x, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(x);
	uint64_t serial;

	if (RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
		return -ENOMEM;
	if (!X509_set_version(x, X509_VERSION_3) ||
		!ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) ||
		!X509_gmtime_adj(X509_getm_notBefore(x), -24 * 3600L) ||
		!X509_gmtime_adj(X509_getm_notAfter(x), LIFE) || !X509_set_pubkey(x, key) ||
		!X509_NAME_add_entry_by_txt(
			name, "CN", MBSTRING_ASC, (const unsigned char *)"ims-ar", -1, -1, 0) ||
		!X509_set_issuer_name(x, name) || !X509_sign(x, key, EVP_sha256()))
		return -ENOMEM;
	return 0;
}

int cert_new(struct cert **cp)
{
	struct cert *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		return -ENOMEM;
	c->key = EVP_EC_gen("P-256");
	c->x509 = X509_new();
	if (!c->key || !c->x509)
		goto out;
	err = fill(c->x509, c->key);
	if (!err)
		err = print_own(c);
	if (err)
		goto out;
	*cp = c;
	c = NULL;
out:
	cert_free(c);
	return err;
}

void cert_free(struct cert *c)
{
	if (!c)
		return;
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
	free(c);
}

static int hex(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch = (char)tolower((unsigned char)ch);
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* "AB:CD:..." of exactly len bytes. */
static int read_digits(struct ar_span s, uint8_t *out, size_t len)
{
	if (s.n != 3 * len - 1)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		int hi = hex(s.p[3 * i]), lo = hex(s.p[3 * i + 1]);

		if (hi < 0 || lo < 0 || (i + 1 < len && s.p[3 * i + 2] != ':'))
			return -EINVAL;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

int cert_prints_add(struct cert_prints *set, struct ar_span text)
{
	struct ar_span s = ar_span_trim(text), name, digits;
	const char *space = s.n ? memchr(s.p, ' ', s.n) : NULL;
	uint8_t value[CERT_MAX_DIGEST];

	if (!space)
		return -EINVAL;
	name = (struct ar_span){s.p, (size_t)(space - s.p)};
	digits = ar_span_trim((struct ar_span){space + 1, s.n - name.n - 1});
	for (unsigned i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (!ar_span_caseeq(name, hashes[i].name))
			continue;
		if (read_digits(digits, value, hashes[i].len) != 0)
			return -EINVAL;
		if (hashes[i].strength < set->strength)
			return 0;
		if (hashes[i].strength > set->strength)
			*set = (struct cert_prints){.strength = hashes[i].strength,
				.digest = hashes[i].openssl,
				.len = hashes[i].len};
		if (set->n < CERT_MAX_PRINTS)
			memcpy(set->value[set->n++], value, hashes[i].len);
		return 0;
	}
	return -EINVAL;
}

static bool any_is(const struct cert_prints *set, const uint8_t *md, unsigned n)
{
	if (n != set->len)
		return false;
	for (unsigned i = 0; i < set->n; i++) {
		if (CRYPTO_memcmp(set->value[i], md, n) == 0)
			return true;
	}
	return false;
}

bool cert_prints_eq(const struct cert_prints *a, const struct cert_prints *b)
{
	bool same = a->n == b->n && a->strength == b->strength;

	for (unsigned i = 0; same && i < a->n; i++)
		same = any_is(b, a->value[i], (unsigned)a->len);
	return same;
}

bool cert_prints_match(const struct cert_prints *set, const X509 *x509)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	const EVP_MD *type = set->n ? EVP_get_digestbyname(set->digest) : NULL;

	return type && x509 && X509_digest(x509, type, md, &n) && any_is(set, md, n);
}

bool cert_prints_match_der(const struct cert_prints *set, struct ar_span der)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	const EVP_MD *type = set->n ? EVP_get_digestbyname(set->digest) : NULL;

	return type && der.p && EVP_Digest(der.p, der.n, md, &n, type, NULL) && any_is(set, md, n);
}
