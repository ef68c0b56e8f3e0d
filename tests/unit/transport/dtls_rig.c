/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/transport/dtls_rig.h"

#include <errno.h>
#include <stdlib.h>

struct dtls_rig fx;

void wire_put(struct wire *w, const char *p, size_t n)
{
	assert_true(w->tail - w->head < RIG_QUEUE && n <= RIG_DATAGRAM);
	w->d[w->tail % RIG_QUEUE] = malloc(n);
	assert_non_null(w->d[w->tail % RIG_QUEUE]);
	memcpy(w->d[w->tail % RIG_QUEUE], p, n);
	w->n[w->tail++ % RIG_QUEUE] = n;
	if (n > w->largest)
		w->largest = n;
}

struct ar_span wire_newest(const struct wire *w)
{
	return (struct ar_span){w->d[(w->tail - 1) % RIG_QUEUE], w->n[(w->tail - 1) % RIG_QUEUE]};
}

void wire_drop(struct wire *w)
{
	for (; w->head != w->tail; w->head++)
		free(w->d[w->head % RIG_QUEUE]);
}

static void got(struct end *e, const char *p, size_t n)
{
	uint64_t h = n;

	assert_true(n <= sizeof(e->last));
	memcpy(e->last, p, n);
	e->nlast = n;
	e->packets++;
	for (size_t i = 0; i < n; i++)
		h = h * 31 + (uint8_t)p[i];
	e->sum += h;
}

static void on_send(void *arg, struct ar_span d)
{
	wire_put(((struct end *)arg)->out, d.p, d.n);
}

static void on_data(void *arg, struct ar_span d)
{
	got(arg, d.p, d.n);
}

static const struct dtls_handlers handlers = {on_send, on_data};

static int raw_write(BIO *b, const char *p, int n)
{
	wire_put(((struct end *)BIO_get_data(b))->out, p, (size_t)n);
	return n;
}

static int raw_read(BIO *b, char *p, int n)
{
	struct wire *w = ((struct end *)BIO_get_data(b))->in;
	size_t len;

	BIO_clear_retry_flags(b);
	if (w->head == w->tail) {
		BIO_set_retry_read(b);
		return -1;
	}
	len = w->n[w->head % RIG_QUEUE];
	len = len < (size_t)n ? len : (size_t)n;
	memcpy(p, w->d[w->head % RIG_QUEUE], len);
	free(w->d[w->head++ % RIG_QUEUE]);
	return (int)len;
}

static long raw_ctrl(BIO *b, int cmd, long num, void *p)
{
	(void)b;
	(void)num;
	(void)p;
	return cmd == BIO_CTRL_FLUSH || cmd == BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT;
}

static int raw_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

int rig_set_up(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(cert_new(&fx.cert[i]), 0);
		assert_int_equal(dtls_ctx_new(&fx.ctx[i], fx.cert[i]), 0);
	}
	fx.ab = fx.ba = (struct wire){.head = 0};
	fx.a = (struct end){.out = &fx.ab, .in = &fx.ba};
	fx.b = (struct end){.out = &fx.ba, .in = &fx.ab};
	fx.method = NULL;
	fx.raw_ctx = NULL;
	srand(1);
	return 0;
}

int rig_tear_down(void **state)
{
	(void)state;
	dtls_free(fx.a.dtls);
	dtls_free(fx.b.dtls);
	SSL_free(fx.a.raw);
	SSL_free(fx.b.raw);
	SSL_CTX_free(fx.raw_ctx);
	BIO_meth_free(fx.method);
	wire_drop(&fx.ab);
	wire_drop(&fx.ba);
	for (unsigned i = 0; i < 2; i++) {
		dtls_ctx_free(fx.ctx[i]);
		cert_free(fx.cert[i]);
	}
	return 0;
}

void rig_make_ours(struct end *e, unsigned cert, const struct peer_addr *unverified)
{
	struct dtls_conf conf = {.client = e == &fx.b, .unverified = unverified};

	assert_int_equal(dtls_new(&e->dtls, fx.ctx[cert], &conf, &handlers, e), 0);
}

void rig_make_raw(struct end *e, X509 *x509, EVP_PKEY *key)
{
	BIO *b;

	fx.raw_ctx = SSL_CTX_new(DTLS_method());
	fx.method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | 0x7e, "raw");
	assert_true(fx.raw_ctx && fx.method);
	BIO_meth_set_write(fx.method, raw_write);
	BIO_meth_set_read(fx.method, raw_read);
	BIO_meth_set_ctrl(fx.method, raw_ctrl);
	BIO_meth_set_create(fx.method, raw_create);
	if (x509) {
		assert_int_equal(SSL_CTX_use_certificate(fx.raw_ctx, x509), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(fx.raw_ctx, key), 1);
	}
	SSL_CTX_set_read_ahead(fx.raw_ctx, 1);
	SSL_CTX_set_verify(fx.raw_ctx, SSL_VERIFY_NONE, NULL);
	e->raw = SSL_new(fx.raw_ctx);
	b = BIO_new(fx.method);
	assert_true(e->raw && b);
	BIO_set_data(b, e);
	SSL_set_bio(e->raw, b, b);
	SSL_set_options(e->raw, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(e->raw, 1200);
	if (e == &fx.b)
		SSL_set_connect_state(e->raw);
	else
		SSL_set_accept_state(e->raw);
}

void rig_feed(struct end *e, const char *p, size_t n)
{
	int err = dtls_input(e->dtls, (struct ar_span){p, n}, vclock_now());

	if (err && !e->result)
		e->result = err;
}

static void read_raw(struct end *e)
{
	char buf[RIG_DATAGRAM];
	int r;

	if (!SSL_is_init_finished(e->raw)) {
		r = SSL_do_handshake(e->raw);
		if (r <= 0 && SSL_get_error(e->raw, r) != SSL_ERROR_WANT_READ)
			e->result = -EPROTO;
		if (r <= 0)
			return;
	}
	while ((r = SSL_read(e->raw, buf, sizeof(buf))) > 0)
		got(e, buf, (size_t)r);
	if (SSL_get_error(e->raw, r) != SSL_ERROR_WANT_READ)
		e->result = -ECONNRESET;
}

void rig_read_all(struct end *e)
{
	if (e->raw) {
		read_raw(e);
		return;
	}
	while (e->in->head != e->in->tail) {
		unsigned i = e->in->head++ % RIG_QUEUE;

		rig_feed(e, e->in->d[i], e->in->n[i]);
		free(e->in->d[i]);
	}
}

void rig_exchange(void)
{
	unsigned before;

	if (fx.b.dtls && !dtls_is_done(fx.b.dtls) && !fx.ba.tail)
		fx.b.result = dtls_start(fx.b.dtls, vclock_now());
	do {
		before = fx.ab.tail + fx.ba.tail;
		rig_read_all(&fx.b);
		rig_read_all(&fx.a);
	} while (fx.ab.tail + fx.ba.tail != before);
}
