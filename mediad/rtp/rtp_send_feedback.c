/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/rtp_send_int.h"

#define LOSSY 3.0 /* of 256, smoothed: so much is lost that retransmissions go twice */
#define TOLD 256 /* packets over which what feedback tells of is smoothed */
#define RESEND_MIN 10000 /* us before the same packet goes again */
#define SMOOTH 10000000 /* us after the last sign of a path that loses or varies */
#define UNSTEADY 15 /* ms of jitter that is reported */

/* There is time for two tries before a viewer sees it stop. */
static unsigned copies_of(const struct rtp_send *s, const struct packet *p)
{
	if (!has_rtx(s, p))
		return 1;
	if (s->tight) /* lost in a queue that is full: more makes it worse */
		return p->tries ? 2 : 1;
	return p->tries ? 3 : 1 + s->lossy * (1 + p->marker); /* a last one is missed late */
}

static void want_resend(struct rtp_send *s, uint32_t ext, uint64_t now)
{
	uint64_t wait = s->rtt ? s->rtt * 3 / 4 : RESEND_MIN;
	struct packet *p = at(s, ext);

	if (!is_remembered(s, ext) || now - p->sent_at > RTP_SEND_HISTORY ||
		p->tries >= RTP_SEND_MAX_TRIES) {
		s->stats.too_old++;
		return;
	}
	wait = wait > RESEND_MIN ? wait : RESEND_MIN;
	if (p->resent_at && now - p->resent_at < wait) {
		s->stats.too_soon++;
		return;
	}
	if (s->nresend == RTP_SEND_MAX_RESEND) {
		s->stats.over_budget++;
		return;
	}
	p->missed = true;
	p->resent_at = now; /* the same again in one message does not count twice */
	queue_resend(s, ext, copies_of(s, p));
}

/* Feedback tells of a path that loses sooner than reports do. */
static void note_fate(struct rtp_send *s, enum bwe_fate fate)
{
	if (fate == BWE_UNTOLD)
		return;
	s->told_loss += ((fate == BWE_LOST ? 256 : 0) - s->told_loss) / TOLD;
	s->lossy = s->loss >= LOSSY || s->told_loss >= LOSSY;
}

/* Feedback tells of losses too: of a NACK that was lost itself, of a retransmission sooner than it
 * would be asked for again. */
static void on_told(void *arg, uint16_t seq, enum bwe_fate fate)
{
	struct rtp_send *s = arg;
	uint32_t ext = s->sent_as[seq % BWE_LOG].ext;
	struct packet *p = at(s, ext);

	if (s->sent_as[seq % BWE_LOG].seq != seq || !is_remembered(s, ext))
		return;
	s->sent_as[seq % BWE_LOG].ext = 0;
	note_fate(s, fate);
	p->flying -= p->flying > 0;
	p->arrived |= fate == BWE_RECEIVED;
	if (p->arrived || p->flying || !has_rtx(s, p) || p->tries >= RTP_SEND_MAX_TRIES ||
		s->nresend == RTP_SEND_MAX_RESEND)
		return;
	p->missed |= fate == BWE_LOST;
	if (!p->missed)
		return;
	s->stats.told++;
	p->resent_at = s->now;
	queue_resend(s, ext, copies_of(s, p));
}

static void on_nack(struct rtp_send *s, const struct rtcp_packet *p, uint64_t now)
{
	uint16_t seq[RTP_SEND_MAX_RESEND];
	unsigned n = rtcp_nack_list(p, seq, RTP_SEND_MAX_RESEND);

	if (p->media != s->conf.ssrc)
		return;
	s->stats.nacked += n;
	for (unsigned i = 0; i < n; i++)
		want_resend(s, s->next - (uint16_t)((uint16_t)s->next - seq[i]), now);
}

/* A UE that slept with a report in its queue is not that far away. */
static uint64_t at_most_rtt(uint64_t rtt)
{
	return rtt < RTP_SEND_MAX_RTT ? rtt : RTP_SEND_MAX_RTT;
}

static void on_reports(struct rtp_send *s, const struct rtcp_packet *p, uint64_t now)
{
	for (unsigned i = 0; i < p->nreport; i++) {
		const struct rtcp_report *r = &p->report[i];
		uint64_t dlsr = (uint64_t)r->dlsr * 1000000 / 65536;

		if (r->ssrc != s->conf.ssrc)
			continue;
		bwe_report(s->bwe, r, now);
		s->loss += (r->fraction - s->loss) / 4;
		s->lossy = s->loss >= LOSSY || s->told_loss >= LOSSY;
		if (s->lossy || r->jitter > s->conf.clock / 1000 * UNSTEADY)
			s->smooth_until = now + SMOOTH;
		for (unsigned k = 0; r->lsr && k < RTP_SEND_REPORTS; k++)
			if (s->reports[k].lsr == r->lsr && now >= s->reports[k].at + dlsr)
				s->rtt = at_most_rtt(now - s->reports[k].at - dlsr + 1);
	}
}

void rtp_send_rtcp(struct rtp_send *s, const struct rtcp_packet *p, uint64_t now)
{
	uint8_t command;

	if (p->type == RTCP_NACK)
		on_nack(s, p, now);
	on_reports(s, p, now);
	s->now = now;
	if (p->type == RTCP_TWCC)
		bwe_feedback(s->bwe, p, on_told, s, now);
	if (p->type == RTCP_REMB)
		bwe_remb(s->bwe, p->bitrate, now);
	if (p->type == RTCP_PLI && p->media == s->conf.ssrc)
		s->want_key = true;
	/* RFC 5104 4.3.1.2: the same command number is a repetition */
	if (rtcp_fir_find(p, s->conf.ssrc, &command) && !(s->has_fir && s->fir == command)) {
		s->fir = command;
		s->has_fir = s->want_key = true;
	}
}

bool rtp_send_take_key_request(struct rtp_send *s, uint64_t now)
{
	if (!s->want_key || now < s->key_at)
		return false;
	s->want_key = false;
	s->key_at = now + RTP_SEND_KEY_INTERVAL;
	s->stats.key_requests++;
	return true;
}

uint64_t rtp_send_rtt(const struct rtp_send *s)
{
	return s->rtt;
}

void rtp_send_source(struct rtp_send *s, const struct rtcp_sr *sr, uint64_t when)
{
	s->source = *sr;
	s->source_at = when;
	s->has_source = true;
}

void rtp_send_report(struct rtp_send *s, uint64_t now, const struct rtcp_report *blocks, unsigned n,
	struct rtcp_writer *w)
{
	uint64_t past = now - s->source_at;
	struct rtcp_sr sr = {
		.packets = (uint32_t)s->stats.packets, .octets = (uint32_t)s->stats.bytes};

	if (!s->has_source) {
		rtcp_write_rr(w, s->conf.ssrc, blocks, n);
	} else {
		/* both in whole milliseconds, so that the mapping is the source's to the unit */
		past -= past % 1000;
		sr.ntp = s->source.ntp + past / 1000000 * (UINT64_C(1) << 32) +
			 (past % 1000000 << 32) / 1000000;
		sr.rtp = s->source.rtp + (uint32_t)(past * s->conf.clock / 1000000);
		rtcp_write_sr(w, s->conf.ssrc, &sr, blocks, n);
		s->reports[s->nreport % RTP_SEND_REPORTS].lsr = (uint32_t)(sr.ntp >> 16);
		s->reports[s->nreport++ % RTP_SEND_REPORTS].at = now;
	}
	rtcp_write_cname(w, s->conf.ssrc, ar_span_str(s->conf.cname));
}

const struct rtp_send_stats *rtp_send_stats(const struct rtp_send *s)
{
	return &s->stats;
}
