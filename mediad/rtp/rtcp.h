/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTCP (RFC 3550 6, RFC 4585, RFC 5104, draft-alvestrand-rmcat-remb-03,
 * draft-holmer-rmcat-transport-wide-cc-extensions-01).
 *
 * Reading: rtcp_next() takes one packet after the other off a datagram; what it returns points into
 * the datagram. Unknown types come back as RTCP_OTHER. Reduced-size datagrams (RFC 5506) are read
 * as well as compound ones; rtcp_is_compound() tells them apart for those who did not negotiate it.
 * Writing: functions append to a struct rtcp_writer; an error sticks until its end is checked.
 */
#ifndef RTCP_H
#define RTCP_H

#include "common/ar_span.h"

#include <stdint.h>

#define RTCP_MAX_REPORTS 31 /* RFC 3550 6.4.1: the count has five bits */
#define RTCP_MAX_CNAME 255
#define RTCP_MAX_NACK 256 /* sequence numbers in one message of ours */
#define RTCP_TWCC_TICK 250 /* microseconds */

enum rtcp_type {
	RTCP_OTHER,
	RTCP_SR,
	RTCP_RR,
	RTCP_SDES,
	RTCP_BYE,
	RTCP_NACK,
	RTCP_PLI,
	RTCP_FIR,
	RTCP_REMB,
	RTCP_TWCC,
};

struct rtcp_report {
	uint32_t ssrc;
	uint8_t fraction; /* of 256 */
	int32_t lost; /* 24 bits, negative with duplicates */
	uint32_t highest; /* extended sequence number */
	uint32_t jitter; /* RTP units */
	uint32_t lsr, dlsr; /* middle of the NTP time; 1/65536 s */
};

struct rtcp_sr {
	uint64_t ntp;
	uint32_t rtp, packets, octets;
};

struct rtcp_packet {
	enum rtcp_type type;
	uint8_t count, pt; /* as on the wire */
	uint32_t ssrc; /* who sends; 0 in SDES */
	uint32_t media; /* feedback: about whom */
	struct rtcp_sr sr;
	unsigned nreport;
	struct rtcp_report report[RTCP_MAX_REPORTS];
	uint64_t bitrate; /* REMB, bit/s */
	struct ar_span body; /* after the common header: SDES, BYE; after media: feedback */
};

/* Does it begin with SR or RR, as compound packets must (RFC 3550 6.1)? */
bool rtcp_is_compound(struct ar_span datagram);
/* Takes one packet off *rest. 1: there is one; 0: the end; -EBADMSG: malformed, *rest is left
 * empty, so that what came before counts and the remainder does not. */
int rtcp_next(struct ar_span *rest, struct rtcp_packet *out) __attribute__((warn_unused_result));

/* SDES: CNAME of this SSRC; false: not in there. */
bool rtcp_sdes_cname(const struct rtcp_packet *p, uint32_t ssrc, struct ar_span *cname);
bool rtcp_bye_has(const struct rtcp_packet *p, uint32_t ssrc);
/* NACK: the lost sequence numbers, at most max; the number written. */
unsigned rtcp_nack_list(const struct rtcp_packet *p, uint16_t *seq, unsigned max);
/* FIR: is this SSRC asked for a key frame, and with which command number (RFC 5104 4.3.1.2)? */
bool rtcp_fir_find(const struct rtcp_packet *p, uint32_t ssrc, uint8_t *command);

/* Transport-wide feedback, one packet status after the other. */
struct rtcp_twcc {
	uint16_t base, left;
	uint8_t count; /* feedback packet count */
	int64_t at; /* arrival of the last received packet, microseconds, wraps with reference */
	const uint8_t *chunk, *delta, *end;
	uint16_t run; /* of the current chunk */
	uint16_t word;
	uint8_t used;
};
struct rtcp_twcc_status {
	uint16_t seq;
	bool received;
	int64_t at; /* microseconds on the receiver's clock, modulo 2^24 * 64 ms */
};
int rtcp_twcc_begin(const struct rtcp_packet *p, struct rtcp_twcc *it)
	__attribute__((warn_unused_result));
bool rtcp_twcc_next(struct rtcp_twcc *it, struct rtcp_twcc_status *out);

struct rtcp_writer {
	uint8_t *p;
	size_t n, cap;
	int err; /* 0 or -ENOBUFS: something was left out, what is there is whole */
};

void rtcp_write_sr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_sr *sr,
	const struct rtcp_report *r, unsigned n);
void rtcp_write_rr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_report *r, unsigned n);
void rtcp_write_cname(struct rtcp_writer *w, uint32_t ssrc, struct ar_span cname);
void rtcp_write_bye(struct rtcp_writer *w, uint32_t ssrc);
/* seq ascending; at most RTCP_MAX_NACK of them. */
void rtcp_write_nack(
	struct rtcp_writer *w, uint32_t ssrc, uint32_t media, const uint16_t *seq, unsigned n);
void rtcp_write_pli(struct rtcp_writer *w, uint32_t ssrc, uint32_t media);
void rtcp_write_fir(struct rtcp_writer *w, uint32_t ssrc, uint32_t media, uint8_t command);
void rtcp_write_remb(struct rtcp_writer *w, uint32_t ssrc, uint32_t media, uint64_t bitrate);

/* One arrival per sequence number base .. base+n-1: ticks of 250 us, negative: not received. The
 * list ends early where a delta does not fit 16 bits; the number of statuses written. */
#define RTCP_TWCC_MAX 512
unsigned rtcp_write_twcc(struct rtcp_writer *w, uint32_t ssrc, uint32_t media, uint16_t base,
	uint8_t count, const int64_t *ticks, unsigned n);

#endif
