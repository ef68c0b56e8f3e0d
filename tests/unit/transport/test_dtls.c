/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DTLS with itself and with plain OpenSSL peers of every kind; certificates and fingerprints. */
#include "mediad/dtls/hello.h"
#include "mediad/net/peer_addr.h"
#include "tests/unit/transport/dtls_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct cert_prints prints_of(const struct cert *c)
{
	struct cert_prints p = {0};

	assert_int_equal(cert_prints_add(&p, ar_span_str(c->fingerprint)), 0);
	return p;
}

static void digest_text(const X509 *x, const EVP_MD *md, const char *name, char *out)
{
	uint8_t v[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	assert_true(X509_digest(x, md, v, &n));
	out += sprintf(out, "%s ", name);
	for (unsigned i = 0; i < n; i++)
		out += sprintf(out, "%s%02x", i ? ":" : "", v[i]);
}

static void test_fingerprints(void **state)
{
	struct cert_prints p = {0};
	char sha1[80], sha256[120], sha512[220], line[140];

	(void)state;
	digest_text(fx.cert[0]->x509, EVP_sha1(), "SHA-1", sha1);
	digest_text(fx.cert[0]->x509, EVP_sha256(), "sha-256", sha256);
	digest_text(fx.cert[0]->x509, EVP_sha512(), "Sha-512", sha512);
	assert_false(cert_prints_match(&p, fx.cert[0]->x509)); /* none: no match */
	/* SHA-1 counts only while nothing stronger is named */
	assert_int_equal(cert_prints_add(&p, ar_span_str(sha1)), 0);
	assert_true(cert_prints_match(&p, fx.cert[0]->x509));
	assert_false(cert_prints_match(&p, fx.cert[1]->x509));
	assert_int_equal(cert_prints_add(&p, ar_span_str(fx.cert[1]->fingerprint)), 0);
	assert_false(cert_prints_match(&p, fx.cert[0]->x509));
	assert_true(cert_prints_match(&p, fx.cert[1]->x509));
	/* several of the strongest: any of them */
	assert_int_equal(cert_prints_add(&p, ar_span_str(sha256)), 0);
	assert_true(cert_prints_match(&p, fx.cert[0]->x509));
	assert_true(cert_prints_match(&p, fx.cert[1]->x509));
	assert_int_equal(cert_prints_add(&p, ar_span_str(sha512)), 0);
	assert_true(cert_prints_match(&p, fx.cert[0]->x509));
	assert_false(cert_prints_match(&p, fx.cert[1]->x509));
	assert_int_equal(cert_prints_add(&p, ar_span_str(sha1)), 0); /* weaker: ignored */
	assert_true(cert_prints_match(&p, fx.cert[0]->x509));

	assert_int_equal(cert_prints_add(&p, AR_SPAN("")), -EINVAL);
	assert_int_equal(cert_prints_add(&p, AR_SPAN("sha-256")), -EINVAL);
	assert_int_equal(cert_prints_add(&p, AR_SPAN("sha-256 ")), -EINVAL);
	assert_int_equal(cert_prints_add(&p, AR_SPAN("sha-256 AB:CD")), -EINVAL);
	assert_int_equal(
		cert_prints_add(&p, AR_SPAN("md5 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:"
					    "ee:ff")),
		-EINVAL);
	snprintf(line, sizeof(line), "%s", sha256);
	line[20] = 'x';
	assert_int_equal(cert_prints_add(&p, ar_span_str(line)), -EINVAL);
	snprintf(line, sizeof(line), "  %s \r", sha256);
	p = (struct cert_prints){0};
	assert_int_equal(cert_prints_add(&p, ar_span_str(line)), 0);
	for (unsigned i = 0; i < 3 * CERT_MAX_PRINTS; i++)
		assert_int_equal(cert_prints_add(&p, ar_span_str(sha256)), 0);
	assert_int_equal(p.n, CERT_MAX_PRINTS);
}

static void test_handshake_and_data(void **state)
{
	struct cert_prints of_a = prints_of(fx.cert[0]), of_b = prints_of(fx.cert[1]);
	char big[DTLS_MTU];

	(void)state;
	rig_make_ours(&fx.a, 0, NULL);
	rig_make_ours(&fx.b, 1, NULL);
	dtls_set_prints(fx.a.dtls, &of_b);
	assert_int_equal(dtls_send(fx.a.dtls, AR_SPAN("early")), -ENOTCONN);
	rig_exchange();
	assert_true(dtls_is_done(fx.a.dtls) && dtls_is_done(fx.b.dtls));
	assert_true(dtls_verify(fx.a.dtls));
	assert_false(dtls_verify(fx.b.dtls)); /* not told yet whom to expect */
	dtls_set_prints(fx.b.dtls, &of_b);
	assert_false(dtls_verify(fx.b.dtls));
	dtls_set_prints(fx.b.dtls, &of_a);
	assert_true(dtls_verify(fx.b.dtls));
	assert_string_equal(dtls_cipher(fx.a.dtls), "ECDHE-ECDSA-AES128-GCM-SHA256");
	assert_true(fx.ab.largest <= DTLS_MTU && fx.ba.largest <= DTLS_MTU);
	assert_true(dtls_next_timeout(fx.a.dtls) == AR_NEVER);
	assert_true(dtls_next_timeout(fx.b.dtls) == AR_NEVER);

	memset(big, 'x', sizeof(big));
	assert_int_equal(dtls_send(fx.a.dtls, (struct ar_span){big, DTLS_MTU - DTLS_OVERHEAD}), 0);
	assert_int_equal(dtls_send(fx.a.dtls, (struct ar_span){big, DTLS_MTU - DTLS_OVERHEAD + 1}),
		-EMSGSIZE);
	rig_exchange();
	assert_int_equal(fx.b.nlast, DTLS_MTU - DTLS_OVERHEAD);
	assert_int_equal(fx.ab.largest, DTLS_MTU);
}

static void test_wrong_certificate(void **state)
{
	struct cert_prints of_a = prints_of(fx.cert[0]);

	(void)state;
	rig_make_ours(&fx.a, 0, NULL);
	rig_make_ours(&fx.b, 1, NULL);
	dtls_set_prints(fx.a.dtls, &of_a); /* expects itself */
	rig_exchange();
	assert_int_equal(fx.a.result, -EACCES);
	assert_string_equal(dtls_why(fx.a.dtls), "certificate does not match a=fingerprint");
	assert_false(dtls_is_done(fx.a.dtls));
	assert_int_not_equal(fx.b.result, 0); /* told by bad_certificate */
	assert_non_null(strstr(dtls_why(fx.b.dtls), "bad certificate"));
}

static void test_client_without_certificate(void **state)
{
	(void)state;
	rig_make_ours(&fx.a, 0, NULL);
	rig_make_raw(&fx.b, NULL, NULL);
	rig_exchange();
	assert_int_equal(fx.a.result, -EPROTO);
	assert_false(dtls_is_done(fx.a.dtls));
}

static void rsa_identity(X509 **x, EVP_PKEY **key)
{
	*key = EVP_RSA_gen(2048);
	*x = X509_new();
	assert_true(*key && *x);
	X509_gmtime_adj(X509_getm_notBefore(*x), 0);
	X509_gmtime_adj(X509_getm_notAfter(*x), 3600);
	X509_set_pubkey(*x, *key);
	assert_true(X509_sign(*x, *key, EVP_sha256()));
}

static void test_rsa_peers(void **state)
{
	char text[120];

	(void)state;
	for (unsigned role = 0; role < 2; role++) {
		struct cert_prints p = {0};
		struct end *ours = role ? &fx.b : &fx.a, *other = role ? &fx.a : &fx.b;
		EVP_PKEY *key;
		X509 *x;

		rsa_identity(&x, &key);
		rig_make_ours(ours, 0, NULL);
		rig_make_raw(other, x, key);
		digest_text(x, EVP_sha256(), "sha-256", text);
		assert_int_equal(cert_prints_add(&p, ar_span_str(text)), 0);
		dtls_set_prints(ours->dtls, &p);
		rig_exchange();
		assert_int_equal(ours->result, 0);
		assert_true(dtls_verify(ours->dtls));
		X509_free(x);
		EVP_PKEY_free(key);
		rig_tear_down(state);
		rig_set_up(state);
	}
}

static void test_old_versions_are_refused(void **state)
{
	(void)state;
	rig_make_ours(&fx.a, 0, NULL);
	rig_make_raw(&fx.b, fx.cert[1]->x509, fx.cert[1]->key);
	SSL_set_security_level(fx.b.raw, 0);
	SSL_set_min_proto_version(fx.b.raw, DTLS1_VERSION);
	SSL_set_max_proto_version(fx.b.raw, DTLS1_VERSION);
	rig_exchange();
	assert_int_equal(fx.a.result, -EPROTO);
}

static void test_our_cipher_order_and_use_srtp(void **state)
{
	(void)state;
	rig_make_ours(&fx.a, 0, NULL);
	rig_make_raw(&fx.b, fx.cert[1]->x509, fx.cert[1]->key);
	SSL_set_cipher_list(
		fx.b.raw, "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256");
	assert_int_equal(SSL_set_tlsext_use_srtp(fx.b.raw, "SRTP_AES128_CM_SHA1_80"), 0);
	rig_exchange();
	assert_true(SSL_is_init_finished(fx.b.raw));
	assert_string_equal(SSL_get_cipher_name(fx.b.raw), "ECDHE-ECDSA-AES128-GCM-SHA256");
	assert_non_null(SSL_get_selected_srtp_profile(fx.b.raw));
	assert_false(SSL_SESSION_has_ticket(SSL_get0_session(fx.b.raw)));
}

static void test_client_hello_in_two_datagrams(void **state)
{
	unsigned char alpn[201];

	(void)state;
	rig_make_ours(&fx.a, 0, NULL);
	rig_make_raw(&fx.b, fx.cert[1]->x509, fx.cert[1]->key);
	memset(alpn, 200, sizeof(alpn)); /* one name of 200 bytes makes the hello long */
	assert_int_equal(SSL_set_alpn_protos(fx.b.raw, alpn, sizeof(alpn)), 0);
	assert_true(SSL_set_mtu(fx.b.raw, 260));
	rig_read_all(&fx.b);
	assert_true(fx.ba.tail >= 2); /* the hello alone */
	rig_exchange();
	assert_true(SSL_is_init_finished(fx.b.raw));
	assert_true(dtls_is_done(fx.a.dtls));
}

static void test_renegotiation_is_refused(void **state)
{
	(void)state;
	rig_make_ours(&fx.a, 0, NULL);
	rig_make_raw(&fx.b, fx.cert[1]->x509, fx.cert[1]->key);
	rig_exchange();
	assert_true(dtls_is_done(fx.a.dtls));
	SSL_renegotiate(fx.b.raw);
	SSL_do_handshake(fx.b.raw);
	rig_exchange();
	/* we only warn; OpenSSL as the other side gives up then */
	assert_int_equal(fx.a.result, -ECONNRESET);
}

static void test_close_notify(void **state)
{
	(void)state;
	rig_make_ours(&fx.a, 0, NULL);
	rig_make_ours(&fx.b, 1, NULL);
	rig_exchange();
	dtls_close(fx.b.dtls);
	assert_int_equal(dtls_send(fx.b.dtls, AR_SPAN("x")), -ENOTCONN);
	rig_exchange();
	assert_int_equal(fx.a.result, -ECONNRESET);
	assert_string_equal(dtls_why(fx.a.dtls), "DTLS closed by the UE");
}

static void test_lost_flights_are_sent_again(void **state)
{
	(void)state;
	rig_make_ours(&fx.a, 0, NULL);
	rig_make_ours(&fx.b, 1, NULL);
	assert_int_equal(dtls_start(fx.b.dtls, vclock_now()), 0);
	for (unsigned i = 0; i < 5; i++) { /* 100, 200, 400, 800, 800 ms */
		uint64_t due = dtls_next_timeout(fx.b.dtls), wait = due - vclock_now();

		assert_in_range(wait, (100000ull << (i < 3 ? i : 3)) - 20000,
			(100000ull << (i < 3 ? i : 3)));
		wire_drop(&fx.ba); /* lost */
		vclock_set(due);
		assert_int_equal(dtls_on_timer(fx.b.dtls, vclock_now()), 0);
		assert_true(fx.ba.tail > fx.ba.head);
	}
	rig_exchange();
	assert_true(dtls_is_done(fx.a.dtls) && dtls_is_done(fx.b.dtls));
}

static void test_it_gives_up(void **state)
{
	uint64_t from = vclock_now();
	int err = 0;

	(void)state;
	rig_make_ours(&fx.b, 1, NULL);
	assert_int_equal(dtls_start(fx.b.dtls, vclock_now()), 0);
	for (unsigned i = 0; i < 100 && !err; i++) {
		wire_drop(&fx.ba);
		vclock_set(dtls_next_timeout(fx.b.dtls));
		err = dtls_on_timer(fx.b.dtls, vclock_now());
	}
	assert_int_equal(err, -ETIMEDOUT);
	assert_in_range(vclock_now() - from, 5 * AR_SEC, 30 * AR_SEC);
	assert_true(dtls_next_timeout(fx.b.dtls) == AR_NEVER);
}

static void test_cookie_where_the_address_is_not_verified(void **state)
{
	struct peer_addr a, other;
	struct ar_span hello, cookie;

	(void)state;
	assert_int_equal(peer_addr_parse(&a, "192.0.2.1", 1000), 0);
	assert_int_equal(peer_addr_parse(&other, "2001:db8::1", 1000), 0);
	for (unsigned elsewhere = 0; elsewhere < 2; elsewhere++) {
		uint8_t ask[DTLS_ASK];

		rig_make_ours(&fx.a, 0, &a);
		rig_make_ours(&fx.b, 1, NULL);
		assert_int_equal(fx.ab.tail, fx.ab.head); /* nothing has gone out for it */
		assert_int_equal(dtls_start(fx.b.dtls, vclock_now()), 0);
		hello = wire_newest(&fx.ba);
		assert_false(dtls_hello_ask(
			fx.ctx[0], (struct ar_span){hello.p, DTLS_ASK - 1}, &a, ask));
		assert_true(dtls_hello_ask(fx.ctx[0], hello, &a, ask));
		wire_drop(&fx.ba);
		rig_feed(&fx.b, (char *)ask, sizeof(ask));
		assert_int_equal(fx.ba.tail - fx.ba.head, 1);
		assert_int_equal(dtls_hello_peek(wire_newest(&fx.ba), &cookie), DTLS_HELLO_BEGIN);
		assert_true(dtls_cookie_fits(fx.ctx[0], &a, cookie));
		/* the same cookie from elsewhere is no cookie */
		a = elsewhere ? other : a;
		rig_read_all(&fx.a);
		assert_int_equal(fx.a.result, elsewhere ? -EPROTO : 0);
		rig_exchange();
		assert_int_equal(dtls_is_done(fx.a.dtls), !elsewhere);
		assert_int_equal(dtls_is_done(fx.b.dtls), !elsewhere);
		dtls_free(fx.a.dtls);
		dtls_free(fx.b.dtls);
		fx.a.dtls = fx.b.dtls = NULL;
		wire_drop(&fx.ab);
		wire_drop(&fx.ba);
	}
}

static void test_noise_is_counted(void **state)
{
	char junk[600];
	uint64_t bad;

	(void)state;
	rig_make_ours(&fx.a, 0, NULL);
	rig_make_ours(&fx.b, 1, NULL);
	rig_exchange();
	srand(1);
	bad = dtls_bad(fx.a.dtls);
	for (unsigned i = 0; i < 2000; i++) {
		size_t n = 13 + (size_t)rand() % 500;

		for (size_t k = 0; k < n; k++)
			junk[k] = (char)rand();
		memcpy(junk, i & 1 ? "\x17\xfe\xfd\x00\x01" : "\x16\xfe\xfd\x00\x00", 5);
		junk[11] = (char)((n - 13) >> 8);
		junk[12] = (char)(n - 13);
		assert_int_equal(dtls_input(fx.a.dtls, (struct ar_span){junk, n}, vclock_now()), 0);
	}
	assert_int_equal(fx.a.packets, 0);
	assert_true(dtls_bad(fx.a.dtls) >= bad + 900);
	assert_int_equal(dtls_send(fx.b.dtls, AR_SPAN("after the noise")), 0);
	rig_exchange();
	assert_int_equal(fx.a.packets, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_fingerprints),
		T(test_handshake_and_data),
		T(test_wrong_certificate),
		T(test_client_without_certificate),
		T(test_rsa_peers),
		T(test_old_versions_are_refused),
		T(test_our_cipher_order_and_use_srtp),
		T(test_client_hello_in_two_datagrams),
		T(test_renegotiation_is_refused),
		T(test_close_notify),
		T(test_lost_flights_are_sent_again),
		T(test_it_gives_up),
		T(test_cookie_where_the_address_is_not_verified),
		T(test_noise_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
