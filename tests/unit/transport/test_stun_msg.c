/* SPDX-License-Identifier: GPL-2.0-or-later */
/* STUN codec: the vectors of RFC 5769, every truncation, what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mediad/ice/stun_msg.h"
#include "mediad/net/peer_addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/hmac.h>
#include <stdlib.h>

static const char password[] = "VOkJxbRl1RmTxUk/WvJxBt";

/* RFC 5769 2.1 */
static const uint8_t request[] = {0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7,
	0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54,
	0x55, 0x4e, 0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00,
	0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1,
	0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36,
	0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8,
	0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2, 0x80,
	0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};

/* RFC 5769 2.2 */
static const uint8_t response[] = {0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7,
	0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65,
	0x73, 0x74, 0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00,
	0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43, 0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99,
	0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7,
	0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96};

#define SPAN_OF(a) ((struct ar_span){(const char *)(a), sizeof(a)})

static void test_rfc5769_request(void **state)
{
	struct stun_key *k;
	struct stun_msg m;

	(void)state;
	assert_int_equal(stun_parse(&m, SPAN_OF(request)), 0);
	assert_int_equal(m.cls, STUN_REQUEST);
	assert_int_equal(m.method, STUN_BINDING);
	assert_true(m.fingerprint && m.controlled && !m.controlling && !m.use_candidate);
	assert_true(m.has_priority && m.priority == 0x6e0001ff);
	assert_true(m.tie_breaker == 0x932ff9b151263b36ull);
	assert_true(ar_span_eq(m.username, AR_SPAN("evtj:h6vY")));
	assert_true(ar_span_eq(stun_peek_ufrag(SPAN_OF(request)), AR_SPAN("evtj")));
	assert_int_equal(m.nunknown, 0); /* SOFTWARE is comprehension-optional */
	assert_int_equal(stun_key_new(&k, ar_span_str(password)), 0);
	assert_true(stun_check(&m, k));
	assert_true(stun_check(&m, k)); /* a key serves again */
	stun_key_free(k);
	assert_int_equal(stun_key_new(&k, AR_SPAN("VOkJxbRl1RmTxUk/WvJxBT")), 0);
	assert_false(stun_check(&m, k));
	stun_key_free(k);
}

static void test_rfc5769_response(void **state)
{
	struct peer_addr want;
	struct stun_key *k;
	struct stun_msg m;

	(void)state;
	assert_int_equal(stun_parse(&m, SPAN_OF(response)), 0);
	assert_int_equal(m.cls, STUN_SUCCESS);
	assert_int_equal(peer_addr_parse(&want, "192.0.2.1", 32853), 0);
	assert_true(m.mapped && peer_addr_eq(&m.mapped_addr, &want));
	assert_int_equal(stun_key_new(&k, ar_span_str(password)), 0);
	assert_true(stun_check(&m, k));
	stun_key_free(k);
}

/* An exact copy of the first n bytes, with the length field made to fit, so that every attribute
 * boundary is met. */
static int parse_cut(const uint8_t *from, size_t n)
{
	char *p = malloc(n ? n : 1);
	struct stun_msg m;
	int err;

	assert_non_null(p);
	memcpy(p, from, n);
	if (n >= STUN_HEADER) {
		p[2] = (char)((n - STUN_HEADER) >> 8);
		p[3] = (char)(n - STUN_HEADER);
	}
	err = stun_parse(&m, (struct ar_span){p, n});
	stun_peek_ufrag((struct ar_span){p, n});
	free(p);
	return err;
}

/* Also none, and longer than a block of SHA-1: what OpenSSL's own HMAC() says. */
static void test_keys_of_any_length(void **state)
{
	char key[STUN_MAX_USERNAME];
	uint8_t buf[256], want[20];
	unsigned nwant = 0;

	(void)state;
	for (size_t n = 0; n < sizeof(key); n += n < 70 ? 1 : 61) {
		static const uint8_t id[STUN_ID_LEN] = "lengthsofkey";
		struct stun_writer w;
		struct stun_key *k;
		int len;

		memset(key, 'a' + (int)n % 20, sizeof(key));
		assert_int_equal(stun_key_new(&k, (struct ar_span){key, n}), 0);
		stun_begin(&w, buf, sizeof(buf), STUN_REQUEST, id);
		stun_add_priority(&w, (uint32_t)n);
		len = stun_finish(&w, k);
		assert_int_equal(len, 20 + 8 + 24 + 8);
		buf[3] = 8 + 24; /* the length without FINGERPRINT (RFC 8489 14.5) */
		assert_non_null(HMAC(EVP_sha1(), key, (int)n, buf, 28, want, &nwant));
		assert_memory_equal(buf + 32, want, 20);
		stun_key_free(k);
	}
}

static void test_every_truncation(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(request); n++) {
		int err = parse_cut(request, n);

		/* whole attributes up to FINGERPRINT make a message, anything else does not */
		if (n == 20 || n == 40 || n == 48 || n == 60 || n == 76 || n == 100)
			assert_int_equal(err, 0);
		else
			assert_int_equal(err, -EBADMSG);
	}
}

/* One bit wrong never passes both checks (it may hide FINGERPRINT in another attribute). */
static void test_one_wrong_bit(void **state)
{
	uint8_t copy[sizeof(request)];
	unsigned parsed = 0;
	struct stun_key *k;
	struct stun_msg m;

	(void)state;
	assert_int_equal(stun_key_new(&k, ar_span_str(password)), 0);
	for (size_t bit = 0; bit < (sizeof(request) - 8) * 8; bit++) {
		memcpy(copy, request, sizeof(copy));
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (stun_parse(&m, SPAN_OF(copy)) != 0)
			continue;
		parsed++;
		assert_false(stun_check(&m, k));
	}
	assert_true(parsed < 20);
	stun_key_free(k);
}

static void test_own_request_is_read_back(void **state)
{
	static const uint8_t id[STUN_ID_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	struct stun_writer w;
	struct stun_key *k;
	struct stun_msg m;
	uint8_t buf[256];
	int n;

	(void)state;
	assert_int_equal(stun_key_new(&k, ar_span_str(password)), 0);
	stun_begin(&w, buf, sizeof(buf), STUN_REQUEST, id);
	stun_add_username(&w, AR_SPAN("local"), AR_SPAN("remote"));
	stun_add_priority(&w, 77);
	stun_add_role(&w, true, 0x1122334455667788ull);
	stun_add_use_candidate(&w);
	n = stun_finish(&w, k);
	assert_true(n > 0);
	assert_int_equal(stun_parse(&m, (struct ar_span){(char *)buf, (size_t)n}), 0);
	assert_true(m.controlling && m.use_candidate && m.fingerprint && stun_check(&m, k));
	assert_true(m.tie_breaker == 0x1122334455667788ull && m.priority == 77);
	assert_memory_equal(m.id, id, sizeof(id));
	stun_key_free(k);
}

static void test_mapped_addresses(void **state)
{
	static const uint8_t id[STUN_ID_LEN] = "abcdefghijk";
	static const char *const hosts[] = {"192.0.2.1", "2001:db8::5:6"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct peer_addr a;
		struct stun_writer w;
		struct stun_msg m;
		uint8_t buf[128];
		int n;

		assert_int_equal(peer_addr_parse(&a, hosts[i], 54321), 0);
		stun_begin(&w, buf, sizeof(buf), STUN_SUCCESS, id);
		stun_add_xor_mapped(&w, &a);
		n = stun_finish(&w, NULL);
		assert_true(n > 0);
		assert_int_equal(stun_parse(&m, (struct ar_span){(char *)buf, (size_t)n}), 0);
		assert_true(m.mapped && peer_addr_eq(&m.mapped_addr, &a));
	}
}

static void test_unknown_attributes_are_listed(void **state)
{
	uint8_t buf[128] = {0x00, 0x01, 0x00, 0x10, 0x21, 0x12, 0xa4, 0x42};
	static const uint8_t two[] = {
		0x7f, 0x01, 0x00, 0x01, 0xff, 0, 0, 0, 0x00, 0x7f, 0x00, 0x00, 0xff, 0x01, 0, 0};
	struct stun_writer w;
	struct stun_msg m, e;
	uint8_t out[128];
	int n;

	(void)state;
	memcpy(buf + 20, two, sizeof(two));
	assert_int_equal(stun_parse(&m, (struct ar_span){(char *)buf, 36}), 0);
	assert_int_equal(m.nunknown, 2);
	assert_int_equal(m.unknown[0], 0x7f01);
	assert_int_equal(m.unknown[1], 0x007f);
	stun_begin(&w, out, sizeof(out), STUN_FAILURE, m.id);
	stun_add_error(&w, STUN_UNKNOWN_ATTRIBUTE, &m);
	n = stun_finish(&w, NULL);
	assert_true(n > 0);
	assert_int_equal(stun_parse(&e, (struct ar_span){(char *)out, (size_t)n}), 0);
	assert_int_equal(e.cls, STUN_FAILURE);
	assert_int_equal(e.error, 420);
}

static void test_attributes_behind_integrity_do_not_count(void **state)
{
	/* MESSAGE-INTEGRITY, then USERNAME and USE-CANDIDATE */
	uint8_t buf[128] = {0x00, 0x01, 0x00, 0x24, 0x21, 0x12, 0xa4, 0x42};
	struct stun_msg m;

	(void)state;
	buf[20 + 1] = 0x08;
	buf[20 + 3] = 20;
	buf[44 + 1] = 0x06;
	buf[44 + 3] = 4;
	buf[52 + 1] = 0x25;
	assert_int_equal(stun_parse(&m, (struct ar_span){(char *)buf, 56}), 0);
	assert_true(m.mi_at == 20 && !m.username.p && !m.use_candidate);
}

static void test_too_small_a_buffer(void **state)
{
	static const uint8_t id[STUN_ID_LEN];
	struct stun_writer w;
	uint8_t buf[40];

	(void)state;
	for (size_t cap = 0; cap < sizeof(buf); cap++) {
		stun_begin(&w, buf, cap, STUN_REQUEST, id);
		stun_add_username(&w, AR_SPAN("local"), AR_SPAN("remote"));
		assert_int_equal(stun_finish(&w, NULL), -ENOBUFS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc5769_request),
		cmocka_unit_test(test_rfc5769_response),
		cmocka_unit_test(test_keys_of_any_length),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_one_wrong_bit),
		cmocka_unit_test(test_own_request_is_read_back),
		cmocka_unit_test(test_mapped_addresses),
		cmocka_unit_test(test_unknown_attributes_are_listed),
		cmocka_unit_test(test_attributes_behind_integrity_do_not_count),
		cmocka_unit_test(test_too_small_a_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
