/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record layer that takes over after OpenSSL's handshake, with plain OpenSSL as the other end:
 * whatever one seals the other opens, and nothing else gets through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/daemon/ar_clock.h"
#include "mediad/dtls/dtls_int.h"
#include "tests/lib/vclock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define QUEUE 256
#define DATAGRAM 17000

struct wire { /* datagrams one way */
	char *d[QUEUE];
	size_t n[QUEUE];
	unsigned head, tail;
};

struct end {
	struct dtls *dtls; /* ours, or */
	SSL *raw; /* plain OpenSSL */
	struct wire *out, *in;
	int result;
	unsigned packets;
	char last[DATAGRAM];
	size_t nlast;
	uint64_t sum; /* of all data, any order */
};

static struct {
	struct cert *cert[2];
	struct dtls_ctx *ctx[2];
	struct wire ab, ba;
	struct end a, b; /* a: DTLS server, b: client */
	BIO_METHOD *method;
	SSL_CTX *raw_ctx;
	const char *cipher; /* of the raw end */
} fx;

static void put(struct wire *w, const char *p, size_t n)
{
	assert_true(w->tail - w->head < QUEUE && n <= DATAGRAM);
	w->d[w->tail % QUEUE] = malloc(n); /* exact, so that a sanitizer sees an overread */
	assert_non_null(w->d[w->tail % QUEUE]);
	memcpy(w->d[w->tail % QUEUE], p, n);
	w->n[w->tail++ % QUEUE] = n;
}

static struct ar_span newest(const struct wire *w)
{
	return (struct ar_span){w->d[(w->tail - 1) % QUEUE], w->n[(w->tail - 1) % QUEUE]};
}

static void drop(struct wire *w)
{
	for (; w->head != w->tail; w->head++)
		free(w->d[w->head % QUEUE]);
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
	put(((struct end *)arg)->out, d.p, d.n);
}

static void on_data(void *arg, struct ar_span d)
{
	got(arg, d.p, d.n);
}

static const struct dtls_handlers handlers = {on_send, on_data};

static int raw_write(BIO *b, const char *p, int n)
{
	put(((struct end *)BIO_get_data(b))->out, p, (size_t)n);
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
	len = w->n[w->head % QUEUE];
	len = len < (size_t)n ? len : (size_t)n;
	memcpy(p, w->d[w->head % QUEUE], len);
	free(w->d[w->head++ % QUEUE]);
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

static int set_up(void **state)
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
	fx.cipher = "ECDHE-ECDSA-AES128-GCM-SHA256";
	srand(1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dtls_free(fx.a.dtls);
	dtls_free(fx.b.dtls);
	SSL_free(fx.a.raw);
	SSL_free(fx.b.raw);
	SSL_CTX_free(fx.raw_ctx);
	BIO_meth_free(fx.method);
	drop(&fx.ab);
	drop(&fx.ba);
	for (unsigned i = 0; i < 2; i++) {
		dtls_ctx_free(fx.ctx[i]);
		cert_free(fx.cert[i]);
	}
	return 0;
}

static void make_ours(struct end *e, unsigned cert)
{
	struct dtls_conf conf = {.client = e == &fx.b};

	assert_int_equal(dtls_new(&e->dtls, fx.ctx[cert], &conf, &handlers, e), 0);
}

static void make_raw(struct end *e)
{
	BIO *b;

	fx.raw_ctx = SSL_CTX_new(DTLS_method());
	fx.method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | 0x7e, "raw");
	assert_true(fx.raw_ctx && fx.method);
	BIO_meth_set_write(fx.method, raw_write);
	BIO_meth_set_read(fx.method, raw_read);
	BIO_meth_set_ctrl(fx.method, raw_ctrl);
	BIO_meth_set_create(fx.method, raw_create);
	assert_int_equal(SSL_CTX_use_certificate(fx.raw_ctx, fx.cert[1]->x509), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(fx.raw_ctx, fx.cert[1]->key), 1);
	SSL_CTX_set_read_ahead(fx.raw_ctx, 1);
	e->raw = SSL_new(fx.raw_ctx);
	b = BIO_new(fx.method);
	assert_true(e->raw && b && SSL_set_cipher_list(e->raw, fx.cipher));
	BIO_set_data(b, e);
	SSL_set_bio(e->raw, b, b);
	SSL_set_options(e->raw, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(e->raw, 1200);
	if (e == &fx.b)
		SSL_set_connect_state(e->raw);
	else
		SSL_set_accept_state(e->raw);
}

static void feed(struct end *e, const char *p, size_t n)
{
	int err = dtls_input(e->dtls, (struct ar_span){p, n}, vclock_now());

	if (err && !e->result)
		e->result = err;
}

static void read_raw(struct end *e)
{
	char buf[DATAGRAM];
	int r;

	if (!SSL_is_init_finished(e->raw)) {
		r = SSL_do_handshake(e->raw);
		if (r <= 0)
			return;
	}
	while ((r = SSL_read(e->raw, buf, sizeof(buf))) > 0)
		got(e, buf, (size_t)r);
	if (SSL_get_error(e->raw, r) != SSL_ERROR_WANT_READ)
		e->result = -ECONNRESET;
}

static void read_all(struct end *e)
{
	if (e->raw) {
		read_raw(e);
		return;
	}
	while (e->in->head != e->in->tail) {
		unsigned i = e->in->head++ % QUEUE;

		feed(e, e->in->d[i], e->in->n[i]);
		free(e->in->d[i]);
	}
}

static void exchange(void)
{
	unsigned before;

	if (fx.b.dtls && !dtls_is_done(fx.b.dtls) && !fx.ba.tail)
		assert_int_equal(dtls_start(fx.b.dtls, vclock_now()), 0);
	do {
		before = fx.ab.tail + fx.ba.tail;
		read_all(&fx.b);
		read_all(&fx.a);
	} while (fx.ab.tail + fx.ba.tail != before);
}

static void connect_ours_to_raw(struct end *ours)
{
	make_ours(ours, 0);
	make_raw(ours == &fx.a ? &fx.b : &fx.a);
	exchange();
	assert_true(dtls_is_done(ours->dtls));
}

static void connect_ours(void)
{
	make_ours(&fx.a, 0);
	make_ours(&fx.b, 1);
	exchange();
	assert_true(dtls_is_done(fx.a.dtls) && !fx.a.dtls->ssl);
	assert_true(dtls_is_done(fx.b.dtls) && !fx.b.dtls->ssl);
}

static void send_from(struct end *e, const char *p, size_t n)
{
	if (e->raw)
		assert_int_equal(SSL_write(e->raw, p, (int)n), (int)n);
	else
		assert_int_equal(dtls_send(e->dtls, (struct ar_span){p, n}), 0);
}

/* Shuffles what is under way, and doubles some of it. */
static void disturb(struct wire *w)
{
	unsigned n = w->tail - w->head;

	for (unsigned i = 0; i + 1 < n; i++) {
		unsigned x = (w->head + i) % QUEUE,
			 y = (w->head + i + (unsigned)rand() % (n - i)) % QUEUE;
		char *d = w->d[x];
		size_t len = w->n[x];

		w->d[x] = w->d[y], w->n[x] = w->n[y];
		w->d[y] = d, w->n[y] = len;
	}
	for (unsigned i = 0; i < n / 4; i++)
		put(w, w->d[(w->head + i) % QUEUE], w->n[(w->head + i) % QUEUE]);
}

static void run_property(struct end *from, struct end *to)
{
	char text[DTLS_MTU - DTLS_OVERHEAD];
	uint64_t sum = to->sum;
	unsigned sent = to->packets;

	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 1 + (unsigned)rand() % 40; i++) {
			size_t n = 1 + (size_t)rand() % sizeof(text);
			uint64_t h = n;

			for (size_t k = 0; k < n; k++) {
				text[k] = (char)rand();
				h = h * 31 + (uint8_t)text[k];
			}
			sum += h;
			sent++;
			send_from(from, text, n);
		}
		disturb(from->out);
		read_all(to);
	}
	assert_int_equal(to->packets, sent);
	assert_true(to->sum == sum);
}

/* Reordered and doubled by less than the window: all of it comes once and whole, both ways. */
static void test_openssl_understands_us_and_we_it(void **state)
{
	static const struct {
		const char *cipher;
		bool own;
	} suites[] = {{"ECDHE-ECDSA-AES128-GCM-SHA256", true},
		{"ECDHE-ECDSA-AES256-GCM-SHA384", true}, {"ECDHE-ECDSA-CHACHA20-POLY1305", false},
		{"ECDHE-ECDSA-AES128-SHA", false}};

	for (unsigned i = 0; i < 2 * sizeof(suites) / sizeof(suites[0]); i++) {
		struct end *ours = i & 1 ? &fx.b : &fx.a, *other = i & 1 ? &fx.a : &fx.b;

		fx.cipher = suites[i / 2].cipher;
		connect_ours_to_raw(ours);
		assert_string_equal(dtls_cipher(ours->dtls), fx.cipher);
		assert_int_equal(ours->dtls->ssl == NULL, suites[i / 2].own);
		run_property(ours, other);
		run_property(other, ours);
		assert_int_equal(ours->result | other->result, 0);
		tear_down(state);
		set_up(state);
	}
}

static uint64_t be(const char *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | (uint8_t)*p++;
	return v;
}

/* With one key no nonce may come twice, OpenSSL's records before and ours after included. */
static void test_numbers_go_on_where_openssl_stopped(void **state)
{
	uint64_t seq = 0, nonce = 0;
	struct ar_span d;
	struct dtls_head h;

	(void)state;
	make_ours(&fx.a, 0);
	make_ours(&fx.b, 1);
	assert_int_equal(dtls_start(fx.b.dtls, vclock_now()), 0);
	read_all(&fx.a);
	read_all(&fx.b);
	read_all(&fx.a); /* its last flight is on the way now */
	assert_true(dtls_is_done(fx.a.dtls));
	d = newest(&fx.ab);
	while (dtls_record_next(&d, &h)) {
		if (h.epoch == 1) {
			seq = h.seq;
			nonce = be(h.body.p, 8);
		}
	}
	for (unsigned i = 1; i < 100; i++) {
		send_from(&fx.a, "x", 1);
		d = newest(&fx.ab);
		assert_true(dtls_record_next(&d, &h) && !d.n);
		assert_true(h.epoch == 1 && h.seq == seq + i && be(h.body.p, 8) == nonce + i);
	}
	exchange();
	assert_int_equal(fx.b.packets, 99);
}

static void test_replayed_and_too_old(void **state)
{
	char *kept[80];
	size_t n = 0;

	(void)state;
	connect_ours();
	for (unsigned i = 0; i < 80; i++) {
		send_from(&fx.b, "message", 7);
		n = newest(&fx.ba).n;
		kept[i] = malloc(n);
		assert_non_null(kept[i]);
		memcpy(kept[i], newest(&fx.ba).p, n);
	}
	feed(&fx.a, kept[79], n);
	feed(&fx.a, kept[79], n);
	assert_int_equal(fx.a.packets, 1);
	feed(&fx.a, kept[16], n); /* 63 behind: the last that may come */
	assert_int_equal(fx.a.packets, 2);
	feed(&fx.a, kept[15], n);
	assert_int_equal(fx.a.packets, 2);
	for (unsigned i = 0; i < 80; i++)
		feed(&fx.a, kept[i], n);
	assert_int_equal(fx.a.packets, 64);
	for (unsigned i = 0; i < 80; i++) {
		feed(&fx.a, kept[i], n);
		free(kept[i]);
	}
	assert_int_equal(fx.a.packets, 64);
	assert_int_equal(dtls_bad(fx.a.dtls), 1 + 1 + 16 + 2 + 80);
	drop(&fx.ba);
	for (unsigned i = 0; i < 200; i++) /* far ahead: the window moves as a whole */
		send_from(&fx.b, "message", 7);
	feed(&fx.a, newest(&fx.ba).p, newest(&fx.ba).n);
	assert_int_equal(fx.a.packets, 65);
	read_all(&fx.a); /* 64 of them are recent enough, one has come */
	assert_int_equal(fx.a.packets, 65 + 63);
}

/* Every bit of a record counts, and what is forged does not use up its number. */
static void test_forged(void **state)
{
	char rec[200];
	size_t n;

	(void)state;
	connect_ours();
	send_from(&fx.b, "the true message", 16);
	n = newest(&fx.ba).n;
	memcpy(rec, newest(&fx.ba).p, n);
	drop(&fx.ba);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		rec[bit / 8] = (char)(rec[bit / 8] ^ 1 << bit % 8);
		feed(&fx.a, rec, n);
		rec[bit / 8] = (char)(rec[bit / 8] ^ 1 << bit % 8);
	}
	assert_int_equal(fx.a.packets, 0);
	assert_int_equal(fx.a.result, 0);
	assert_true(dtls_bad(fx.a.dtls) >= 8 * n - 8); /* a type of epoch 0 is only repeated */
	for (size_t cut = 0; cut < n; cut++)
		feed(&fx.a, rec, cut);
	assert_int_equal(fx.a.packets, 0);
	feed(&fx.a, rec, n);
	assert_int_equal(fx.a.packets, 1);
	assert_memory_equal(fx.a.last, "the true message", 16);
}

/* Without keys: other epochs, with data, alerts and handshake messages. */
static void test_other_epochs(void **state)
{
	static const char body[][4] = {{1, 0}, {2, 40}, {1, 0, 0, 0}};

	(void)state;
	connect_ours();
	for (unsigned epoch = 0; epoch < 4; epoch++) {
		for (unsigned type = 18; type < 28; type++) {
			char rec[17] = {(char)type, '\xfe', '\xfd', 0, (char)epoch};

			rec[10] = 99;
			rec[12] = type == DTLS_ALERT ? 2 : 4;
			memcpy(rec + 13, body[epoch % 3], 4);
			feed(&fx.a, rec, type == DTLS_ALERT ? 15 : 17);
			feed(&fx.b, rec, type == DTLS_ALERT ? 15 : 17);
		}
	}
	assert_int_equal(fx.a.result | fx.b.result, 0);
	assert_int_equal(fx.a.packets + fx.b.packets, 0);
	assert_int_equal(fx.ab.head - fx.ab.tail, 0); /* and no answer */
	send_from(&fx.b, "x", 1);
	exchange();
	assert_int_equal(fx.a.packets, 1);
}

static void raw_timeout(struct end *e)
{
	vclock_set(vclock_now() + 2 * AR_SEC);
	assert_true(DTLSv1_handle_timeout(e->raw) >= 0);
}

/* Our last flight is lost: OpenSSL repeats its own, and so do we, however much has gone out since.
 */
static void test_last_flight_is_repeated(void **state)
{
	(void)state;
	make_ours(&fx.a, 0);
	make_raw(&fx.b);
	read_all(&fx.b);
	read_all(&fx.a);
	read_all(&fx.b);
	read_all(&fx.a);
	assert_true(dtls_is_done(fx.a.dtls) && !SSL_is_init_finished(fx.b.raw));
	drop(&fx.ab);
	for (unsigned i = 0; i < 100; i++)
		send_from(&fx.a, "lost", 4);
	drop(&fx.ab);
	raw_timeout(&fx.b);
	read_all(&fx.a);
	assert_int_equal(fx.ab.tail - fx.ab.head, 1);
	assert_in_range(newest(&fx.ab).n, 40, 100);
	drop(&fx.ab); /* and once more */
	raw_timeout(&fx.b);
	exchange();
	assert_true(SSL_is_init_finished(fx.b.raw));
	run_property(&fx.a, &fx.b);
	run_property(&fx.b, &fx.a);
}

static void test_repeats_are_bounded(void **state)
{
	char finished[DTLS_FINISHED] = {20};
	unsigned sent;

	(void)state;
	connect_ours();
	sent = fx.ab.tail;
	for (unsigned i = 0; i < 4 * DTLS_MAX_REPEATS; i++) {
		assert_int_equal(dtls_own_send(fx.b.dtls, DTLS_HANDSHAKE,
					 (struct ar_span){finished, sizeof(finished)}),
			0);
		read_all(&fx.a);
		drop(&fx.ab);
	}
	assert_int_equal(fx.ab.tail - sent, DTLS_MAX_REPEATS);
	/* the client has no last flight of a full handshake, and says nothing */
	sent = fx.ba.tail;
	assert_int_equal(dtls_own_send(fx.a.dtls, DTLS_HANDSHAKE,
				 (struct ar_span){finished, sizeof(finished)}),
		0);
	read_all(&fx.b);
	assert_int_equal(fx.ba.tail, sent);
	send_from(&fx.b, "still there", 11);
	exchange();
	assert_int_equal(fx.a.packets, 1);
}

/* OpenSSL asks as server (HelloRequest) and as client (ClientHello); it takes no for an end. */
static void test_renegotiation_is_refused(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		struct end *ours = i ? &fx.b : &fx.a, *other = i ? &fx.a : &fx.b;

		connect_ours_to_raw(ours);
		SSL_renegotiate(other->raw);
		SSL_do_handshake(other->raw);
		read_all(ours);
		assert_int_equal(ours->result, 0);
		assert_int_equal(ours->out->tail - ours->out->head, 1); /* no_renegotiation */
		assert_int_equal(newest(ours->out).p[0], DTLS_ALERT);
		assert_int_equal(ours->dtls->ssl == NULL, 1);
		tear_down(state);
		set_up(state);
	}
}

static void test_several_records_in_one_datagram(void **state)
{
	char all[1000];
	size_t n = 0;

	(void)state;
	connect_ours();
	for (unsigned i = 0; i < 5; i++) {
		send_from(&fx.b, "12345", 5);
		memcpy(all + n, newest(&fx.ba).p, newest(&fx.ba).n);
		n += newest(&fx.ba).n;
	}
	drop(&fx.ba);
	memcpy(all + n, "\x17\xfe\xfd\x00\x01\x00\x00\x00\x00\x00\x09\xff\xff", 13); /* too long */
	feed(&fx.a, all, n + 13);
	assert_int_equal(fx.a.packets, 5);
	assert_int_equal(dtls_bad(fx.a.dtls), 1);
}

/* The largest that RFC 5246 allows, the smallest, none, and one byte too many. */
static void test_lengths(void **state)
{
	static char big[DTLS_RECORD_PLAIN + 1], rec[sizeof(big) + DTLS_RECORD_ROOM];
	int n;

	(void)state;
	connect_ours();
	for (size_t len = 0; len <= 33; len++) {
		n = dtls_record_seal(&fx.b.dtls->rec, DTLS_APPLICATION_DATA,
			(struct ar_span){big, len}, (uint8_t *)rec);
		feed(&fx.a, rec, (size_t)n);
		assert_int_equal(fx.a.packets, len); /* an empty one is not handed up */
	}
	n = dtls_record_seal(&fx.b.dtls->rec, DTLS_APPLICATION_DATA,
		(struct ar_span){big, DTLS_RECORD_PLAIN}, (uint8_t *)rec);
	feed(&fx.a, rec, (size_t)n);
	assert_int_equal(fx.a.packets, 34);
	assert_int_equal(fx.a.nlast, DTLS_RECORD_PLAIN);
	n = dtls_record_seal(&fx.b.dtls->rec, DTLS_APPLICATION_DATA,
		(struct ar_span){big, sizeof(big)}, (uint8_t *)rec);
	feed(&fx.a, rec, (size_t)n);
	assert_int_equal(fx.a.packets, 34);
	assert_int_equal(fx.a.result, 0);
}

static void test_no_number_is_left(void **state)
{
	(void)state;
	connect_ours();
	fx.b.dtls->rec.tx_seq = (1ull << 48) - 1;
	send_from(&fx.b, "last", 4);
	assert_int_equal(dtls_send(fx.b.dtls, AR_SPAN("one too many")), -EIO);
	read_all(&fx.a);
	assert_int_equal(fx.a.packets, 1);
}

static void test_close_notify_with_openssl(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct end *ours = i & 1 ? &fx.b : &fx.a, *other = i & 1 ? &fx.a : &fx.b;

		connect_ours_to_raw(ours);
		if (i & 2) {
			dtls_close(ours->dtls);
			read_all(other);
			assert_true(SSL_get_shutdown(other->raw) & SSL_RECEIVED_SHUTDOWN);
		} else {
			SSL_shutdown(other->raw);
			read_all(ours);
			assert_int_equal(ours->result, -ECONNRESET);
			assert_string_equal(dtls_why(ours->dtls), "DTLS closed by the UE");
			assert_int_equal(dtls_send(ours->dtls, AR_SPAN("x")), -ENOTCONN);
		}
		tear_down(state);
		set_up(state);
	}
}

static void test_alerts(void **state)
{
	(void)state;
	connect_ours();
	assert_int_equal(dtls_own_send(fx.b.dtls, DTLS_ALERT, AR_SPAN("\x01\x5a")), 0);
	assert_int_equal(dtls_own_send(fx.b.dtls, DTLS_ALERT, AR_SPAN("\x01")), 0);
	assert_int_equal(dtls_own_send(fx.b.dtls, DTLS_ALERT, AR_SPAN("\x03\x28")), 0);
	assert_int_equal(dtls_own_send(fx.b.dtls, DTLS_ALERT, AR_SPAN("\x02\x28\x00")), 0);
	assert_int_equal(dtls_own_send(fx.b.dtls, DTLS_CHANGE_CIPHER_SPEC, AR_SPAN("\x01")), 0);
	assert_int_equal(dtls_own_send(fx.b.dtls, (enum dtls_type)24, AR_SPAN("\x01")), 0);
	read_all(&fx.a);
	assert_int_equal(fx.a.result, 0);
	assert_int_equal(dtls_bad(fx.a.dtls), 5);
	assert_int_equal(dtls_own_send(fx.b.dtls, DTLS_ALERT, AR_SPAN("\x02\x28")), 0);
	send_from(&fx.b, "after the end", 13);
	read_all(&fx.a);
	assert_int_equal(fx.a.result, -ECONNRESET);
	assert_string_equal(dtls_why(fx.a.dtls), "DTLS ended by the UE: handshake failure");
	assert_int_equal(fx.a.packets, 0);
}

/* Data may overtake the flight that makes it readable: held, and handed up after it. */
static void test_data_before_the_last_flight(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		unsigned first, n;

		make_ours(&fx.b, 0);
		if (i)
			make_raw(&fx.a);
		else
			make_ours(&fx.a, 1);
		assert_int_equal(dtls_start(fx.b.dtls, vclock_now()), 0);
		read_all(&fx.a);
		read_all(&fx.b);
		read_all(&fx.a);
		first = fx.ab.head;
		n = fx.ab.tail - first;
		for (unsigned k = 0; k < 2 * DTLS_MAX_EARLY; k++)
			send_from(&fx.a, "early", 5);
		for (unsigned k = n; k < n + 2 * DTLS_MAX_EARLY; k++)
			feed(&fx.b, fx.ab.d[(first + k) % QUEUE], fx.ab.n[(first + k) % QUEUE]);
		assert_int_equal(fx.b.packets, 0);
		assert_int_equal(dtls_bad(fx.b.dtls), DTLS_MAX_EARLY);
		for (unsigned k = 0; k < n; k++)
			feed(&fx.b, fx.ab.d[(first + k) % QUEUE], fx.ab.n[(first + k) % QUEUE]);
		assert_true(dtls_is_done(fx.b.dtls));
		assert_int_equal(fx.b.packets, DTLS_MAX_EARLY);
		read_all(&fx.b); /* the rest again: what was held does not come twice */
		assert_int_equal(fx.b.packets, 2 * DTLS_MAX_EARLY);
		tear_down(state);
		set_up(state);
	}
}

static void test_identity_outlives_the_ssl(void **state)
{
	struct cert_prints right = {0}, wrong = {0};

	(void)state;
	connect_ours();
	assert_int_equal(cert_prints_add(&right, ar_span_str(fx.cert[1]->fingerprint)), 0);
	assert_int_equal(cert_prints_add(&wrong, ar_span_str(fx.cert[0]->fingerprint)), 0);
	assert_true(dtls_matches(fx.a.dtls, &right));
	assert_false(dtls_matches(fx.a.dtls, &wrong));
	assert_string_equal(dtls_cipher(fx.a.dtls), "ECDHE-ECDSA-AES128-GCM-SHA256");
	assert_true(dtls_next_timeout(fx.a.dtls) == AR_NEVER);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_openssl_understands_us_and_we_it),
		T(test_numbers_go_on_where_openssl_stopped),
		T(test_replayed_and_too_old),
		T(test_forged),
		T(test_other_epochs),
		T(test_last_flight_is_repeated),
		T(test_repeats_are_bounded),
		T(test_renegotiation_is_refused),
		T(test_several_records_in_one_datagram),
		T(test_lengths),
		T(test_no_number_is_left),
		T(test_close_notify_with_openssl),
		T(test_alerts),
		T(test_data_before_the_last_flight),
		T(test_identity_outlives_the_ssl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
