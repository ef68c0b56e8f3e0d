/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SRTP and SRTCP of one connection (RFC 3711, RFC 7714): protect what leaves, check and decrypt
 * what comes, both in place. Over libsrtp2; its name for things stays inside rtpsec.c.
 *
 * Pure but for the library's own start. One thread. Replays are refused (window of 1024 packets);
 * nothing is written before a packet has proved authentic. SSRCs per direction are bounded: an
 * authentic UE, or one without SRTP whose reports are relayed, cannot make us keep one stream per
 * packet. For one more than that the one longest unused is given up, for good: under its key its
 * numbers, and the window against replays, would begin anew.
 */
#ifndef RTPSEC_H
#define RTPSEC_H

#include "common/ar_span.h"

#include <stdint.h>

#define RTPSEC_MAX_KEY 46 /* master key and salt; AES-256 in counter mode would need that many */
#define RTPSEC_ROOM 24 /* bytes that protecting may add: tag, SRTCP index */
/* Of a direction, in RTP and in RTCP alike; two or three at a time are usual. */
#define RTPSEC_MAX_SSRC 64
/* That were given up, of a direction and under one key: some UEs choose new ones at every hold. */
#define RTPSEC_MAX_GONE 1024

enum rtpsec_profile {
	RTPSEC_NONE,
	RTPSEC_AES128_CM_SHA1_80,
	RTPSEC_AEAD_AES_128_GCM,
	RTPSEC_AEAD_AES_256_GCM,
};

struct rtpsec_stats {
	uint64_t ok, bad, replayed, too_many_ssrc; /* the last: of both directions */
};

struct rtpsec;

/* Of both directions: master key, then salt (RFC 5764 4.2, RFC 4568 6.1). -EINVAL, -ENOMEM, -EIO
 * (the library does not start). */
int rtpsec_new(struct rtpsec **sp, enum rtpsec_profile profile, const uint8_t *tx,
	const uint8_t *rx) __attribute__((warn_unused_result));
void rtpsec_free(struct rtpsec *s);

/* Other keys of one direction or of both; NULL: the key of this direction is the same, so its
 * packet indices go on (a second text under one index gives both away) and so does its replay
 * window. The roll-over counters go on with a new key too (RFC 3711 3.3.1); of a UE that begins
 * them anew it is noticed. The UE uses its new key when its offer has been answered: what comes
 * under the one before is taken until then, and if the change is taken back (the former key again)
 * all is as it was. After an error: free it. */
int rtpsec_rekey(struct rtpsec *s, enum rtpsec_profile profile, const uint8_t *tx,
	const uint8_t *rx) __attribute__((warn_unused_result));

/* *n: length before and after. -ENOBUFS: less than RTPSEC_ROOM bytes are left in cap; -EINVAL: no
 * RTP, or the same packet index again; -ENOSPC: one SSRC too many, or one that was given up. */
int rtpsec_protect(struct rtpsec *s, uint8_t *p, size_t *n, size_t cap, bool rtcp)
	__attribute__((warn_unused_result));
/* -EACCES: not authentic; -EALREADY: a replay; -EBADMSG: too short, or not RTP; -ENOSPC: as
 * above. What p holds afterwards means nothing unless 0. */
int rtpsec_unprotect(struct rtpsec *s, uint8_t *p, size_t *n, bool rtcp)
	__attribute__((warn_unused_result));

/* By the name of RFC 4568 and RFC 7714 ("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", ...);
 * RTPSEC_NONE: unknown. */
enum rtpsec_profile rtpsec_by_suite(struct ar_span suite);
const char *rtpsec_suite(enum rtpsec_profile p);
size_t rtpsec_key_len(enum rtpsec_profile p); /* master key without salt */
size_t rtpsec_salt_len(enum rtpsec_profile p);
const struct rtpsec_stats *rtpsec_stats(const struct rtpsec *s);

#endif
