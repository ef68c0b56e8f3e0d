/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/srtp/rtpsec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const uint8_t one[RTPSEC_MAX_KEY] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30};
static const uint8_t two[RTPSEC_MAX_KEY] = {9, 8, 7}, three[RTPSEC_MAX_KEY] = {3, 3, 3};
static const enum rtpsec_profile profiles[] = {
	RTPSEC_AES128_CM_SHA1_80, RTPSEC_AEAD_AES_128_GCM, RTPSEC_AEAD_AES_256_GCM};

static struct rtpsec *us, *ue;

static void open_pair(enum rtpsec_profile p)
{
	assert_int_equal(rtpsec_new(&us, p, one, two), 0);
	assert_int_equal(rtpsec_new(&ue, p, two, one), 0);
}

static void close_pair(void)
{
	rtpsec_free(us);
	rtpsec_free(ue);
}

static size_t rtp(uint8_t *d, uint16_t seq, uint32_t ssrc)
{
	memset(d, 0, 1500);
	d[0] = 0x80;
	d[1] = 96;
	d[2] = (uint8_t)(seq >> 8);
	d[3] = (uint8_t)seq;
	for (unsigned i = 0; i < 4; i++)
		d[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
	for (unsigned i = 12; i < 112; i++)
		d[i] = (uint8_t)i;
	return 112;
}

static size_t rr(uint8_t *d)
{
	memset(d, 0, 1500);
	d[0] = 0x80;
	d[1] = 201;
	d[3] = 1;
	d[7] = 5;
	return 8;
}

static void there_and_back(void **state)
{
	uint8_t d[1500], plain[1500];
	size_t n, len;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		open_pair(profiles[i]);
		n = len = rtp(d, 7, 77);
		memcpy(plain, d, n);
		assert_int_equal(rtpsec_protect(us, d, &n, sizeof(d), false), 0);
		assert_true(n > len && n <= len + RTPSEC_ROOM);
		assert_memory_not_equal(d + 12, plain + 12, 100);
		assert_int_equal(rtpsec_unprotect(ue, d, &n, false), 0);
		assert_int_equal(n, len);
		assert_memory_equal(d, plain, n);
		n = len = rr(d);
		assert_int_equal(rtpsec_protect(ue, d, &n, sizeof(d), true), 0);
		assert_true(n <= len + RTPSEC_ROOM);
		assert_int_equal(rtpsec_unprotect(us, d, &n, true), 0);
		assert_int_equal(n, len);
		assert_int_equal(rtpsec_stats(ue)->ok, 1);
		close_pair();
	}
}

static void a_replay_is_refused(void **state)
{
	uint8_t d[1500], again[1500];
	size_t n, m;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		open_pair(profiles[i]);
		n = rtp(d, 7, 77);
		assert_int_equal(rtpsec_protect(us, d, &n, sizeof(d), false), 0);
		memcpy(again, d, n);
		m = n;
		assert_int_equal(rtpsec_unprotect(ue, d, &n, false), 0);
		assert_int_equal(rtpsec_unprotect(ue, again, &m, false), -EALREADY);
		assert_int_equal(rtpsec_stats(ue)->replayed, 1);
		n = rr(d);
		assert_int_equal(rtpsec_protect(us, d, &n, sizeof(d), true), 0);
		memcpy(again, d, n);
		m = n;
		assert_int_equal(rtpsec_unprotect(ue, d, &n, true), 0);
		assert_int_equal(rtpsec_unprotect(ue, again, &m, true), -EALREADY);
		close_pair();
	}
}

static void another_key_or_a_changed_bit(void **state)
{
	uint8_t d[1500];
	size_t n;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		open_pair(profiles[i]);
		n = rtp(d, 7, 77);
		assert_int_equal(rtpsec_protect(us, d, &n, sizeof(d), false), 0);
		assert_int_not_equal(rtpsec_unprotect(us, d, &n, false), 0); /* the wrong way */
		for (unsigned at = 0; at < 40; at += 3) {
			n = rtp(d, (uint16_t)(8 + at), 77);
			assert_int_equal(rtpsec_protect(us, d, &n, sizeof(d), false), 0);
			d[at] ^= 0x10;
			assert_int_not_equal(rtpsec_unprotect(ue, d, &n, false), 0);
		}
		assert_int_equal(rtpsec_stats(ue)->ok, 0);
		assert_true(rtpsec_stats(ue)->bad > 10);
		close_pair();
	}
}

static void short_ones_and_long_ones(void **state)
{
	uint8_t d[1500];
	size_t n;

	(void)state;
	open_pair(RTPSEC_AEAD_AES_128_GCM);
	for (size_t len = 0; len < 40; len++) {
		rtp(d, (uint16_t)len, 77);
		n = len;
		assert_int_not_equal(rtpsec_unprotect(ue, d, &n, false), 0);
		rr(d);
		n = len;
		assert_int_not_equal(rtpsec_unprotect(ue, d, &n, true), 0);
	}
	/* an extension that says it is longer than the packet */
	n = rtp(d, 99, 77);
	d[0] |= 0x10;
	d[14] = 0xff;
	assert_int_equal(rtpsec_protect(us, d, &n, sizeof(d), false), -EINVAL);
	n = rtp(d, 99, 77);
	assert_int_equal(rtpsec_protect(us, d, &n, n + 3, false), -ENOBUFS);
	assert_int_equal(n, 112);
	close_pair();
}

/* Only what has changed begins anew: under the key that stays no index comes twice, and what was
 * received stays received. */
static void one_direction_gets_another_key(void **state)
{
	uint8_t d[1500], before[1500], first[1500];
	size_t n, m, k;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		open_pair(profiles[i]);
		n = rr(before);
		assert_int_equal(rtpsec_protect(us, before, &n, sizeof(before), true), 0);
		k = rtp(first, 1, 77);
		assert_int_equal(rtpsec_protect(us, first, &k, sizeof(first), false), 0);
		memcpy(d, first, k);
		m = k;
		assert_int_equal(rtpsec_unprotect(ue, d, &m, false), 0);
		/* the UE's key changes, ours does not */
		assert_int_equal(rtpsec_rekey(us, profiles[i], NULL, three), 0);
		assert_int_equal(rtpsec_rekey(ue, profiles[i], three, NULL), 0);
		m = rr(d);
		assert_int_equal(rtpsec_protect(us, d, &m, sizeof(d), true), 0);
		assert_int_equal(m, n);
		assert_memory_not_equal(d, before, n); /* another index */
		assert_int_equal(rtpsec_unprotect(ue, d, &m, true), 0);
		assert_int_equal(rtpsec_unprotect(ue, first, &k, false), -EALREADY);
		n = rtp(d, 9, 5);
		assert_int_equal(rtpsec_protect(ue, d, &n, sizeof(d), false), 0);
		assert_int_equal(rtpsec_unprotect(us, d, &n, false), 0);
		assert_int_equal(rtpsec_rekey(us, RTPSEC_NONE, one, NULL), -EINVAL);
		close_pair();
	}
}

/* ---- a re-INVITE with another key ---- */

static int pass(struct rtpsec *from, struct rtpsec *to, uint16_t seq)
{
	uint8_t d[1500];
	size_t n = rtp(d, seq, 77);

	assert_int_equal(rtpsec_protect(from, d, &n, sizeof(d), false), 0);
	return rtpsec_unprotect(to, d, &n, false);
}

/* The UE has sent for so long that its numbers have come round, or are about to. */
static void long_call(enum rtpsec_profile p, uint16_t until)
{
	open_pair(p);
	for (unsigned seq = 20000; seq <= 65536u + until; seq += 10000)
		assert_int_equal(pass(ue, us, (uint16_t)seq), 0);
	assert_int_equal(pass(ue, us, until), 0);
}

/* A UE that has kept its counter: what it would have sent under the new key until now is let go. */
static struct rtpsec *kept(enum rtpsec_profile p, const uint8_t *tx, const uint8_t *rx,
	struct rtpsec *reader, unsigned until)
{
	struct rtpsec *s;

	assert_int_equal(rtpsec_new(&s, p, tx, rx), 0);
	for (unsigned seq = 20000; seq <= until; seq += 10000) {
		uint8_t d[1500];
		size_t n = rtp(d, (uint16_t)seq, 77);

		assert_int_equal(rtpsec_protect(s, d, &n, sizeof(d), false), 0);
		if (reader)
			assert_int_equal(rtpsec_unprotect(reader, d, &n, false), 0);
	}
	return s;
}

static void the_counter_goes_on(void **state)
{
	static const uint16_t at[] = {5, 200, 30000, 65000};

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		enum rtpsec_profile p = profiles[i % 3];
		struct rtpsec *keeps;

		long_call(p, at[i / 3]);
		keeps = kept(p, three, one, NULL, 65536u + at[i / 3]);
		assert_int_equal(rtpsec_rekey(us, p, NULL, three), 0);
		for (unsigned seq = at[i / 3] + 600u; seq < 200000; seq += 900)
			assert_int_equal(pass(keeps, us, (uint16_t)seq), 0);
		assert_int_equal(rtpsec_stats(us)->bad, 0);
		rtpsec_free(keeps);
		close_pair();
	}
}

/* What goes out too. */
static void our_counter_goes_on(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct rtpsec *keeps, *other;

		open_pair(profiles[i]);
		for (unsigned seq = 20000; seq < 90000; seq += 10000)
			assert_int_equal(pass(us, ue, (uint16_t)seq), 0);
		assert_int_equal(rtpsec_new(&keeps, profiles[i], two, three), 0);
		other = kept(profiles[i], three, two, keeps, 80000);
		assert_int_equal(rtpsec_rekey(us, profiles[i], three, NULL), 0);
		for (unsigned seq = 90000; seq < 200000; seq += 10000)
			assert_int_equal(pass(us, keeps, (uint16_t)seq), 0);
		assert_int_equal(rtpsec_stats(keeps)->bad, 0);
		rtpsec_free(keeps);
		rtpsec_free(other);
		close_pair();
	}
}

static void a_counter_that_begins_anew(void **state)
{
	struct rtpsec *anew;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		long_call(profiles[i], 300);
		assert_int_equal(rtpsec_new(&anew, profiles[i], three, one), 0);
		assert_int_equal(rtpsec_rekey(us, profiles[i], NULL, three), 0);
		for (unsigned seq = 301; seq < 150000; seq += 900)
			assert_int_equal(pass(anew, us, (uint16_t)seq), 0);
		assert_int_equal(rtpsec_stats(us)->bad, 0);
		rtpsec_free(anew);
		close_pair();
	}
}

/* The description comes before the answer that makes the UE use it. */
static void the_old_key_until_the_new_one_is_used(void **state)
{
	uint8_t d[1500], old[1500];
	size_t n, m, k;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		enum rtpsec_profile p = profiles[i % 3];

		long_call(p, i < 3 ? 300 : 65530);
		n = k = rtp(old, i < 3 ? 301 : 65531, 77);
		assert_int_equal(rtpsec_protect(ue, old, &n, sizeof(old), false), 0);
		memcpy(d, old, n);
		m = n;
		assert_int_equal(rtpsec_rekey(us, p, NULL, three), 0);
		assert_int_equal(rtpsec_unprotect(us, d, &m, false), 0);
		assert_int_equal(m, k);
		assert_int_equal(d[50], 50);
		memcpy(d, old, n);
		m = n;
		assert_int_equal(rtpsec_unprotect(us, d, &m, false), -EALREADY);
		memcpy(d, old, n);
		d[60] ^= 1;
		d[3] ^= 4;
		m = n;
		assert_int_not_equal(rtpsec_unprotect(us, d, &m, false), 0);
		assert_int_equal(rtpsec_stats(us)->bad, 1);
		for (unsigned seq = 310; seq < 330; seq++)
			assert_int_equal(pass(ue, us, (uint16_t)seq), 0);
		n = rtp(old, 400, 77);
		assert_int_equal(rtpsec_protect(ue, old, &n, sizeof(old), false), 0);
		assert_int_equal(rtpsec_rekey(ue, p, three, NULL), 0);
		assert_int_equal(pass(ue, us, 401), 0);
		assert_int_not_equal(rtpsec_unprotect(us, old, &n, false), 0);
		close_pair();
	}
}

/* 488: the offer with the new key is refused, and nothing had been changed. */
static void a_change_that_is_taken_back(void **state)
{
	uint8_t d[1500];
	size_t n;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		long_call(profiles[i], 300);
		n = rtp(d, 305, 77);
		assert_int_equal(rtpsec_protect(ue, d, &n, sizeof(d), false), 0);
		assert_int_equal(pass(ue, us, 306), 0);
		assert_int_equal(rtpsec_rekey(us, profiles[i], NULL, three), 0);
		assert_int_equal(pass(ue, us, 307), 0);
		assert_int_equal(rtpsec_rekey(us, profiles[i], NULL, two), 0);
		assert_int_equal(pass(ue, us, 308), 0);
		assert_int_equal(pass(ue, us, 307), -EALREADY);
		assert_int_equal(rtpsec_unprotect(us, d, &n, false), 0);
		/* and once more, for good */
		assert_int_equal(rtpsec_rekey(us, profiles[i], NULL, three), 0);
		assert_int_equal(rtpsec_rekey(ue, profiles[i], three, NULL), 0);
		assert_int_equal(pass(ue, us, 309), 0);
		close_pair();
	}
}

/* Protects one and opens it; first: what the one says, else what the other does. */
static int through(uint16_t seq, uint32_t ssrc)
{
	uint8_t d[1500];
	size_t n = rtp(d, seq, ssrc);
	int err = rtpsec_protect(us, d, &n, sizeof(d), false);

	return err ? err : rtpsec_unprotect(ue, d, &n, false);
}

/* A UE that takes new SSRCs again and again is heard, and costs no more memory; what has been
 * given up for them never comes back, neither sent (its numbers would begin anew under the key) nor
 * received (a recorded packet would pass). */
static void the_longest_unused_ssrc_makes_room(void **state)
{
	uint8_t old[1500], d[1500];
	size_t old_n, n;

	(void)state;
	open_pair(RTPSEC_AES128_CM_SHA1_80);
	old_n = rtp(old, 1, 1);
	assert_int_equal(rtpsec_protect(us, old, &old_n, sizeof(old), false), 0);
	memcpy(d, old, n = old_n);
	assert_int_equal(rtpsec_unprotect(ue, d, &n, false), 0);
	for (uint32_t ssrc = 2; ssrc <= RTPSEC_MAX_SSRC; ssrc++)
		assert_int_equal(through(1, ssrc), 0);
	assert_int_equal(through(2, 1), 0); /* used again: the next to go is 2 */
	assert_int_equal(through(1, 1000), 0);
	assert_int_equal(through(3, 1), 0);
	assert_int_equal(through(2, 2), -ENOSPC);
	assert_int_equal(rtpsec_stats(us)->too_many_ssrc, 1);
	for (uint32_t ssrc = 1001; ssrc < 1001 + RTPSEC_MAX_SSRC; ssrc++)
		assert_int_equal(through(1, ssrc), 0);
	memcpy(d, old, n = old_n);
	assert_int_equal(rtpsec_unprotect(ue, d, &n, false), -ENOSPC); /* the recorded one */
	assert_int_equal(rtpsec_stats(ue)->too_many_ssrc, 1);
	close_pair();
}

/* An authentic UE cannot make us keep a stream for every packet. */
static void ssrcs_are_bounded(void **state)
{
	const uint32_t all = RTPSEC_MAX_SSRC + RTPSEC_MAX_GONE;

	(void)state;
	open_pair(RTPSEC_AES128_CM_SHA1_80);
	for (uint32_t ssrc = 1; ssrc <= all; ssrc++)
		assert_int_equal(through(1, ssrc), 0);
	assert_int_equal(through(1, all + 1), -ENOSPC);
	assert_int_equal(rtpsec_stats(us)->too_many_ssrc, 1);
	assert_int_equal(through(2, all), 0); /* those that are known go on */
	/* another key: nothing has been sent under it */
	assert_int_equal(rtpsec_rekey(us, RTPSEC_AES128_CM_SHA1_80, three, NULL), 0);
	assert_int_equal(rtpsec_rekey(ue, RTPSEC_AES128_CM_SHA1_80, NULL, three), 0);
	assert_int_equal(through(1, 7), 0);
	assert_int_equal(through(3, all), 0);
	close_pair();
}

/* Who relays the reports of a UE without SRTP would keep them all. Reports keep no media alive,
 * whose numbers others forget in the order of their packets. */
static void reports_count_with_the_others(void **state)
{
	uint8_t d[1500];
	size_t n;

	(void)state;
	open_pair(RTPSEC_AES128_CM_SHA1_80);
	assert_int_equal(through(1, 5), 0);
	for (uint32_t ssrc = 101; ssrc < 100 + RTPSEC_MAX_SSRC; ssrc++)
		assert_int_equal(through(1, ssrc), 0);
	n = rr(d); /* of 5 */
	assert_int_equal(rtpsec_protect(us, d, &n, sizeof(d), true), 0);
	n = rr(d);
	d[4] = 0xee;
	assert_int_equal(rtpsec_protect(us, d, &n, sizeof(d), true), 0);
	assert_int_equal(through(2, 5), -ENOSPC);
	assert_int_equal(through(2, 101), 0);
	close_pair();
}

/* What rtp_send.c does without RTX: the same packet, to the bit. */
static void the_same_packet_again_is_the_same(void **state)
{
	uint8_t a[1500], b[1500];
	size_t n, m;

	(void)state;
	open_pair(RTPSEC_AEAD_AES_128_GCM);
	n = rtp(a, 7, 77);
	m = rtp(b, 7, 77);
	assert_int_equal(rtpsec_protect(us, a, &n, sizeof(a), false), 0);
	assert_int_equal(rtpsec_protect(us, b, &m, sizeof(b), false), 0);
	assert_int_equal(n, m);
	assert_memory_equal(a, b, n);
	close_pair();
}

static void the_order_does_not_matter(void **state)
{
	static uint8_t d[200][200];
	size_t n[200];

	(void)state;
	open_pair(RTPSEC_AEAD_AES_256_GCM);
	for (unsigned i = 0; i < 200; i++) { /* across the wrap of the number */
		uint8_t big[1500];

		n[i] = rtp(big, (uint16_t)(65436 + i), 77);
		assert_int_equal(rtpsec_protect(us, big, &n[i], sizeof(big), false), 0);
		memcpy(d[i], big, n[i]);
	}
	for (unsigned i = 0; i < 200; i++) {
		unsigned k = i ^ 7;

		assert_int_equal(rtpsec_unprotect(ue, d[k], &n[k], false), 0);
	}
	close_pair();
}

static void names(void **state)
{
	(void)state;
	assert_int_equal(
		rtpsec_by_suite(AR_SPAN("AES_CM_128_HMAC_SHA1_80")), RTPSEC_AES128_CM_SHA1_80);
	assert_int_equal(rtpsec_by_suite(AR_SPAN("aead_aes_128_gcm")), RTPSEC_AEAD_AES_128_GCM);
	assert_int_equal(rtpsec_by_suite(AR_SPAN("AEAD_AES_256_GCM")), RTPSEC_AEAD_AES_256_GCM);
	assert_int_equal(rtpsec_by_suite(AR_SPAN("AES_CM_128_HMAC_SHA1_32")), RTPSEC_NONE);
	assert_int_equal(rtpsec_by_suite(AR_SPAN("none")), RTPSEC_NONE);
	assert_int_equal(rtpsec_key_len(RTPSEC_AEAD_AES_256_GCM), 32);
	assert_int_equal(rtpsec_salt_len(RTPSEC_AES128_CM_SHA1_80), 14);
	assert_int_equal(rtpsec_new(&us, RTPSEC_NONE, one, two), -EINVAL);
	assert_int_equal(rtpsec_new(&us, (enum rtpsec_profile)9, one, two), -EINVAL);
	rtpsec_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(a_replay_is_refused),
		cmocka_unit_test(another_key_or_a_changed_bit),
		cmocka_unit_test(short_ones_and_long_ones),
		cmocka_unit_test(one_direction_gets_another_key),
		cmocka_unit_test(the_counter_goes_on),
		cmocka_unit_test(our_counter_goes_on),
		cmocka_unit_test(a_counter_that_begins_anew),
		cmocka_unit_test(the_old_key_until_the_new_one_is_used),
		cmocka_unit_test(a_change_that_is_taken_back),
		cmocka_unit_test(the_longest_unused_ssrc_makes_room),
		cmocka_unit_test(ssrcs_are_bounded),
		cmocka_unit_test(reports_count_with_the_others),
		cmocka_unit_test(the_same_packet_again_is_the_same),
		cmocka_unit_test(the_order_does_not_matter),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
