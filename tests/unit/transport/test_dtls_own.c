/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record layer that takes over after OpenSSL's handshake, with plain OpenSSL as the other end:
 * whatever one seals the other opens, and nothing else gets through.
 */
#include "tests/unit/transport/dtls_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *cipher; /* of the raw end */

static int set_up(void **state)
{
	cipher = "ECDHE-ECDSA-AES128-GCM-SHA256";
	return rig_set_up(state);
}

static void make_peer(struct end *e)
{
	rig_make_raw(e, fx.cert[1]->x509, fx.cert[1]->key);
	assert_true(SSL_set_cipher_list(e->raw, cipher));
}

static void connect_ours_to_raw(struct end *ours)
{
	rig_make_ours(ours, 0, NULL);
	make_peer(ours == &fx.a ? &fx.b : &fx.a);
	rig_exchange();
	assert_true(dtls_is_done(ours->dtls));
}

static void connect_ours(void)
{
	rig_make_ours(&fx.a, 0, NULL);
	rig_make_ours(&fx.b, 1, NULL);
	rig_exchange();
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
		unsigned x = (w->head + i) % RIG_QUEUE,
			 y = (w->head + i + (unsigned)rand() % (n - i)) % RIG_QUEUE;
		char *d = w->d[x];
		size_t len = w->n[x];

		w->d[x] = w->d[y], w->n[x] = w->n[y];
		w->d[y] = d, w->n[y] = len;
	}
	for (unsigned i = 0; i < n / 4; i++)
		wire_put(w, w->d[(w->head + i) % RIG_QUEUE], w->n[(w->head + i) % RIG_QUEUE]);
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
		rig_read_all(to);
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

		cipher = suites[i / 2].cipher;
		connect_ours_to_raw(ours);
		assert_string_equal(dtls_cipher(ours->dtls), cipher);
		assert_int_equal(ours->dtls->ssl == NULL, suites[i / 2].own);
		run_property(ours, other);
		run_property(other, ours);
		assert_int_equal(ours->result | other->result, 0);
		rig_tear_down(state);
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
	rig_make_ours(&fx.a, 0, NULL);
	rig_make_ours(&fx.b, 1, NULL);
	assert_int_equal(dtls_start(fx.b.dtls, vclock_now()), 0);
	rig_read_all(&fx.a);
	rig_read_all(&fx.b);
	rig_read_all(&fx.a); /* its last flight is on the way now */
	assert_true(dtls_is_done(fx.a.dtls));
	d = wire_newest(&fx.ab);
	while (dtls_record_next(&d, &h)) {
		if (h.epoch == 1) {
			seq = h.seq;
			nonce = be(h.body.p, 8);
		}
	}
	for (unsigned i = 1; i < 100; i++) {
		send_from(&fx.a, "x", 1);
		d = wire_newest(&fx.ab);
		assert_true(dtls_record_next(&d, &h) && !d.n);
		assert_true(h.epoch == 1 && h.seq == seq + i && be(h.body.p, 8) == nonce + i);
	}
	rig_exchange();
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
		n = wire_newest(&fx.ba).n;
		kept[i] = malloc(n);
		assert_non_null(kept[i]);
		memcpy(kept[i], wire_newest(&fx.ba).p, n);
	}
	rig_feed(&fx.a, kept[79], n);
	rig_feed(&fx.a, kept[79], n);
	assert_int_equal(fx.a.packets, 1);
	rig_feed(&fx.a, kept[16], n); /* 63 behind: the last that may come */
	assert_int_equal(fx.a.packets, 2);
	rig_feed(&fx.a, kept[15], n);
	assert_int_equal(fx.a.packets, 2);
	for (unsigned i = 0; i < 80; i++)
		rig_feed(&fx.a, kept[i], n);
	assert_int_equal(fx.a.packets, 64);
	for (unsigned i = 0; i < 80; i++) {
		rig_feed(&fx.a, kept[i], n);
		free(kept[i]);
	}
	assert_int_equal(fx.a.packets, 64);
	assert_int_equal(dtls_bad(fx.a.dtls), 1 + 1 + 16 + 2 + 80);
	wire_drop(&fx.ba);
	for (unsigned i = 0; i < 200; i++) /* far ahead: the window moves as a whole */
		send_from(&fx.b, "message", 7);
	rig_feed(&fx.a, wire_newest(&fx.ba).p, wire_newest(&fx.ba).n);
	assert_int_equal(fx.a.packets, 65);
	rig_read_all(&fx.a); /* 64 of them are recent enough, one has come */
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
	n = wire_newest(&fx.ba).n;
	memcpy(rec, wire_newest(&fx.ba).p, n);
	wire_drop(&fx.ba);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		rec[bit / 8] = (char)(rec[bit / 8] ^ 1 << bit % 8);
		rig_feed(&fx.a, rec, n);
		rec[bit / 8] = (char)(rec[bit / 8] ^ 1 << bit % 8);
	}
	assert_int_equal(fx.a.packets, 0);
	assert_int_equal(fx.a.result, 0);
	assert_true(dtls_bad(fx.a.dtls) >= 8 * n - 8); /* a type of epoch 0 is only repeated */
	for (size_t cut = 0; cut < n; cut++)
		rig_feed(&fx.a, rec, cut);
	assert_int_equal(fx.a.packets, 0);
	rig_feed(&fx.a, rec, n);
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
			rig_feed(&fx.a, rec, type == DTLS_ALERT ? 15 : 17);
			rig_feed(&fx.b, rec, type == DTLS_ALERT ? 15 : 17);
		}
	}
	assert_int_equal(fx.a.result | fx.b.result, 0);
	assert_int_equal(fx.a.packets + fx.b.packets, 0);
	assert_int_equal(fx.ab.head - fx.ab.tail, 0); /* and no answer */
	send_from(&fx.b, "x", 1);
	rig_exchange();
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
	rig_make_ours(&fx.a, 0, NULL);
	make_peer(&fx.b);
	rig_read_all(&fx.b);
	rig_read_all(&fx.a);
	rig_read_all(&fx.b);
	rig_read_all(&fx.a);
	assert_true(dtls_is_done(fx.a.dtls) && !SSL_is_init_finished(fx.b.raw));
	wire_drop(&fx.ab);
	for (unsigned i = 0; i < 100; i++)
		send_from(&fx.a, "lost", 4);
	wire_drop(&fx.ab);
	raw_timeout(&fx.b);
	rig_read_all(&fx.a);
	assert_int_equal(fx.ab.tail - fx.ab.head, 1);
	assert_in_range(wire_newest(&fx.ab).n, 40, 100);
	wire_drop(&fx.ab); /* and once more */
	raw_timeout(&fx.b);
	rig_exchange();
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
		rig_read_all(&fx.a);
		wire_drop(&fx.ab);
	}
	assert_int_equal(fx.ab.tail - sent, DTLS_MAX_REPEATS);
	/* the client has no last flight of a full handshake, and says nothing */
	sent = fx.ba.tail;
	assert_int_equal(dtls_own_send(fx.a.dtls, DTLS_HANDSHAKE,
				 (struct ar_span){finished, sizeof(finished)}),
		0);
	rig_read_all(&fx.b);
	assert_int_equal(fx.ba.tail, sent);
	send_from(&fx.b, "still there", 11);
	rig_exchange();
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
		rig_read_all(ours);
		assert_int_equal(ours->result, 0);
		assert_int_equal(ours->out->tail - ours->out->head, 1); /* no_renegotiation */
		assert_int_equal(wire_newest(ours->out).p[0], DTLS_ALERT);
		assert_int_equal(ours->dtls->ssl == NULL, 1);
		rig_tear_down(state);
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
		memcpy(all + n, wire_newest(&fx.ba).p, wire_newest(&fx.ba).n);
		n += wire_newest(&fx.ba).n;
	}
	wire_drop(&fx.ba);
	memcpy(all + n, "\x17\xfe\xfd\x00\x01\x00\x00\x00\x00\x00\x09\xff\xff", 13); /* too long */
	rig_feed(&fx.a, all, n + 13);
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
		rig_feed(&fx.a, rec, (size_t)n);
		assert_int_equal(fx.a.packets, len); /* an empty one is not handed up */
	}
	n = dtls_record_seal(&fx.b.dtls->rec, DTLS_APPLICATION_DATA,
		(struct ar_span){big, DTLS_RECORD_PLAIN}, (uint8_t *)rec);
	rig_feed(&fx.a, rec, (size_t)n);
	assert_int_equal(fx.a.packets, 34);
	assert_int_equal(fx.a.nlast, DTLS_RECORD_PLAIN);
	n = dtls_record_seal(&fx.b.dtls->rec, DTLS_APPLICATION_DATA,
		(struct ar_span){big, sizeof(big)}, (uint8_t *)rec);
	rig_feed(&fx.a, rec, (size_t)n);
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
	rig_read_all(&fx.a);
	assert_int_equal(fx.a.packets, 1);
}

static void test_close_notify_with_openssl(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct end *ours = i & 1 ? &fx.b : &fx.a, *other = i & 1 ? &fx.a : &fx.b;

		connect_ours_to_raw(ours);
		if (i & 2) {
			dtls_close(ours->dtls);
			rig_read_all(other);
			assert_true(SSL_get_shutdown(other->raw) & SSL_RECEIVED_SHUTDOWN);
		} else {
			SSL_shutdown(other->raw);
			rig_read_all(ours);
			assert_int_equal(ours->result, -ECONNRESET);
			assert_string_equal(dtls_why(ours->dtls), "DTLS closed by the UE");
			assert_int_equal(dtls_send(ours->dtls, AR_SPAN("x")), -ENOTCONN);
		}
		rig_tear_down(state);
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
	rig_read_all(&fx.a);
	assert_int_equal(fx.a.result, 0);
	assert_int_equal(dtls_bad(fx.a.dtls), 5);
	assert_int_equal(dtls_own_send(fx.b.dtls, DTLS_ALERT, AR_SPAN("\x02\x28")), 0);
	send_from(&fx.b, "after the end", 13);
	rig_read_all(&fx.a);
	assert_int_equal(fx.a.result, -ECONNRESET);
	assert_string_equal(dtls_why(fx.a.dtls), "DTLS ended by the UE: handshake failure");
	assert_int_equal(fx.a.packets, 0);
}

/* Data may overtake the flight that makes it readable: held, and handed up after it. */
static void test_data_before_the_last_flight(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		unsigned first, n;

		rig_make_ours(&fx.b, 0, NULL);
		if (i)
			make_peer(&fx.a);
		else
			rig_make_ours(&fx.a, 1, NULL);
		assert_int_equal(dtls_start(fx.b.dtls, vclock_now()), 0);
		rig_read_all(&fx.a);
		rig_read_all(&fx.b);
		rig_read_all(&fx.a);
		first = fx.ab.head;
		n = fx.ab.tail - first;
		for (unsigned k = 0; k < 2 * DTLS_MAX_EARLY; k++)
			send_from(&fx.a, "early", 5);
		for (unsigned k = n; k < n + 2 * DTLS_MAX_EARLY; k++)
			rig_feed(&fx.b, fx.ab.d[(first + k) % RIG_QUEUE],
				fx.ab.n[(first + k) % RIG_QUEUE]);
		assert_int_equal(fx.b.packets, 0);
		assert_int_equal(dtls_bad(fx.b.dtls), DTLS_MAX_EARLY);
		for (unsigned k = 0; k < n; k++)
			rig_feed(&fx.b, fx.ab.d[(first + k) % RIG_QUEUE],
				fx.ab.n[(first + k) % RIG_QUEUE]);
		assert_true(dtls_is_done(fx.b.dtls));
		assert_int_equal(fx.b.packets, DTLS_MAX_EARLY);
		rig_read_all(&fx.b); /* the rest again: what was held does not come twice */
		assert_int_equal(fx.b.packets, 2 * DTLS_MAX_EARLY);
		rig_tear_down(state);
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

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, rig_tear_down)

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
