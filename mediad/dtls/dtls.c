/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dtls/dtls_int.h"
#include "common/daemon/ar_clock.h"
#include "mediad/dtls/hello.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#define HELLO_VERIFY_REQUEST 3
#define BIO_OWN_TYPE 0x7f /* BIO_get_new_index() runs out after a hundred */

/* RFC 8827 6.5 asks for the first; the rest for peers with RSA certificates or without AES. */
static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
			      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
			      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
			      "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA";

/* Preferred first; SHA1_32 is left out (RFC 8827 6.5). */
#define SRTP_PROFILES "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80"
#define SRTP_LABEL "EXTRACTOR-dtls_srtp"

static int bio_write(BIO *b, const char *p, int n)
{
	struct dtls *d = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (d->silent) {
		d->asked = n > DTLS_RECORD_HEAD && p[DTLS_RECORD_HEAD] == HELLO_VERIFY_REQUEST;
		return n;
	}
	if (!d->done)
		dtls_own_note(d, (struct ar_span){p, (size_t)n});
	d->h.send(d->arg, (struct ar_span){p, (size_t)n});
	return n;
}

static int bio_read(BIO *b, char *p, int n)
{
	struct dtls *d = BIO_get_data(b);
	size_t len = d->in.n < (size_t)n ? d->in.n : (size_t)n;

	BIO_clear_retry_flags(b);
	if (!d->in.n) {
		BIO_set_retry_read(b);
		return -1;
	}
	memcpy(p, d->in.p, len);
	d->in = AR_SPAN_NONE;
	return (int)len;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	switch (cmd) {
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return DTLS_MTU;
	default:
		return 0;
	}
}

static int bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

static BIO_METHOD *make_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_OWN_TYPE | BIO_TYPE_SOURCE_SINK, "ims-ar peer");

	if (!m)
		return NULL;
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_ctrl(m, bio_ctrl);
	BIO_meth_set_create(m, bio_create);
	return m;
}

/* RFC 8842 5.1: certificates are self-signed, the fingerprint alone says whose they are. While it
 * is not known everything passes here and dtls_verify() decides later. */
static int on_certificate(X509_STORE_CTX *x, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct dtls *d = SSL_get_app_data(ssl);

	(void)arg;
	if (d->prints.n && !cert_prints_match(&d->prints, X509_STORE_CTX_get0_cert(x))) {
		d->mismatch = true;
		X509_STORE_CTX_set_error(x, X509_V_ERR_CERT_REJECTED);
		return 0;
	}
	X509_STORE_CTX_set_error(x, X509_V_OK);
	return 1;
}

static int on_cookie_make(SSL *ssl, unsigned char *cookie, unsigned *len)
{
	const struct dtls *d = SSL_get_app_data(ssl);

	*len = DTLS_COOKIE;
	return d->unverified && dtls_cookie_make(d->ctx, d->unverified, cookie);
}

static int on_cookie_check(SSL *ssl, const unsigned char *cookie, unsigned len)
{
	const struct dtls *d = SSL_get_app_data(ssl);

	return d->unverified &&
	       dtls_cookie_fits(d->ctx, d->unverified, (struct ar_span){(const char *)cookie, len});
}

static unsigned on_timer_length(SSL *ssl, unsigned last)
{
	const struct dtls *d = SSL_get_app_data(ssl);
	bool slow = d->client && d->unverified;
	unsigned max = slow ? 16 * DTLS_SLOW_RETRANSMIT : DTLS_RETRANSMIT_MAX;

	if (last == 0)
		return slow ? DTLS_SLOW_RETRANSMIT : DTLS_RETRANSMIT;
	return last * 2 > max ? max : last * 2;
}

static int set_up(struct dtls_ctx *c, const struct cert *cert)
{
	SSL_CTX *s = c->ssl;

	SSL_CTX_set_options(s, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				       SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(s, 1);
	SSL_CTX_set_verify(s, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(s, on_certificate, NULL);
	SSL_CTX_set_cookie_generate_cb(s, on_cookie_make);
	SSL_CTX_set_cookie_verify_cb(s, on_cookie_check);
	if (!SSL_CTX_set_min_proto_version(s, DTLS1_2_VERSION) ||
		!SSL_CTX_set_cipher_list(s, ciphers) ||
		!SSL_CTX_set1_groups_list(s, "X25519:P-256:P-384") ||
		!SSL_CTX_set_max_send_fragment(s, 1400) ||
		SSL_CTX_use_certificate(s, cert->x509) != 1 ||
		SSL_CTX_use_PrivateKey(s, cert->key) != 1)
		return -EINVAL;
	/* not for us, but werift will not go on without (0 is success here) */
	if (SSL_CTX_set_tlsext_use_srtp(s, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") != 0)
		return -EINVAL;
	return RAND_bytes(c->secret, sizeof(c->secret)) == 1 ? 0 : -EIO;
}

int dtls_ctx_new(struct dtls_ctx **cp, const struct cert *cert)
{
	struct dtls_ctx *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		return -ENOMEM;
	c->ssl = SSL_CTX_new(DTLS_method());
	c->bio = make_bio_method();
	c->gcm128 = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	c->gcm256 = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	c->prf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	if (!c->ssl || !c->bio || !c->gcm128 || !c->gcm256 || !c->prf)
		goto out;
	err = set_up(c, cert);
	if (err)
		goto out;
	*cp = c;
	c = NULL;
out:
	ERR_clear_error();
	dtls_ctx_free(c);
	return err;
}

void dtls_ctx_free(struct dtls_ctx *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ssl);
	BIO_meth_free(c->bio);
	EVP_CIPHER_free(c->gcm128);
	EVP_CIPHER_free(c->gcm256);
	EVP_KDF_free(c->prf);
	OPENSSL_cleanse(c->secret, sizeof(c->secret));
	free(c);
}

/*
 * A hello without a cookie, and the request for one, neither of which anybody sees: then message 1
 * is next both ways, as it is for the UE, which had its request from dtls_hello_ask(). So nothing
 * is made for one who is not at the address, the first fragment of a hello is enough, and no later
 * one without a cookie can disturb.
 */
static int begin_with_cookie(struct dtls *d)
{
	static const char hello[] = "\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x36" /* record */
				    "\1\0\0\x2a\0\0\0\0\0\0\0\x2a" /* ClientHello */
				    "\xfe\xfd" /* version, random, no session, no cookie */
				    "01234567890123456789012345678901\0\0"
				    "\0\2\xc0\x2b\1"; /* and its 0: suite, no compression */

	SSL_set_options(d->ssl, SSL_OP_COOKIE_EXCHANGE);
	d->silent = true;
	d->in = (struct ar_span){hello, sizeof(hello)};
	(void)SSL_do_handshake(d->ssl);
	d->silent = false;
	d->in = AR_SPAN_NONE;
	ERR_clear_error();
	return d->asked ? 0 : -EIO;
}

int dtls_new(struct dtls **dp, struct dtls_ctx *c, const struct dtls_conf *conf,
	const struct dtls_handlers *h, void *arg)
{
	struct dtls *d = calloc(1, sizeof(*d));
	BIO *bio = BIO_new(c->bio);

	if (!d || !bio || !(d->ssl = SSL_new(c->ssl))) {
		BIO_free(bio);
		free(d);
		return -ENOMEM;
	}
	d->ctx = c;
	d->h = *h;
	d->arg = arg;
	d->client = conf->client;
	d->srtp = conf->srtp;
	d->cipher = "";
	d->unverified = conf->unverified;
	d->deadline = AR_NEVER;
	BIO_set_data(bio, d);
	SSL_set_bio(d->ssl, bio, bio);
	SSL_set_app_data(d->ssl, d);
	SSL_set_mtu(d->ssl, DTLS_MTU);
	DTLS_set_timer_cb(d->ssl, on_timer_length);
	if (d->client) {
		SSL_set_connect_state(d->ssl);
	} else {
		SSL_set_accept_state(d->ssl);
	}
	/* 0 is success here */
	if ((conf->srtp && SSL_set_tlsext_use_srtp(d->ssl, SRTP_PROFILES) != 0) ||
		(!d->client && d->unverified && begin_with_cookie(d) != 0)) {
		dtls_free(d);
		return -ENOMEM;
	}
	*dp = d;
	return 0;
}

static void drop_early(struct dtls *d)
{
	for (unsigned i = 0; i < d->nearly; i++)
		free(d->early[i].data);
	d->nearly = 0;
}

void dtls_free(struct dtls *d)
{
	if (!d)
		return;
	drop_early(d);
	SSL_free(d->ssl);
	dtls_record_free(&d->rec);
	free(d->cert);
	free(d);
}

void dtls_set_prints(struct dtls *d, const struct cert_prints *prints)
{
	d->prints = *prints;
}

static void arm(struct dtls *d, uint64_t now)
{
	struct timeval tv;

	d->deadline = AR_NEVER;
	if (!d->dead && d->ssl && DTLSv1_get_timeout(d->ssl, &tv))
		d->deadline = now + (uint64_t)tv.tv_sec * AR_SEC + (uint64_t)tv.tv_usec;
}

int dtls_fail(struct dtls *d, int err, const char *what)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	d->dead = true;
	if (d->mismatch)
		err = -EACCES;
	if (err == -EACCES)
		snprintf(d->why, sizeof(d->why), "certificate does not match a=fingerprint");
	else
		snprintf(d->why, sizeof(d->why), "%s%s%s", what, reason ? ": " : "",
			reason ? reason : "");
	ERR_clear_error();
	return err;
}

/* What is asked for when the SSL may be gone. */
static int keep_identity(struct dtls *d)
{
	int n = i2d_X509(SSL_get0_peer_certificate(d->ssl), &d->cert);

	if (n <= 0)
		return dtls_fail(d, -EPROTO, "no memory for the certificate");
	d->ncert = (size_t)n;
	d->cipher = SSL_get_cipher_name(d->ssl);
	d->done = true;
	dtls_own_take(d);
	return 0;
}

static int handshake(struct dtls *d)
{
	int r = SSL_do_handshake(d->ssl), e;

	if (r == 1)
		return keep_identity(d);
	e = SSL_get_error(d->ssl, r);
	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
		return 0;
	return dtls_fail(d, -EPROTO, "DTLS handshake failed");
}

int dtls_start(struct dtls *d, uint64_t now)
{
	int err = handshake(d);

	arm(d, now);
	return err;
}

/* All records of the datagram. */
static int read_records(struct dtls *d, bool data)
{
	bool got = false;
	int n = 0, e;

	while (!d->dead) {
		n = SSL_read(d->ssl, d->ctx->buf, sizeof(d->ctx->buf));
		if (n <= 0)
			break;
		got = true;
		d->h.on_data(d->arg, (struct ar_span){d->ctx->buf, (size_t)n});
		/* an SSL_read that finds nothing costs a third of one that does */
		if (!d->in.n && !SSL_has_pending(d->ssl))
			return 0;
	}
	if (d->dead)
		return 0;
	e = SSL_get_error(d->ssl, n);
	if (e == SSL_ERROR_WANT_READ) {
		d->bad += data && !got;
		return 0;
	}
	return dtls_fail(d, -ECONNRESET,
		e == SSL_ERROR_ZERO_RETURN ? "DTLS closed by the UE" : "DTLS ended by the UE");
}

/* Data may overtake the last flight. */
static void hold(struct dtls *d, const struct dtls_head *h, struct ar_span record)
{
	char *copy = h->epoch == 1 && d->nearly < DTLS_MAX_EARLY ? malloc(record.n) : NULL;

	if (!copy) {
		d->bad++;
		return;
	}
	memcpy(copy, record.p, record.n);
	d->early[d->nearly++] = (struct dtls_early){copy, record.n};
}

static int on_record(struct dtls *d, const struct dtls_head *h, struct ar_span record)
{
	bool data = h->type == DTLS_APPLICATION_DATA;
	int err = 0;

	if (!d->ssl)
		return dtls_own_input(d, h);
	if (!d->done && data) {
		hold(d, h, record);
		return 0;
	}
	ERR_clear_error(); /* SSL_get_error() takes what another left for ours */
	d->in = record;
	if (!d->done)
		err = handshake(d);
	if (!err && d->done && d->ssl)
		err = read_records(d, data);
	d->in = AR_SPAN_NONE;
	return err;
}

static int read_early(struct dtls *d)
{
	struct dtls_head h;
	int err = 0;

	for (unsigned i = 0; i < d->nearly && !err && !d->dead; i++) {
		struct ar_span record = {d->early[i].data, d->early[i].n}, rest = record;

		if (dtls_record_next(&rest, &h))
			err = on_record(d, &h, record);
	}
	drop_early(d);
	return err;
}

int dtls_input(struct dtls *d, struct ar_span datagram, uint64_t now)
{
	bool was_done = d->done;
	struct ar_span record = datagram;
	struct dtls_head h;
	int err = 0;

	while (!err && !d->dead && dtls_record_next(&datagram, &h)) {
		record.n = (size_t)(datagram.p - record.p);
		err = on_record(d, &h, record);
		record.p = datagram.p;
		if (!err && d->done && d->nearly)
			err = read_early(d);
	}
	if (!was_done)
		arm(d, now);
	d->bad += !err && !d->dead && datagram.n;
	return err;
}

bool dtls_is_done(const struct dtls *d)
{
	return d->done;
}

bool dtls_matches(const struct dtls *d, const struct cert_prints *prints)
{
	return d->done &&
	       cert_prints_match_der(prints, (struct ar_span){(char *)d->cert, d->ncert});
}

bool dtls_verify(const struct dtls *d)
{
	return dtls_matches(d, &d->prints);
}

static enum rtpsec_profile agreed(const struct dtls *d)
{
	const SRTP_PROTECTION_PROFILE *p = SSL_get_selected_srtp_profile(d->ssl);

	switch (p ? p->id : 0) {
	case SRTP_AEAD_AES_128_GCM:
		return RTPSEC_AEAD_AES_128_GCM;
	case SRTP_AEAD_AES_256_GCM:
		return RTPSEC_AEAD_AES_256_GCM;
	case SRTP_AES128_CM_SHA1_80:
		return RTPSEC_AES128_CM_SHA1_80;
	default:
		return RTPSEC_NONE;
	}
}

int dtls_srtp_keys(struct dtls *d, enum rtpsec_profile *profile, uint8_t *tx, uint8_t *rx)
{
	enum rtpsec_profile p = d->done && d->ssl ? agreed(d) : RTPSEC_NONE;
	size_t key = rtpsec_key_len(p), salt = rtpsec_salt_len(p);
	uint8_t m[2 * RTPSEC_MAX_KEY], *client = d->client ? tx : rx, *server = d->client ? rx : tx;

	if (!d->done || d->dead)
		return -ENOTCONN;
	if (p == RTPSEC_NONE)
		return -ENOENT;
	if (SSL_export_keying_material(d->ssl, m, 2 * (key + salt), SRTP_LABEL,
		    sizeof(SRTP_LABEL) - 1, NULL, 0, 0) != 1) {
		ERR_clear_error();
		return -EIO;
	}
	memcpy(client, m, key);
	memcpy(server, m + key, key);
	memcpy(client + key, m + 2 * key, salt);
	memcpy(server + key, m + 2 * key + salt, salt);
	OPENSSL_cleanse(m, sizeof(m));
	*profile = p;
	return 0;
}

int dtls_send(struct dtls *d, struct ar_span packet)
{
	int n;

	if (!d->done || d->dead)
		return -ENOTCONN;
	if (packet.n > DTLS_MTU - DTLS_OVERHEAD)
		return -EMSGSIZE;
	if (!d->ssl)
		return dtls_own_send(d, DTLS_APPLICATION_DATA, packet);
	n = SSL_write(d->ssl, packet.p, (int)packet.n);
	if (n > 0)
		return 0;
	ERR_clear_error();
	return -EIO;
}

uint64_t dtls_next_timeout(const struct dtls *d)
{
	return d->deadline;
}

int dtls_on_timer(struct dtls *d, uint64_t now)
{
	int r;

	if (now < d->deadline)
		return 0;
	r = DTLSv1_handle_timeout(d->ssl);
	arm(d, now);
	if (r >= 0)
		return 0;
	dtls_fail(d, -ETIMEDOUT, "DTLS handshake timed out");
	d->deadline = AR_NEVER;
	return -ETIMEDOUT;
}

void dtls_close(struct dtls *d)
{
	static const char close_notify[2] = {1, 0}; /* warning */

	if (d->done && !d->dead && !d->ssl &&
		dtls_own_send(
			d, DTLS_ALERT, (struct ar_span){close_notify, sizeof(close_notify)}) != 0)
		d->bad++;
	else if (d->done && !d->dead && d->ssl)
		SSL_shutdown(d->ssl);
	d->dead = true;
	d->deadline = AR_NEVER;
	ERR_clear_error();
}

uint64_t dtls_bad(const struct dtls *d)
{
	return d->bad;
}

const char *dtls_why(const struct dtls *d)
{
	return d->why;
}

const char *dtls_cipher(const struct dtls *d)
{
	return d->cipher;
}
