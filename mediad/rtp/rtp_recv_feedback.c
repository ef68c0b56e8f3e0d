/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/rtp_recv_int.h"

#define NACK_MIN 20000
#define NACK_TWICE                                                                                 \
	8000 /* us: the first goes twice, others three times: there is no                          \
	      * time for many tries */

#define STUCK 3 /* NACKs of one packet: a key frame may be there sooner than the next answer */
#define GUESS_TRIES 2

uint64_t rtp_recv_patience(const struct rtp_recv *r)
{
	uint64_t wait = RTP_RECV_MIN_WAIT;
	/* giving up costs a key frame: not on a mere guess */
	uint64_t rtt = r->min_rtt || r->told ? r->rtt : 2 * RTP_RECV_FIRST_RTT;

	if (r->conf.nack)
		wait += 3 * rtt + rtt / 4 + r->reorder;
	if (r->conf.nack && wait < RTP_RECV_NACK_WAIT)
		wait = RTP_RECV_NACK_WAIT;
	return wait > RTP_RECV_MAX_WAIT ? RTP_RECV_MAX_WAIT : wait;
}

void rtp_recv_sr(struct rtp_recv *r, const struct rtcp_sr *sr, uint64_t now)
{
	r->sr = *sr;
	r->sr_at = now;
	r->has_sr = true;
}

bool rtp_recv_last_sr(const struct rtp_recv *r, struct rtcp_sr *sr, uint64_t *at)
{
	*sr = r->sr;
	*at = r->sr_at;
	return r->has_sr;
}

bool rtp_recv_ntp(const struct rtp_recv *r, uint32_t ts, uint64_t *ntp)
{
	int64_t d = (int32_t)(ts - r->sr.rtp);

	if (!r->has_sr)
		return false;
	*ntp = r->sr.ntp + (uint64_t)(d * (INT64_C(1) << 32) / (int64_t)r->conf.clock);
	return true;
}

void rtp_recv_set_rtt(struct rtp_recv *r, uint64_t rtt)
{
	r->rtt = rtt;
	r->told = true;
}

uint64_t rtp_recv_rtt(const struct rtp_recv *r)
{
	return r->rtt;
}

void rtp_recv_want_key(struct rtp_recv *r)
{
	r->want_key = true;
}

void rtp_recv_got_key(struct rtp_recv *r)
{
	r->want_key = false;
}

void rtp_recv_report(struct rtp_recv *r, uint64_t now, struct rtcp_report *out)
{
	uint32_t top = r->highest - r->guessed;
	uint32_t expected = r->started ? top - r->base + 1 : 0;
	uint32_t interval = expected - r->expected_prior;
	int64_t lost = (int64_t)expected - r->received;
	int64_t now_lost = (int64_t)interval - (r->received - r->received_prior);

	*out = (struct rtcp_report){.ssrc = r->conf.ssrc, .jitter = r->jitter16 >> 4};
	out->lost = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : (int32_t)lost;
	if (interval && now_lost > 0)
		out->fraction =
			(uint8_t)(now_lost * 256 / interval > 255 ? 255
								  : now_lost * 256 / interval);
	out->highest = top - 0x10000; /* the cycle of start() */
	if (r->has_sr) {
		out->lsr = (uint32_t)(r->sr.ntp >> 16);
		out->dlsr = (uint32_t)((now - r->sr_at) * 65536 / 1000000);
	}
	r->expected_prior = expected;
	r->received_prior = r->received;
}

static bool wants_nack(const struct rtp_recv *r, uint32_t ext)
{
	const struct slot *s = &r->slot[ext % RTP_RECV_SLOTS];
	unsigned most = r->guessed && ext == r->highest ? GUESS_TRIES : RTP_RECV_MAX_TRIES;

	return r->conf.nack && s->state == MISSING && s->tries < most;
}

static void write_nack(struct rtp_recv *r, uint64_t now, struct rtcp_writer *w)
{
	uint64_t wait = r->rtt + r->rtt / 16;
	uint64_t again = now + (wait > NACK_MIN ? wait : NACK_MIN) - NACK_TWICE;
	uint16_t seq[RTCP_MAX_NACK];
	unsigned n = 0;

	for (uint32_t e = r->next; r->nmissing && e != r->highest + 1 && n < RTCP_MAX_NACK; e++) {
		struct slot *s = &r->slot[e % RTP_RECV_SLOTS];

		if (!wants_nack(r, e) || s->nack_at > now)
			continue;
		seq[n++] = (uint16_t)e;
		if (s->tries && s->copies < (s->tries > 1 ? 2 : 1)) {
			s->copies++;
			s->nack_at = s->copies < (s->tries > 1 ? 2 : 1) ? now + NACK_TWICE : again;
			continue;
		}
		if (s->tries++ == 0)
			s->first = now;
		r->stuck |= e == r->next && s->tries >= STUCK;
		s->copies = 0;
		s->nacked = now;
		s->nack_at = now + NACK_TWICE;
	}
	r->stats.nacks += n;
	rtcp_write_nack(w, r->conf.local, r->conf.ssrc, seq, n);
}

static bool nack_due(const struct rtp_recv *r, uint64_t now)
{
	for (uint32_t e = r->next; r->nmissing && e != r->highest + 1; e++) {
		if (wants_nack(r, e) && r->slot[e % RTP_RECV_SLOTS].nack_at <= now)
			return true;
	}
	return false;
}

static void write_report(struct rtp_recv *r, uint64_t now, struct rtcp_writer *w)
{
	struct rtcp_report block;

	rtp_recv_report(r, now, &block);
	rtcp_write_rr(w, r->conf.local, &block, 1);
	rtcp_write_cname(w, r->conf.local, ar_span_str(r->conf.cname));
	r->report_at = now + RTP_RECV_REPORT;
}

static bool wants_key(const struct rtp_recv *r)
{
	return (r->want_key || r->stuck) && (r->conf.pli || r->conf.fir);
}

void rtp_recv_feedback(struct rtp_recv *r, uint64_t now, struct rtcp_writer *w)
{
	bool nack, key, report = now >= r->report_at;

	rtp_recv_guess(r, now);
	nack = r->started && nack_due(r, now);
	key = wants_key(r) && now >= r->key_at;

	if (report || ((nack || key) && !r->conf.reduced && w->n == 0))
		write_report(r, now, w);
	if (nack)
		write_nack(r, now, w);
	if (!key)
		return;
	if (r->conf.pli)
		rtcp_write_pli(w, r->conf.local, r->conf.ssrc);
	else
		rtcp_write_fir(w, r->conf.local, r->conf.ssrc, r->fir++);
	r->stats.key_requests++;
	r->key_at = now + (r->rtt * 2 > RTP_RECV_KEY_INTERVAL ? r->rtt * 2 : RTP_RECV_KEY_INTERVAL);
}

uint64_t rtp_recv_deadline(const struct rtp_recv *r)
{
	uint64_t at = r->report_at;

	if (wants_key(r) && r->key_at < at)
		at = r->key_at;
	at = r->guess_at < at ? r->guess_at : at;
	for (uint32_t e = r->next; r->nmissing && e != r->highest + 1; e++) {
		const struct slot *s = &r->slot[e % RTP_RECV_SLOTS];

		if (s->state != MISSING)
			continue;
		if (!(r->guessed && e == r->highest) && s->at + rtp_recv_patience(r) < at)
			at = s->at + rtp_recv_patience(r);
		if (wants_nack(r, e) && s->nack_at < at)
			at = s->nack_at;
	}
	return at;
}

const struct rtp_recv_stats *rtp_recv_stats(const struct rtp_recv *r)
{
	return &r->stats;
}
