/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kamailio's SHA-256, for tests: OpenSSL's. */
#ifndef TEST_SHA256_H
#define TEST_SHA256_H

#include <openssl/evp.h>
#include <stdint.h>

typedef struct {
	EVP_MD_CTX *md;
} SHA256_CTX;

static inline void sr_SHA256_Init(SHA256_CTX *c)
{
	c->md = EVP_MD_CTX_new();
	EVP_DigestInit_ex(c->md, EVP_sha256(), NULL);
}

static inline void sr_SHA256_Update(SHA256_CTX *c, const uint8_t *p, size_t n)
{
	EVP_DigestUpdate(c->md, p, n);
}

static inline void sr_SHA256_Final(uint8_t out[32], SHA256_CTX *c)
{
	EVP_DigestFinal_ex(c->md, out, NULL);
	EVP_MD_CTX_free(c->md);
}

#endif
