/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/srtp/rtpsec.h"

#include <errno.h>
#include <srtp2/srtp.h>
#include <stdlib.h>

#define WINDOW 1024 /* packets; a burst of a large key frame may come in any order */

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

struct ssrcs {
	unsigned n;
	uint32_t at[RTPSEC_MAX_SSRC];
};

struct rtpsec {
	srtp_t tx, rx;
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

static int make(srtp_t *out, const struct suite *s, const uint8_t *key, srtp_ssrc_type_t side)
{
	uint8_t copy[RTPSEC_MAX_KEY] = {0};
	srtp_policy_t policy = {.window_size = WINDOW,
		/* a plain retransmission (no RTX) is the same packet to the bit: rtp_send.c */
		.allow_repeat_tx = 1};
	srtp_err_status_t st;

	memcpy(copy, key, s->key + s->salt);
	s->rtp(&policy.rtp);
	s->rtcp(&policy.rtcp);
	policy.ssrc.type = side;
	policy.key = copy;
	st = srtp_create(out, &policy);
	explicit_bzero(copy, sizeof(copy));
	return st == srtp_err_status_ok ? 0 : st == srtp_err_status_alloc_fail ? -ENOMEM : -EINVAL;
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
	if (err)
		rtpsec_free(s);
	else
		*sp = s;
	return err;
}

void rtpsec_free(struct rtpsec *s)
{
	if (!s)
		return;
	if (s->tx)
		srtp_dealloc(s->tx);
	if (s->rx)
		srtp_dealloc(s->rx);
	free(s);
}

int rtpsec_rekey(
	struct rtpsec *s, enum rtpsec_profile profile, const uint8_t *tx, const uint8_t *rx)
{
	srtp_t new_tx = NULL, new_rx = NULL;
	int err = profile <= RTPSEC_NONE || profile >= NSUITES ? -EINVAL : 0;

	if (!err && tx)
		err = make(&new_tx, &suites[profile], tx, ssrc_any_outbound);
	if (!err && rx)
		err = make(&new_rx, &suites[profile], rx, ssrc_any_inbound);
	if (err) {
		if (new_tx)
			srtp_dealloc(new_tx);
		return err;
	}
	if (new_tx) {
		srtp_dealloc(s->tx);
		s->tx = new_tx;
		s->sent.n = 0;
	}
	if (new_rx) {
		srtp_dealloc(s->rx);
		s->rx = new_rx;
		s->received.n = 0;
	}
	return 0;
}

static uint32_t ssrc_of(const uint8_t *p, bool rtcp)
{
	p += rtcp ? 4 : 8;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is_known(const struct ssrcs *s, uint32_t ssrc)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (s->at[i] == ssrc)
			return true;
	}
	return false;
}

int rtpsec_protect(struct rtpsec *s, uint8_t *p, size_t *n, size_t cap, bool rtcp)
{
	int len = (int)*n;
	srtp_err_status_t st;
	uint32_t ssrc;
	bool known;

	if (*n + RTPSEC_ROOM > cap)
		return -ENOBUFS;
	if (*n < (rtcp ? 8 : 12))
		return -EINVAL;
	ssrc = ssrc_of(p, rtcp);
	known = is_known(&s->sent, ssrc);
	if (!known && s->sent.n == RTPSEC_MAX_SSRC) {
		s->stats.too_many_ssrc++;
		return -ENOSPC;
	}
	st = rtcp ? srtp_protect_rtcp(s->tx, p, &len) : srtp_protect(s->tx, p, &len);
	if (st != srtp_err_status_ok)
		return -EINVAL;
	if (!known)
		s->sent.at[s->sent.n++] = ssrc;
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

int rtpsec_unprotect(struct rtpsec *s, uint8_t *p, size_t *n, bool rtcp)
{
	bool known;
	int len = (int)*n;
	srtp_err_status_t st;
	uint32_t ssrc;

	if (*n < (rtcp ? 8 : 12) || *n > INT32_MAX) {
		s->stats.bad++;
		return -EBADMSG;
	}
	ssrc = ssrc_of(p, rtcp);
	known = is_known(&s->received, ssrc);
	if (!known && s->received.n == RTPSEC_MAX_SSRC) {
		s->stats.too_many_ssrc++;
		return -ENOSPC;
	}
	st = rtcp ? srtp_unprotect_rtcp(s->rx, p, &len) : srtp_unprotect(s->rx, p, &len);
	if (st != srtp_err_status_ok)
		return failed(s, st);
	if (!known)
		s->received.at[s->received.n++] = ssrc;
	s->stats.ok++;
	*n = (size_t)len;
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
