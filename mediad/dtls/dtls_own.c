/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dtls/dtls_int.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <stdio.h>

#define RANDOM 32
#define MASTER 48

enum { ALERT_WARNING = 1, ALERT_FATAL = 2, ALERT_CLOSE_NOTIFY = 0, ALERT_NO_RENEGOTIATION = 100 };
enum { HELLO_REQUEST = 0, CLIENT_HELLO = 1, FINISHED = 20 };

void dtls_own_note(struct dtls *d, struct ar_span datagram)
{
	struct dtls_head h;
	const char *at = datagram.p;

	while (dtls_record_next(&datagram, &h)) {
		size_t n = (size_t)(datagram.p - at);

		if (h.type == DTLS_CHANGE_CIPHER_SPEC && n == sizeof(d->ccs)) {
			memcpy(d->ccs, at, n);
			d->nccs = n;
		} else if (h.epoch == 1) {
			/* anything but Finished: a sequence number of the epoch that we miss */
			d->nfinished = n == sizeof(d->finished) ? n : 0;
			memcpy(d->finished, at, d->nfinished);
		}
		at = datagram.p;
	}
}

/* RFC 5246 6.3: no MAC keys with AEAD. */
static bool derive(
	struct dtls *d, const SSL_CIPHER *c, struct ar_span master, uint8_t *out, size_t n)
{
	uint8_t seed[2 * RANDOM];
	const EVP_MD *md = SSL_CIPHER_get_handshake_digest(c);
	EVP_KDF_CTX *k = EVP_KDF_CTX_new(d->ctx->prf);
	OSSL_PARAM p[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
				  (char *)(uintptr_t)(md ? EVP_MD_get0_name(md) : ""), 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)master.p, master.n),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SEED, (void *)(uintptr_t) "key expansion", 13),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
		OSSL_PARAM_construct_end()};
	bool ok = k && md && SSL_get_server_random(d->ssl, seed, RANDOM) == RANDOM &&
		  SSL_get_client_random(d->ssl, seed + RANDOM, RANDOM) == RANDOM &&
		  EVP_KDF_derive(k, out, n, p) == 1;

	EVP_KDF_CTX_free(k);
	return ok;
}

static bool make_keys(struct dtls *d, const SSL_CIPHER *c, size_t len, struct dtls_record_keys *tx,
	struct dtls_record_keys *rx)
{
	struct dtls_record_keys *client = d->client ? tx : rx, *server = d->client ? rx : tx;
	uint8_t block[2 * (sizeof(tx->key) + DTLS_RECORD_SALT)], master[MASTER];
	size_t n = SSL_SESSION_get_master_key(SSL_get0_session(d->ssl), master, sizeof(master));
	bool ok = derive(
		d, c, (struct ar_span){(char *)master, n}, block, 2 * (len + DTLS_RECORD_SALT));

	memcpy(client->key, block, len);
	memcpy(server->key, block + len, len);
	memcpy(client->salt, block + 2 * len, DTLS_RECORD_SALT);
	memcpy(server->salt, block + 2 * len + DTLS_RECORD_SALT, DTLS_RECORD_SALT);
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(master, sizeof(master));
	return ok;
}

static bool take(struct dtls *d, const SSL_CIPHER *c, const EVP_CIPHER *cipher, size_t key_len)
{
	struct ar_span last = {(char *)d->finished, d->nfinished};
	struct dtls_record_keys tx = {{0}, {0}}, rx = {{0}, {0}};
	uint8_t buf[sizeof(d->finished)];
	struct ar_span plain = AR_SPAN_NONE;
	struct dtls_head h;
	bool ok = dtls_record_next(&last, &h) && make_keys(d, c, key_len, &tx, &rx) &&
		  dtls_record_init(&d->rec, cipher, &tx, &rx) == 0;

	/* that our own Finished opens shows that OpenSSL has derived the same keys */
	if (ok && (dtls_record_adopt(&d->rec, cipher, &tx, &h, buf, &plain) != 0 ||
			  plain.n != DTLS_FINISHED)) {
		dtls_record_free(&d->rec);
		ok = false;
	}
	if (ok)
		memcpy(d->finished, plain.p, d->nfinished = DTLS_FINISHED);
	OPENSSL_cleanse(&tx, sizeof(tx));
	OPENSSL_cleanse(&rx, sizeof(rx));
	return ok;
}

void dtls_own_take(struct dtls *d)
{
	const SSL_CIPHER *c = SSL_get_current_cipher(d->ssl);
	int nid = c ? SSL_CIPHER_get_cipher_nid(c) : NID_undef;
	bool small = nid == NID_aes_128_gcm;

	/* SRTP keys are exported later; records shorter than ours need OpenSSL (RFC 6066 4) */
	if (d->srtp || (!small && nid != NID_aes_256_gcm) ||
		SSL_version(d->ssl) != DTLS1_2_VERSION || SSL_session_reused(d->ssl) ||
		SSL_SESSION_get_max_fragment_length(SSL_get0_session(d->ssl)))
		return;
	if (take(d, c, small ? d->ctx->gcm128 : d->ctx->gcm256, small ? 16 : 32)) {
		SSL_free(d->ssl);
		d->ssl = NULL;
	}
	ERR_clear_error();
}

int dtls_own_send(struct dtls *d, enum dtls_type type, struct ar_span plain)
{
	int n = dtls_record_seal(&d->rec, type, plain, (uint8_t *)d->ctx->out);

	if (n < 0)
		return -EIO;
	d->h.send(d->arg, (struct ar_span){d->ctx->out, (size_t)n});
	return 0;
}

/* The UE sends its Finished again: it has not had ours (RFC 6347 4.2.4). One datagram. */
static void repeat_last_flight(struct dtls *d)
{
	char *out = d->ctx->out;
	int n;

	memcpy(out, d->ccs, d->nccs);
	n = dtls_record_seal(&d->rec, DTLS_HANDSHAKE,
		(struct ar_span){(char *)d->finished, d->nfinished}, (uint8_t *)out + d->nccs);
	if (n > 0)
		d->h.send(d->arg, (struct ar_span){out, d->nccs + (size_t)n});
}

/* Authentic, but there is no handshake any more. */
static int on_handshake(struct dtls *d, struct ar_span p)
{
	static const char refusal[2] = {ALERT_WARNING, ALERT_NO_RENEGOTIATION};
	uint8_t type = p.n ? (uint8_t)p.p[0] : 255;

	if (d->repeats == DTLS_MAX_REPEATS) {
		d->bad++;
		return 0;
	}
	d->repeats++;
	if (type == FINISHED && !d->client)
		repeat_last_flight(d);
	else if (type == (d->client ? HELLO_REQUEST : CLIENT_HELLO))
		return dtls_own_send(d, DTLS_ALERT, (struct ar_span){refusal, sizeof(refusal)});
	else
		d->bad++;
	return 0;
}

static int on_alert(struct dtls *d, struct ar_span p)
{
	char text[80];

	if (p.n != 2 || (p.p[0] != ALERT_WARNING && p.p[0] != ALERT_FATAL)) {
		d->bad++;
		return 0;
	}
	if (p.p[1] == ALERT_CLOSE_NOTIFY)
		return dtls_fail(d, -ECONNRESET, "DTLS closed by the UE");
	if (p.p[0] == ALERT_WARNING)
		return 0;
	snprintf(text, sizeof(text), "DTLS ended by the UE: %s",
		SSL_alert_desc_string_long((uint8_t)p.p[1]));
	return dtls_fail(d, -ECONNRESET, text);
}

int dtls_own_input(struct dtls *d, const struct dtls_head *h)
{
	struct ar_span plain;

	/* epoch 0 is over: what still comes is repeated or forged */
	if (h->epoch != 1) {
		d->bad += h->type != DTLS_HANDSHAKE && h->type != DTLS_CHANGE_CIPHER_SPEC;
		return 0;
	}
	if (dtls_record_open(&d->rec, h, (uint8_t *)d->ctx->buf, &plain) != 0) {
		d->bad++;
		return 0;
	}
	switch (h->type) {
	case DTLS_APPLICATION_DATA:
		if (plain.n)
			d->h.on_data(d->arg, plain);
		return 0;
	case DTLS_ALERT:
		return on_alert(d, plain);
	case DTLS_HANDSHAKE:
		return on_handshake(d, plain);
	default:
		d->bad++;
		return 0;
	}
}
