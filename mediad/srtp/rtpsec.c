/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/srtp/rtpsec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <srtp2/srtp.h>
#include <stdlib.h>

#define WINDOW 1024 /* packets; a burst of a large key frame may come in any order */
#define MAX_RETRY 2048 /* bytes of a packet that another key is tried for */

static const struct suite {
	const char *name;
	size_t key, salt;
	void (*rtp)(srtp_crypto_policy_t *p);
	void (*rtcp)(srtp_crypto_policy_t *p);
} suites[] = {
	[RTPSEC_NONE] = {"none", 0, 0, NULL, NULL},
	[RTPSEC_AES128_CM_SHA1_80] = {"AES_CM_128_HMAC_SHA1_80", 16, 14,
		srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtcp_default},
	[RTPSEC_AEAD_AES_128_GCM] = {"AEAD_AES_128_GCM", 16, 12,
		srtp_crypto_policy_set_aes_gcm_128_16_auth,
		srtp_crypto_policy_set_aes_gcm_128_16_auth},
	[RTPSEC_AEAD_AES_256_GCM] = {"AEAD_AES_256_GCM", 32, 12,
		srtp_crypto_policy_set_aes_gcm_256_16_auth,
		srtp_crypto_policy_set_aes_gcm_256_16_auth},
};
#define NSUITES (sizeof(suites) / sizeof(suites[0]))

struct ssrc {
	uint32_t ssrc;
	bool rtp; /* not in reports alone */
	bool seed; /* nothing has come under the present key: where its numbers stand is to be told
		    */
	uint16_t last; /* the highest number, of that roll-over */
	uint32_t roc;
	uint64_t used; /* ssrcs.clock then; of reports only where there is nothing else */
};

struct ssrcs {
	unsigned n;
	struct ssrc at[RTPSEC_MAX_SSRC];
	uint64_t clock; /* packets */
	uint32_t *gone; /* given up; NULL: none yet */
	unsigned ngone;
};

struct rtpsec {
	srtp_t tx, rx;
	/* of before the last description: taken until the UE uses the new key */
	srtp_t old;
	uint8_t rx_key[RTPSEC_MAX_KEY], old_key[RTPSEC_MAX_KEY];
	struct ssrcs sent, received;
	struct rtpsec_stats stats;
};

static int start(void)
{
	static int state; /* 0: not yet, 1: runs, -1: failed */

	if (!state)
		state = srtp_init() == srtp_err_status_ok ? 1 : -1;
	return state > 0 ? 0 : -EIO;
}

static void fill(srtp_policy_t *policy, const struct suite *s, srtp_ssrc_type_t side, uint8_t *key)
{
	*policy = (srtp_policy_t){.window_size = WINDOW,
		/* a plain retransmission (no RTX) is the same packet to the bit: rtp_send.c */
		.allow_repeat_tx = 1};
	s->rtp(&policy->rtp);
	s->rtcp(&policy->rtcp);
	policy->ssrc.type = side;
	policy->key = key;
}

static int error_of(srtp_err_status_t st)
{
	return st == srtp_err_status_ok ? 0 : st == srtp_err_status_alloc_fail ? -ENOMEM : -EINVAL;
}

static int make(srtp_t *out, const struct suite *s, const uint8_t *key, srtp_ssrc_type_t side)
{
	uint8_t copy[RTPSEC_MAX_KEY] = {0};
	srtp_policy_t policy;
	srtp_err_status_t st;

	memcpy(copy, key, s->key + s->salt);
	fill(&policy, s, side, copy);
	st = srtp_create(out, &policy);
	explicit_bzero(copy, sizeof(copy));
	return error_of(st);
}

int rtpsec_new(
	struct rtpsec **sp, enum rtpsec_profile profile, const uint8_t *tx, const uint8_t *rx)
{
	struct rtpsec *s;
	int err = start();

	if (err)
		return err;
	if (profile <= RTPSEC_NONE || profile >= NSUITES)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	err = make(&s->tx, &suites[profile], tx, ssrc_any_outbound);
	if (!err)
		err = make(&s->rx, &suites[profile], rx, ssrc_any_inbound);
	if (err) {
		rtpsec_free(s);
		return err;
	}
	memcpy(s->rx_key, rx, suites[profile].key + suites[profile].salt);
	*sp = s;
	return 0;
}

void rtpsec_free(struct rtpsec *s)
{
	if (!s)
		return;
	if (s->tx)
		srtp_dealloc(s->tx);
	if (s->rx)
		srtp_dealloc(s->rx);
	if (s->old)
		srtp_dealloc(s->old);
	free(s->sent.gone);
	free(s->received.gone);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

/* ---- other keys ---- */

/* RFC 3711 3.3.1: the roll-over counter goes on. So do the indices of RTCP. */
static int rekey_tx(struct rtpsec *s, const struct suite *suite, const uint8_t *key)
{
	uint8_t copy[RTPSEC_MAX_KEY] = {0};
	srtp_policy_t policy;
	srtp_err_status_t st;

	memcpy(copy, key, suite->key + suite->salt);
	fill(&policy, suite, ssrc_any_outbound, copy);
	st = srtp_update(s->tx, &policy);
	explicit_bzero(copy, sizeof(copy));
	if (st == srtp_err_status_ok)
		s->sent.ngone = 0;
	return error_of(st);
}

/* Streams that have rolled over, or are about to, must be told where they are. */
static int seed(struct rtpsec *s, srtp_t rx, const struct suite *suite, const uint8_t *key)
{
	uint8_t copy[RTPSEC_MAX_KEY] = {0};
	srtp_policy_t policy;
	unsigned kept = 0;
	int err = 0;

	memcpy(copy, key, suite->key + suite->salt);
	fill(&policy, suite, ssrc_specific, copy);
	for (unsigned i = 0; i < s->received.n && !err; i++) {
		struct ssrc *e = &s->received.at[i];

		if (!e->rtp || (!e->roc && e->last < 0x8000))
			continue;
		policy.ssrc.value = e->ssrc;
		err = error_of(srtp_add_stream(rx, &policy));
		e->seed = true;
		s->received.at[kept++] = *e;
	}
	explicit_bzero(copy, sizeof(copy));
	if (!err)
		s->received.n = kept;
	return err;
}

static void drop_old(struct rtpsec *s)
{
	if (!s->old)
		return;
	srtp_dealloc(s->old);
	s->old = NULL;
	explicit_bzero(s->old_key, sizeof(s->old_key));
}

/* The change has been refused: what was before is there yet, with its window. */
static void go_back(struct rtpsec *s)
{
	uint8_t key[RTPSEC_MAX_KEY];
	srtp_t rx = s->rx;

	memcpy(key, s->rx_key, sizeof(key));
	s->rx = s->old;
	memcpy(s->rx_key, s->old_key, sizeof(key));
	s->old = rx;
	memcpy(s->old_key, key, sizeof(key));
	explicit_bzero(key, sizeof(key));
	for (unsigned i = 0; i < s->received.n; i++)
		s->received.at[i].seed = false;
}

static int rekey_rx(struct rtpsec *s, const struct suite *suite, const uint8_t *key)
{
	size_t n = suite->key + suite->salt;
	srtp_t fresh = NULL;
	int err;

	if (s->old && CRYPTO_memcmp(s->old_key, key, n) == 0) {
		go_back(s);
		return 0;
	}
	err = make(&fresh, suite, key, ssrc_any_inbound);
	if (!err)
		err = seed(s, fresh, suite, key);
	if (err) {
		if (fresh)
			srtp_dealloc(fresh);
		return err;
	}
	s->received.ngone = 0; /* nothing has come under this key */
	drop_old(s);
	s->old = s->rx;
	memcpy(s->old_key, s->rx_key, sizeof(s->old_key));
	s->rx = fresh;
	memcpy(s->rx_key, key, n);
	return 0;
}

int rtpsec_rekey(
	struct rtpsec *s, enum rtpsec_profile profile, const uint8_t *tx, const uint8_t *rx)
{
	int err = profile <= RTPSEC_NONE || profile >= NSUITES ? -EINVAL : 0;

	if (!err && rx)
		err = rekey_rx(s, &suites[profile], rx);
	if (!err && tx)
		err = rekey_tx(s, &suites[profile], tx);
	return err;
}

/* ---- packets ---- */

static uint32_t ssrc_of(const uint8_t *p, bool rtcp)
{
	p += rtcp ? 4 : 8;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static struct ssrc *find(struct ssrcs *s, uint32_t ssrc)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (s->at[i].ssrc == ssrc)
			return &s->at[i];
	}
	return NULL;
}

static bool is_gone(const struct ssrcs *s, uint32_t ssrc)
{
	for (unsigned i = 0; i < s->ngone; i++) {
		if (s->gone[i] == ssrc)
			return true;
	}
	return false;
}

/* Whether one that is not known may come. */
static bool has_room(struct ssrcs *s, uint32_t ssrc)
{
	if (is_gone(s, ssrc))
		return false;
	if (s->n < RTPSEC_MAX_SSRC)
		return true;
	if (!s->gone)
		s->gone = calloc(RTPSEC_MAX_GONE, sizeof(s->gone[0]));
	return s->gone && s->ngone < RTPSEC_MAX_GONE;
}

/* has_room() has said so. old: NULL, or another session that it is taken out of, too. */
static struct ssrc *add(struct ssrcs *s, uint32_t ssrc, srtp_t with, srtp_t old)
{
	struct ssrc *e = &s->at[0];

	if (s->n < RTPSEC_MAX_SSRC) {
		e = &s->at[s->n++];
	} else {
		for (unsigned i = 1; i < s->n; i++) {
			if (s->at[i].used < e->used)
				e = &s->at[i];
		}
		s->gone[s->ngone++] = e->ssrc;
		(void)srtp_remove_stream(with, htonl(e->ssrc)); /* only of the other session */
		if (old)
			(void)srtp_remove_stream(old, htonl(e->ssrc));
	}
	*e = (struct ssrc){.ssrc = ssrc};
	return e;
}

/* Reports keep none alive that media have come under: the media's numbers are what is at stake,
 * and who numbers them (stream_packets.c, stream_out.c) forgets in the same order. */
static void touch(struct ssrcs *s, struct ssrc *e, bool rtcp)
{
	s->clock++;
	if (!rtcp || !e->rtp)
		e->used = s->clock;
}

int rtpsec_protect(struct rtpsec *s, uint8_t *p, size_t *n, size_t cap, bool rtcp)
{
	int len = (int)*n;
	srtp_err_status_t st;
	struct ssrc *e;
	uint32_t ssrc;

	if (*n + RTPSEC_ROOM > cap)
		return -ENOBUFS;
	if (*n < (rtcp ? 8 : 12))
		return -EINVAL;
	ssrc = ssrc_of(p, rtcp);
	e = find(&s->sent, ssrc);
	if (!e && !has_room(&s->sent, ssrc)) {
		s->stats.too_many_ssrc++;
		return -ENOSPC;
	}
	st = rtcp ? srtp_protect_rtcp(s->tx, p, &len) : srtp_protect(s->tx, p, &len);
	if (st != srtp_err_status_ok)
		return -EINVAL;
	if (!e)
		e = add(&s->sent, ssrc, s->tx, NULL);
	touch(&s->sent, e, rtcp);
	e->rtp |= !rtcp;
	*n = (size_t)len;
	return 0;
}

static int failed(struct rtpsec *s, srtp_err_status_t st)
{
	if (st == srtp_err_status_replay_fail || st == srtp_err_status_replay_old) {
		s->stats.replayed++;
		return -EALREADY;
	}
	s->stats.bad++;
	return st == srtp_err_status_auth_fail ? -EACCES : -EBADMSG;
}

static uint16_t number(const uint8_t *p)
{
	return (uint16_t)(p[2] << 8 | p[3]);
}

/* RFC 3711 3.3.1: the roll-over of a number near the highest one. */
static uint32_t guess_roc(const struct ssrc *e, uint16_t seq)
{
	int16_t ahead = (int16_t)(uint16_t)(seq - e->last);

	if (ahead > 0 && seq < e->last)
		return e->roc + 1;
	return ahead < 0 && seq > e->last && e->roc ? e->roc - 1 : e->roc;
}

static srtp_err_status_t open_with(srtp_t with, uint8_t *p, size_t *n, bool rtcp)
{
	int len = (int)*n;
	srtp_err_status_t st =
		rtcp ? srtp_unprotect_rtcp(with, p, &len) : srtp_unprotect(with, p, &len);

	if (st == srtp_err_status_ok)
		*n = (size_t)len;
	return st;
}

/* The first packet under a new key: the counter goes on, or has begun anew with the key, which is
 * not what the RFC says and what some do. */
static srtp_err_status_t open_first(
	struct rtpsec *s, const struct ssrc *e, uint32_t *roc, uint8_t *p, size_t *n)
{
	uint8_t copy[MAX_RETRY];
	srtp_err_status_t st;

	*roc = guess_roc(e, number(p));
	if (*n > sizeof(copy))
		return srtp_err_status_bad_param;
	memcpy(copy, p, *n);
	(void)srtp_set_stream_roc(s->rx, e->ssrc, *roc);
	st = open_with(s->rx, p, n, false);
	if (st == srtp_err_status_ok || !*roc)
		return st;
	*roc = 0;
	memcpy(p, copy, *n);
	(void)srtp_set_stream_roc(s->rx, e->ssrc, 0);
	return open_with(s->rx, p, n, false);
}

/* Under the present key, or else the one before it. */
static srtp_err_status_t open_any(
	struct rtpsec *s, struct ssrc *e, uint32_t *roc, uint8_t *p, size_t *n, bool rtcp)
{
	uint8_t copy[MAX_RETRY];
	size_t len = *n;
	bool first = e && e->seed && !rtcp, retry = s->old && len <= sizeof(copy);
	srtp_err_status_t st, old;

	if (retry)
		memcpy(copy, p, len);
	if (first)
		st = open_first(s, e, roc, p, n);
	else
		st = open_with(s->rx, p, n, rtcp);
	if (st == srtp_err_status_ok) {
		drop_old(s);
		if (first) {
			e->seed = false;
			e->rtp = false; /* counts from here on */
		}
		return st;
	}
	if (!retry)
		return st;
	memcpy(p, copy, len);
	*n = len;
	if (first)
		*roc = guess_roc(e, number(p));
	old = open_with(s->old, p, n, rtcp);
	return old == srtp_err_status_auth_fail ? st : old;
}

/* Of what has proved authentic. */
static void note(struct ssrc *e, uint16_t seq, uint32_t roc)
{
	uint64_t is = (uint64_t)roc << 16 | seq, was = (uint64_t)e->roc << 16 | e->last;

	if (e->rtp && is <= was)
		return;
	e->rtp = true;
	e->roc = roc;
	e->last = seq;
}

int rtpsec_unprotect(struct rtpsec *s, uint8_t *p, size_t *n, bool rtcp)
{
	srtp_err_status_t st;
	struct ssrc *e;
	uint32_t ssrc, roc = 0;
	uint16_t seq;

	if (*n < (rtcp ? 8 : 12) || *n > INT32_MAX) {
		s->stats.bad++;
		return -EBADMSG;
	}
	ssrc = ssrc_of(p, rtcp);
	seq = number(p);
	e = find(&s->received, ssrc);
	if (!e && !has_room(&s->received, ssrc)) {
		s->stats.too_many_ssrc++;
		return -ENOSPC;
	}
	if (e && e->rtp)
		roc = guess_roc(e, seq);
	st = open_any(s, e, &roc, p, n, rtcp);
	if (st != srtp_err_status_ok)
		return failed(s, st);
	if (!e)
		e = add(&s->received, ssrc, s->rx, s->old);
	touch(&s->received, e, rtcp);
	if (!rtcp)
		note(e, seq, roc);
	s->stats.ok++;
	return 0;
}

enum rtpsec_profile rtpsec_by_suite(struct ar_span suite)
{
	for (unsigned i = 1; i < NSUITES; i++) {
		if (ar_span_caseeq(suite, suites[i].name))
			return (enum rtpsec_profile)i;
	}
	return RTPSEC_NONE;
}

const char *rtpsec_suite(enum rtpsec_profile p)
{
	return p < NSUITES ? suites[p].name : "?";
}

size_t rtpsec_key_len(enum rtpsec_profile p)
{
	return p < NSUITES ? suites[p].key : 0;
}

size_t rtpsec_salt_len(enum rtpsec_profile p)
{
	return p < NSUITES ? suites[p].salt : 0;
}

const struct rtpsec_stats *rtpsec_stats(const struct rtpsec *s)
{
	return &s->stats;
}
