/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dtls/record.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>

#define EPOCH 1
#define SEQ_MAX ((1ull << 48) - 1)
#define WHOLE_IV (-1) /* for EVP_CTRL_GCM_SET_IV_FIXED */

static uint64_t get_be(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static void put_be(uint8_t *p, uint64_t v, unsigned n)
{
	while (n--) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

bool dtls_record_next(struct ar_span *rest, struct dtls_head *h)
{
	const uint8_t *p = (const uint8_t *)rest->p;
	size_t n;

	if (rest->n < DTLS_RECORD_HEAD)
		return false;
	n = (size_t)get_be(p + 11, 2);
	if (rest->n - DTLS_RECORD_HEAD < n)
		return false;
	*h = (struct dtls_head){.type = p[0],
		.version = (uint16_t)get_be(p + 1, 2),
		.epoch = (uint16_t)get_be(p + 3, 2),
		.seq = get_be(p + 5, 6),
		.body = {rest->p + DTLS_RECORD_HEAD, n}};
	rest->p += DTLS_RECORD_HEAD + n;
	rest->n -= DTLS_RECORD_HEAD + n;
	return true;
}

static int init_side(struct dtls_record_side *s, const EVP_CIPHER *cipher,
	const struct dtls_record_keys *k, int encrypt)
{
	uint8_t iv[DTLS_RECORD_SALT + DTLS_RECORD_NONCE] = {0};

	memcpy(iv, k->salt, DTLS_RECORD_SALT);
	s->ctx = EVP_CIPHER_CTX_new();
	if (s->ctx && EVP_CipherInit_ex(s->ctx, cipher, NULL, k->key, NULL, encrypt) &&
		EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_GCM_SET_IV_FIXED, WHOLE_IV, iv) == 1)
		return 0;
	return -ENOMEM;
}

int dtls_record_init(struct dtls_record *r, const EVP_CIPHER *cipher,
	const struct dtls_record_keys *tx, const struct dtls_record_keys *rx)
{
	int err;

	*r = (struct dtls_record){.tx_seq = SEQ_MAX + 1}; /* until dtls_record_adopt() */
	err = init_side(&r->tx, cipher, tx, 1);
	if (!err)
		err = init_side(&r->rx, cipher, rx, 0);
	if (err)
		dtls_record_free(r);
	return err;
}

void dtls_record_free(struct dtls_record *r)
{
	EVP_CIPHER_CTX_free(r->rx.ctx);
	EVP_CIPHER_CTX_free(r->tx.ctx);
	OPENSSL_cleanse(r, sizeof(*r));
}

/*
 * RFC 5246 6.2.3.3 with RFC 6347 4.1.2.1: sequence number, type, version, length. OpenSSL takes it
 * with the length of the whole body, nonce (and tag, when opening) included, and then does nonce,
 * data and tag in one call, in place: half the instructions of the calls one by one.
 */
static bool crypt(
	struct dtls_record_side *s, uint64_t seq, uint8_t type, size_t body, uint8_t *p, size_t n)
{
	uint8_t aad[EVP_AEAD_TLS1_AAD_LEN];
	const OSSL_PARAM set[] = {OSSL_PARAM_construct_octet_string(
					  OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, aad, sizeof(aad)),
		OSSL_PARAM_construct_end()};

	put_be(aad, EPOCH, 2);
	put_be(aad + 2, seq, 6);
	aad[8] = type;
	put_be(aad + 9, DTLS_VERSION_1_2, 2);
	put_be(aad + 11, body, 2);
	/* EVP_CTRL_AEAD_TLS1_AAD would also ask for the tag's length, which we know */
	return EVP_CIPHER_CTX_set_params(s->ctx, set) && EVP_Cipher(s->ctx, p, p, (unsigned)n) >= 0;
}

static int open_with(
	struct dtls_record_side *s, const struct dtls_head *h, uint8_t *buf, struct ar_span *plain)
{
	size_t n = h->body.n;

	if (n < DTLS_RECORD_NONCE + DTLS_RECORD_TAG ||
		n > DTLS_RECORD_NONCE + DTLS_RECORD_PLAIN + DTLS_RECORD_TAG ||
		h->version != DTLS_VERSION_1_2 || h->epoch != EPOCH)
		return -EBADMSG;
	memcpy(buf, h->body.p, n);
	if (!crypt(s, h->seq, h->type, n, buf, n)) {
		ERR_clear_error();
		return -EBADMSG;
	}
	*plain = (struct ar_span){
		(char *)buf + DTLS_RECORD_NONCE, n - DTLS_RECORD_NONCE - DTLS_RECORD_TAG};
	return 0;
}

int dtls_record_seal(struct dtls_record *r, enum dtls_type type, struct ar_span plain, uint8_t *out)
{
	uint8_t *body = out + DTLS_RECORD_HEAD;
	size_t n = DTLS_RECORD_NONCE + plain.n + DTLS_RECORD_TAG;
	uint64_t seq = r->tx_seq;

	if (seq > SEQ_MAX)
		return -EOVERFLOW;
	r->tx_seq++; /* whatever happens, it is not used again */
	memcpy(body + DTLS_RECORD_NONCE, plain.p, plain.n);
	if (!crypt(&r->tx, seq, (uint8_t)type, n - DTLS_RECORD_TAG, body, n)) {
		ERR_clear_error();
		return -EIO;
	}
	out[0] = (uint8_t)type;
	put_be(out + 1, DTLS_VERSION_1_2, 2);
	put_be(out + 3, EPOCH, 2);
	put_be(out + 5, seq, 6);
	put_be(out + 11, n, 2);
	return (int)(DTLS_RECORD_HEAD + n);
}

int dtls_record_open(
	struct dtls_record *r, const struct dtls_head *h, uint8_t *buf, struct ar_span *plain)
{
	uint64_t behind = r->rx_top - h->seq - 1, ahead = h->seq + 1 - r->rx_top;
	bool newer = h->seq >= r->rx_top;
	int err;

	if (!newer && (behind >= DTLS_RECORD_WINDOW || r->rx_seen >> behind & 1))
		return -EALREADY;
	err = open_with(&r->rx, h, buf, plain);
	if (err)
		return err;
	if (!newer) {
		r->rx_seen |= 1ull << behind;
		return 0;
	}
	r->rx_seen = ahead < DTLS_RECORD_WINDOW ? r->rx_seen << ahead | 1 : 1;
	r->rx_top = h->seq + 1;
	return 0;
}

int dtls_record_adopt(struct dtls_record *r, const EVP_CIPHER *cipher,
	const struct dtls_record_keys *tx, const struct dtls_head *h, uint8_t *buf,
	struct ar_span *plain)
{
	uint8_t iv[DTLS_RECORD_SALT + DTLS_RECORD_NONCE];
	struct dtls_record_side mirror = {.ctx = NULL};
	int err = init_side(&mirror, cipher, tx, 0);

	if (!err)
		err = open_with(&mirror, h, buf, plain);
	EVP_CIPHER_CTX_free(mirror.ctx);
	if (err)
		return err;
	memcpy(iv, tx->salt, DTLS_RECORD_SALT);
	put_be(iv + DTLS_RECORD_SALT, get_be((const uint8_t *)h->body.p, DTLS_RECORD_NONCE) + 1,
		DTLS_RECORD_NONCE);
	if (EVP_CIPHER_CTX_ctrl(r->tx.ctx, EVP_CTRL_GCM_SET_IV_FIXED, WHOLE_IV, iv) != 1)
		return -ENOMEM;
	r->tx_seq = h->seq + 1;
	return 0;
}
