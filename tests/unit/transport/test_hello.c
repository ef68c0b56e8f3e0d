/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What begins a handshake, and how often that may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/daemon/ar_clock.h"
#include "mediad/dtls/hello.h"
#include "mediad/net/limit.h"
#include "mediad/net/peer_addr.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t whole[] = {22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 58, /* record */
	1, 0, 0, 46, 0, 0, 0, 0, 0, 0, 0, 46, /* message */
	0xfe, 0xfd, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
	23, 24, 25, 26, 27, 28, 29, 30, 31, 32, /* version, random */
	2, 0xaa, 0xbb, 3, 'c', 'o', 'k', 0, 2, 0, 0, 0}; /* session, cookie, some of the rest */

static enum dtls_hello peek(const uint8_t *p, size_t n, char *cookie, size_t *ncookie)
{
	uint8_t *exact = malloc(n ? n : 1); /* a sanitizer sees an overread */
	struct ar_span c;
	enum dtls_hello what;

	assert_non_null(exact);
	memcpy(exact, p, n);
	what = dtls_hello_peek((struct ar_span){(char *)exact, n}, &c);
	assert_true(c.n < 100);
	memcpy(cookie, c.n ? c.p : "", c.n);
	*ncookie = c.n;
	free(exact);
	return what;
}

static void test_hello(void **state)
{
	uint8_t p[2 * sizeof(whole)];
	char cookie[256];
	size_t n;

	(void)state;
	assert_int_equal(peek(whole, sizeof(whole), cookie, &n), DTLS_HELLO_BEGIN);
	assert_int_equal(n, 3);
	assert_memory_equal(cookie, "cok", 3);
	memcpy(p, whole, sizeof(whole));
	p[62] = 0; /* "c", "o", "k" are what follows then */
	assert_int_equal(peek(p, sizeof(whole), cookie, &n), DTLS_HELLO_BEGIN);
	assert_int_equal(n, 0);
	/* behind another record */
	memcpy(p, whole, sizeof(whole));
	memcpy(p + sizeof(whole), whole, sizeof(whole));
	p[0] = 21;
	assert_int_equal(peek(p, sizeof(p), cookie, &n), DTLS_HELLO_BEGIN);
	assert_int_equal(n, 3);
	/* not in the first epoch, not a hello, a later fragment */
	memcpy(p, whole, sizeof(whole));
	p[4] = 1;
	assert_int_equal(peek(p, sizeof(whole), cookie, &n), DTLS_HELLO_NONE);
	p[4] = 0;
	p[13] = 16;
	assert_int_equal(peek(p, sizeof(whole), cookie, &n), DTLS_HELLO_NONE);
	p[13] = 1;
	p[21] = 9;
	assert_int_equal(peek(p, sizeof(whole), cookie, &n), DTLS_HELLO_REST);
	assert_int_equal(n, 0);
}

static struct ar_span random_of(size_t n)
{
	return dtls_hello_random((struct ar_span){(const char *)whole, n});
}

/* What two copies of a hello have in common, and two hellos have not. */
static void test_random(void **state)
{
	struct ar_span r = random_of(sizeof(whole));

	(void)state;
	assert_int_equal(r.n, DTLS_RANDOM);
	assert_ptr_equal(r.p, (const char *)whole + 27);
	for (size_t n = 0; n < sizeof(whole); n++)
		assert_int_equal(random_of(n).n, 0);
}

/* Cut anywhere, in the datagram or in the record: a cookie whole or none. */
static void test_cut_off(void **state)
{
	uint8_t p[sizeof(whole)];
	char cookie[256];
	size_t n;

	(void)state;
	for (size_t k = 0; k < sizeof(whole); k++) {
		assert_int_equal(peek(whole, k, cookie, &n), DTLS_HELLO_NONE);
		assert_int_equal(n, 0);
		if (k < 13)
			continue;
		memcpy(p, whole, k);
		p[12] = (uint8_t)(k - 13);
		assert_int_equal(
			peek(p, k, cookie, &n), k < 25 ? DTLS_HELLO_NONE : DTLS_HELLO_BEGIN);
		assert_int_equal(n, k < 66 ? 0 : 3);
	}
	memcpy(p, whole, sizeof(p));
	p[59] = 255; /* a session longer than the message */
	assert_int_equal(peek(p, sizeof(p), cookie, &n), DTLS_HELLO_BEGIN);
	assert_int_equal(n, 0);
}

static void test_rate(void **state)
{
	static const struct limit_rate r = {10, 4};
	struct limit_bucket b = {0};
	uint64_t now = 1000 * AR_SEC;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		n += limit_take(&b, &r, now);
	assert_int_equal(n, 4);
	/* asked every millisecond it still leaks */
	for (n = 0; n < 1000; n++, now += AR_MS)
		(void)limit_is_full(&b, &r, now);
	assert_int_equal(b.used, 0);
	for (n = 0; now < 1010 * AR_SEC; now += AR_MS)
		n += limit_take(&b, &r, now);
	assert_in_range(n, 4 + 90 - 2, 4 + 90 + 1);
	while (limit_take(&b, &r, now))
		;
	limit_give_back(&b, 2);
	assert_true(limit_take(&b, &r, now) && limit_take(&b, &r, now));
	assert_false(limit_take(&b, &r, now));
	limit_give_back(&b, 1000);
	assert_int_equal(b.used, 0);
	/* long after, beyond what 32 bits of milliseconds hold */
	while (limit_take(&b, &r, now))
		;
	assert_true(limit_take(&b, &r, now + 100 * 86400 * AR_SEC));
}

static void test_rate_is_high(void **state)
{
	static const struct limit_rate r = {100000, 400000};
	struct limit_bucket b = {0};

	(void)state;
	for (unsigned i = 0; i < 400000; i++)
		assert_true(limit_take(&b, &r, 5));
	assert_false(limit_take(&b, &r, 5));
	assert_true(limit_take(&b, &r, 49 * 86400 * AR_SEC));
	assert_int_equal(b.used, 1);
}

static void test_cookies(void **state)
{
	struct peer_addr a, b;
	struct dtls_ctx *c, *d;
	struct cert *cert;
	uint8_t cookie[DTLS_COOKIE];
	struct ar_span s = {(char *)cookie, sizeof(cookie)};

	(void)state;
	assert_int_equal(cert_new(&cert), 0);
	assert_int_equal(dtls_ctx_new(&c, cert), 0);
	assert_int_equal(dtls_ctx_new(&d, cert), 0);
	assert_int_equal(peer_addr_parse(&a, "2001:db8::1", 5000), 0);
	assert_true(dtls_cookie_make(c, &a, cookie));
	assert_true(dtls_cookie_fits(c, &a, s));
	assert_false(dtls_cookie_fits(d, &a, s)); /* of another worker */
	assert_int_equal(peer_addr_parse(&b, "2001:db8::1", 5001), 0);
	assert_false(dtls_cookie_fits(c, &b, s));
	assert_int_equal(peer_addr_parse(&b, "192.0.2.1", 5000), 0);
	assert_false(dtls_cookie_fits(c, &b, s));
	assert_false(dtls_cookie_fits(c, &a, (struct ar_span){s.p, s.n - 1}));
	cookie[7] ^= 1;
	assert_false(dtls_cookie_fits(c, &a, s));
	dtls_ctx_free(c);
	dtls_ctx_free(d);
	cert_free(cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_rate_is_high),
		cmocka_unit_test(test_cookies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
