/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/rtp_send.h"

#include "mediad/rtp/pay.h"
#include "mediad/rtp/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PACE 2.5 /* times the target rate: frames are bursts */
#define PACE_TIGHT 1.5 /* where a burst would stand in a queue, or not fit into it */
#define BURST 16000 /* us ahead of the pace, elsewhere: an ordinary frame leaves at once */
#define MAX_PACE_DELAY 200000 /* us: the queue is emptied in that time, whatever the rate */
#define FULL_WAIT 5000 /* us */
#define FULL_PROBE 40000 /* us of it without any feedback */
#define RTX_BURST 20000 /* bytes of saved-up retransmission */
#define LOSSY 3.0 /* of 256, smoothed: so much is lost that retransmissions go twice */
#define RESEND_MIN 10000 /* us before the same packet goes again */
#define STALL 110000 /* us between two frames: the viewer has waited once already */
#define STALL_LONG 150000 /* twice: there is no time for any retransmission */
#define TAIL                                                                                       \
	1.5 /* times the time between frames: that the last packet is lost shows only by the next  \
	     */
#define FIRST_INTERVAL 33000.0 /* us */
#define MAX_POSE 64
#define PLAYOUT_AT_ONCE                                                                            \
	50u /* least 0, most 500 ms: libwebrtc then shows what comes as it comes                   \
	     */
#define PLAYOUT_ANY 0xfffu /* least 0, most 40 s: as without */
#define SMOOTH 10000000 /* us after the last sign of a path that loses or varies */
#define UNSTEADY 15 /* ms of jitter that is reported */
#define REPORTS 8 /* sender reports remembered for the round-trip time */

struct packet {
	uint8_t *data;
	uint16_t len;
	uint8_t tries, pt, rtx_pt;
	bool marker, sent, has_capture, has_offset;
	uint32_t ts;
	uint64_t capture;
	int64_t offset;
	uint8_t npose;
	uint8_t pose[MAX_POSE];
	bool has_playout;
	uint32_t playout;
	uint64_t sent_at, resent_at;
	uint8_t flying; /* copies, the first among them, that no feedback has spoken of */
	bool arrived, missed; /* missed: somebody has said so */
	/* without RTX the same packet goes again to the bit: under AES-GCM one nonce must not
	 * protect two texts (RFC 7714 8.1) */
	uint32_t send_time;
	uint16_t transport_seq;
};

struct rtp_send {
	struct rtp_send_conf conf;
	struct bwe *bwe;
	struct rtp_send_stats stats;
	struct packet ring[RTP_SEND_RING];
	struct {
		uint32_t ext; /* the packet that was sent under a transport-wide number; 0: none */
		uint16_t seq;
	} sent_as[BWE_LOG];
	uint32_t tail, next, head; /* remembered from, to be sent, to be filled */
	size_t bytes, queued;
	uint16_t rtx_seq, picture_id;
	uint32_t resend[RTP_SEND_MAX_RESEND];
	unsigned resend_head, nresend;
	double rtx_tokens;
	uint64_t rtx_at, pace_at, full_until, full_since, now;
	bool tight;
	/* the first frame after a stall, on a path that loses: once more when it is out */
	uint32_t again_from, again_to;
	unsigned again; /* times */
	uint64_t framed_at, tail_at; /* tail_at: the last packet goes again, 0: has gone */
	double interval; /* us between frames, smoothed */
	/* the frame that is being cut */
	uint32_t ts;
	const struct rtp_ext_values *values;
	struct rtcp_sr source;
	uint64_t source_at;
	struct {
		uint32_t lsr;
		uint64_t at;
	} reports[REPORTS];
	unsigned nreport;
	bool has_source, want_key, has_fir;
	uint8_t fir;
	uint64_t rtt, key_at;
	uint64_t smooth_until, cut_at;
	bool first; /* of the packets of a frame */
	double loss; /* of 256, of what is reported */
	bool lossy;
};

int rtp_send_new(struct rtp_send **out, const struct rtp_send_conf *conf, struct bwe *bwe)
{
	struct rtp_send *s;

	if (conf->clock == 0 || conf->mtu < PAY_MIN_MTU || conf->mtu > PAY_MAX_MTU)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->conf = *conf;
	s->conf.mid[RTP_MAX_MID] = '\0';
	s->conf.cname[RTCP_MAX_CNAME] = '\0';
	s->bwe = bwe;
	s->tail = s->next = s->head = 0x10000u + conf->first_seq;
	s->rtx_seq = conf->first_rtx_seq;
	s->interval = FIRST_INTERVAL;
	*out = s;
	return 0;
}

static struct packet *at(struct rtp_send *s, uint32_t ext)
{
	return &s->ring[ext % RTP_SEND_RING];
}

static void forget(struct rtp_send *s, uint32_t ext)
{
	struct packet *p = at(s, ext);

	s->bytes -= p->len;
	free(p->data);
	*p = (struct packet){0};
}

void rtp_send_free(struct rtp_send *s)
{
	if (!s)
		return;
	for (; s->tail != s->head; s->tail++)
		forget(s, s->tail);
	free(s);
}

/* Sent packets that are too old, or in the way of `more` bytes. */
static void expire(struct rtp_send *s, size_t more, uint64_t now)
{
	while (s->tail != s->next &&
		(now - at(s, s->tail)->sent_at > RTP_SEND_HISTORY ||
			s->bytes + more > RTP_SEND_MAX_BYTES || s->head - s->tail >= RTP_SEND_RING))
		forget(s, s->tail++);
}

static int queue(void *user, struct ar_span payload, bool last)
{
	struct rtp_send *s = user;
	const struct rtp_ext_values *v = s->values;
	struct packet *p = at(s, s->head);

	if (s->head - s->tail >= RTP_SEND_RING || s->bytes + payload.n > RTP_SEND_MAX_BYTES)
		return -ENOBUFS;
	*p = (struct packet){.data = malloc(payload.n),
		.len = (uint16_t)payload.n,
		.pt = s->conf.pt,
		.rtx_pt = s->conf.rtx_pt,
		.marker = last,
		.ts = s->ts};
	if (!p->data) {
		p->len = 0;
		return -ENOMEM;
	}
	memcpy(p->data, payload.p, payload.n);
	if (v && v->has_capture_time) {
		p->has_capture = true;
		p->capture = v->capture_time;
		p->has_offset = v->has_capture_offset;
		p->offset = v->capture_offset;
	}
	if (v && v->xr_pose.p && v->xr_pose.n <= MAX_POSE) {
		p->npose = (uint8_t)v->xr_pose.n;
		memcpy(p->pose, v->xr_pose.p, v->xr_pose.n);
	}
	/* on the first packet: libwebrtc looks at no other */
	p->has_playout = s->first && s->conf.low_delay;
	p->playout = s->cut_at < s->smooth_until ? PLAYOUT_ANY : PLAYOUT_AT_ONCE;
	s->first = false;
	s->head++;
	s->bytes += payload.n;
	s->queued += payload.n;
	return 0;
}

void rtp_send_set_format(struct rtp_send *s, enum depay_codec codec, uint8_t pt, uint8_t rtx_pt)
{
	s->conf.codec = codec;
	s->conf.pt = pt;
	s->conf.rtx_pt = rtx_pt;
}

void rtp_send_set_cname(struct rtp_send *s, const char *cname)
{
	snprintf(s->conf.cname, sizeof(s->conf.cname), "%s", cname);
}

uint16_t rtp_send_next_seq(const struct rtp_send *s)
{
	return (uint16_t)s->next;
}

uint16_t rtp_send_next_rtx_seq(const struct rtp_send *s)
{
	return s->rtx_seq;
}

static void drop_last(struct rtp_send *s)
{
	s->queued -= at(s, --s->head)->len;
	forget(s, s->head);
}

unsigned rtp_send_drop_queued(struct rtp_send *s)
{
	uint32_t keep = s->next, from = s->head;

	/* the rest of a frame whose first packets are on their way */
	if (keep != s->tail && !at(s, keep - 1)->marker) {
		while (keep != s->head && !at(s, keep)->marker)
			keep++;
		keep += keep != s->head;
	}
	while (s->head != keep)
		drop_last(s);
	return from - s->head;
}

static void queue_resend(struct rtp_send *s, uint32_t ext, unsigned copies)
{
	for (; copies && s->nresend < RTP_SEND_MAX_RESEND; copies--)
		s->resend[(s->resend_head + s->nresend++) % RTP_SEND_MAX_RESEND] = ext;
}

static void note_interval(struct rtp_send *s, uint64_t now)
{
	uint64_t gap = now - s->framed_at;

	if (s->framed_at && gap < STALL_LONG)
		s->interval += ((double)gap - s->interval) / 8;
	s->framed_at = now;
	s->tail_at = s->lossy && s->conf.rtx_ssrc && s->conf.rtx_pt
			     ? now + (uint64_t)(TAIL * s->interval)
			     : 0;
}

/* The next frame is late: was the last packet of this one lost, nobody can know. */
static void probe_tail(struct rtp_send *s, uint64_t now)
{
	if (!s->tail_at || now < s->tail_at || s->next != s->head)
		return;
	s->tail_at = 0;
	if (s->tail == s->head || at(s, s->head - 1)->arrived || at(s, s->head - 1)->tries)
		return;
	s->stats.probes++;
	queue_resend(s, s->head - 1, 1);
}

int rtp_send_frame(struct rtp_send *s, struct ar_span frame, uint32_t ts,
	const struct rtp_ext_values *values, uint64_t now)
{
	uint64_t limit = bwe_target(s->bwe) / 8 * RTP_SEND_MAX_QUEUE / 1000000;
	uint32_t from = s->head;
	int err = -ENOBUFS;

	expire(s, frame.n + frame.n / 8, now);
	s->ts = ts;
	s->values = values;
	s->first = true;
	s->cut_at = now;
	if (s->queued > limit)
		goto out;
	if (s->conf.codec == DEPAY_VP8)
		err = pay_vp8(frame, s->picture_id, false, s->conf.mtu, queue, s);
	else
		err = pay_h264(frame, s->conf.mtu, queue, s);
out:
	s->values = NULL;
	if (err) {
		s->stats.refused++;
		while (s->head != from)
			drop_last(s);
		return err;
	}
	if (s->lossy && s->conf.rtx_ssrc && s->conf.rtx_pt && now - s->framed_at > STALL) {
		s->again_from = from;
		s->again_to = s->head;
		s->again = now - s->framed_at > STALL_LONG ? 2 : 1;
	}
	note_interval(s, now);
	s->tight = bwe_is_tight(s->bwe, now);
	s->picture_id = (s->picture_id + 1) & 0x7fff;
	s->stats.frames++;
	if (s->pace_at < now)
		s->pace_at = now;
	return 0;
}

static size_t build(struct rtp_send *s, uint32_t ext, uint16_t seq, struct ar_span payload,
	bool rtx, uint64_t now, uint8_t *out, size_t cap)
{
	struct packet *p = at(s, ext);
	struct rtp_packet h = {.marker = p->marker,
		.seq = seq,
		.ts = p->ts,
		.ssrc = rtx ? s->conf.rtx_ssrc : s->conf.ssrc,
		.pt = rtx ? p->rtx_pt : p->pt,
		.payload = payload};
	struct rtp_ext_values v = {.has_send_time = true,
		.send_time = rtp_send_time(now),
		.has_transport_seq = true,
		.mid = ar_span_str(s->conf.mid),
		.has_capture_time = p->has_capture,
		.capture_time = p->capture,
		.has_playout = p->has_playout,
		.playout = p->playout,
		.has_capture_offset = p->has_offset,
		.capture_offset = p->offset};
	int n;

	if (p->npose)
		v.xr_pose = (struct ar_span){(char *)p->pose, p->npose};
	if (rtx || !p->sent) {
		v.transport_seq = bwe_sent(s->bwe, now, payload.n + RTP_HEAD + 20);
		s->sent_as[v.transport_seq % BWE_LOG].seq = v.transport_seq;
		s->sent_as[v.transport_seq % BWE_LOG].ext = ext;
		p->flying++;
	} else {
		v.send_time = p->send_time;
		v.transport_seq = p->transport_seq;
	}
	if (!rtx && !p->sent) {
		p->sent = true;
		p->send_time = v.send_time;
		p->transport_seq = v.transport_seq;
	}
	n = rtp_build(out, cap, &h, &s->conf.extmap, &v);
	return n > 0 ? (size_t)n : 0;
}

static void refill(struct rtp_send *s, uint64_t now)
{
	double rate = (double)bwe_target(s->bwe) / 8 * RTP_SEND_RTX_SHARE / 100;

	if (now > s->rtx_at)
		s->rtx_tokens += rate * (double)(now - s->rtx_at) / 1e6;
	s->rtx_at = now;
	if (s->rtx_tokens > RTX_BURST)
		s->rtx_tokens = RTX_BURST;
}

static bool is_remembered(struct rtp_send *s, uint32_t ext)
{
	return (int32_t)(ext - s->tail) >= 0 && (int32_t)(ext - s->next) < 0 && at(s, ext)->data;
}

/* The next retransmission that is still worth it, NULL: none. */
static struct packet *next_resend(struct rtp_send *s, uint64_t now, uint32_t *ext)
{
	refill(s, now);
	while (s->nresend) {
		struct packet *p;

		*ext = s->resend[s->resend_head];
		s->resend_head = (s->resend_head + 1) % RTP_SEND_MAX_RESEND;
		s->nresend--;
		p = at(s, *ext);
		if (!is_remembered(s, *ext))
			continue;
		if (s->rtx_tokens < p->len) {
			s->stats.over_budget++;
			continue;
		}
		s->rtx_tokens -= p->len;
		return p;
	}
	return NULL;
}

/* Of the codec that it was sent in; the next one may have none. */
static bool has_rtx(const struct rtp_send *s, const struct packet *p)
{
	return s->conf.rtx_ssrc && p->rtx_pt;
}

static size_t resend(struct rtp_send *s, uint64_t now, uint8_t *out, size_t cap)
{
	uint8_t body[PAY_MAX_MTU + 2];
	uint32_t ext;
	struct packet *p = next_resend(s, now, &ext);
	struct ar_span payload;

	if (!p)
		return 0;
	p->tries++;
	p->resent_at = now;
	s->stats.resent++;
	s->stats.resent_bytes += p->len;
	payload = (struct ar_span){(char *)p->data, p->len};
	if (!has_rtx(s, p))
		return build(s, ext, (uint16_t)ext, payload, false, now, out, cap);
	put16(body, ext & 0xffff);
	memcpy(body + 2, p->data, p->len);
	payload = (struct ar_span){(char *)body, p->len + 2u};
	return build(s, ext, s->rtx_seq++, payload, true, now, out, cap);
}

/* Bytes per microsecond. */
static double pace(const struct rtp_send *s)
{
	double rate = (double)bwe_target(s->bwe) / 8e6 * (s->tight ? PACE_TIGHT : PACE);
	double need = (double)s->queued / MAX_PACE_DELAY;

	return rate > need ? rate : need;
}

static uint64_t due(const struct rtp_send *s)
{
	uint64_t burst = s->tight ? 0 : BURST, at = s->pace_at > burst ? s->pace_at - burst : 0;

	return at > s->full_until ? at : s->full_until;
}

/* More is on its way than fits. When the feedback about all of it is lost nothing that is sent
 * would bring the next: then a packet now and again asks for it. */
static bool must_wait(struct rtp_send *s, uint64_t now)
{
	if (!bwe_is_full(s->bwe, now)) {
		s->full_since = 0;
		return false;
	}
	if (!s->full_since)
		s->full_since = now;
	if (now - s->full_since >= FULL_PROBE) {
		s->full_since = now;
		return false;
	}
	s->full_until = now + FULL_WAIT;
	return true;
}

size_t rtp_send_poll(struct rtp_send *s, uint64_t now, uint8_t *out, size_t cap)
{
	size_t n;
	double rate;

	s->tight = bwe_is_tight(s->bwe, now);
	rate = pace(s);
	probe_tail(s, now);
	if (now < due(s) || cap < RTP_MAX_PACKET)
		return 0;
	n = resend(s, now, out, cap);
	if (n == 0 && s->next != s->head && must_wait(s, now))
		return 0;
	if (n == 0 && s->next != s->head) {
		struct packet *p = at(s, s->next);

		n = build(s, s->next, (uint16_t)s->next, (struct ar_span){(char *)p->data, p->len},
			false, now, out, cap);
		p->sent_at = now;
		s->next++;
		if (s->next == s->again_to) {
			for (uint32_t ext = s->again_from; ext != s->again_to; ext++)
				queue_resend(s, ext, s->again);
		}
		s->queued -= p->len;
		s->stats.packets++;
		s->stats.bytes += p->len;
	}
	if (n)
		s->pace_at = (s->pace_at > now ? s->pace_at : now) + (uint64_t)((double)n / rate);
	return n;
}

uint64_t rtp_send_deadline(const struct rtp_send *s)
{
	if (s->next == s->head && s->nresend == 0)
		return s->tail_at ? s->tail_at : UINT64_MAX;
	return due(s);
}

size_t rtp_send_queued(const struct rtp_send *s)
{
	return s->queued;
}

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
		s->lossy = s->loss >= LOSSY;
		if (s->lossy || r->jitter > s->conf.clock / 1000 * UNSTEADY)
			s->smooth_until = now + SMOOTH;
		for (unsigned k = 0; r->lsr && k < REPORTS; k++)
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
		s->reports[s->nreport % REPORTS].lsr = (uint32_t)(sr.ntp >> 16);
		s->reports[s->nreport++ % REPORTS].at = now;
	}
	rtcp_write_cname(w, s->conf.ssrc, ar_span_str(s->conf.cname));
}

const struct rtp_send_stats *rtp_send_stats(const struct rtp_send *s)
{
	return &s->stats;
}
