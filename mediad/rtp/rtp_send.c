/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/rtp_send_int.h"

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
#define STALL 110000 /* us between two frames: the viewer has waited once already */
#define STALL_LONG 150000 /* twice: there is no time for any retransmission */
#define TAIL                                                                                       \
	1.5 /* times the time between frames: that the last packet is lost shows only by the next  \
	     */
#define SHARE_BYTES 50000.0 /* over which the share of parity is smoothed */
#define FIRST_INTERVAL 33000.0 /* us */
#define PLAYOUT_AT_ONCE                                                                            \
	50u /* least 0, most 500 ms: libwebrtc then shows what comes as it comes                   \
	     */
#define PLAYOUT_ANY 0xfffu /* least 0, most 40 s: as without */

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
		.red = s->protect,
		.opens = s->first,
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
	if (v && v->xr_pose.p && v->xr_pose.n <= RTP_SEND_MAX_POSE) {
		p->npose = (uint8_t)v->xr_pose.n;
		memcpy(p->pose, v->xr_pose.p, v->xr_pose.n);
	}
	/* on the first packet: libwebrtc looks at no other */
	p->has_playout = s->first && s->conf.low_delay;
	p->playout = s->cut_at < s->smooth_until ? PLAYOUT_ANY : PLAYOUT_AT_ONCE;
	s->first = false;
	s->last_media = s->head;
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
	if (s->last_media == s->head)
		s->last_media--;
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
	if (s->tail == s->head || at(s, s->last_media)->arrived || at(s, s->last_media)->tries)
		return;
	s->stats.probes++;
	queue_resend(s, s->last_media, 1);
}

static bool wants_parity(const struct rtp_send *s)
{
	return s->conf.red_pt && s->conf.ulpfec_pt && s->conf.codec == DEPAY_VP8 && s->lossy &&
	       !s->tight && (!s->rtt || s->rtt >= RTP_SEND_PARITY_RTT);
}

/* Room in the numbering for the parity of the packets from `from` on, which take turns in its sums,
 * so that what is lost in a row is made good too. */
static void queue_parity(struct rtp_send *s, uint32_t from)
{
	unsigned n = s->head - from;
	unsigned groups = (n + RTP_SEND_PARITY_COVER - 1) / RTP_SEND_PARITY_COVER;

	groups = groups < RTP_SEND_PARITY ? groups : RTP_SEND_PARITY;
	for (unsigned i = 0; i < n; i++)
		at(s, from + i)->group = (uint8_t)(i % groups);
	for (unsigned i = 0; i < groups && s->head - s->tail < RTP_SEND_RING; i++) {
		*at(s, s->head++) = (struct packet){.pt = s->conf.ulpfec_pt,
			.group = (uint8_t)i,
			.red = true,
			.parity = true,
			.marker = true, /* nothing of the frame comes after it */
			.ts = s->ts};
	}
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
	s->protect = wants_parity(s);
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
	if (s->protect)
		queue_parity(s, from);
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

/* Into RED, which has room for RTP_MAX_PACKET; parity is made here. */
static struct ar_span wrap(
	struct rtp_send *s, const struct packet *p, struct ar_span payload, uint8_t *red)
{
	size_t n = payload.n;

	red[0] = p->pt;
	if (p->parity) {
		n = ulpfec_sum_write(&s->sum[p->group], red + 1, RTP_MAX_PACKET - 1);
		s->sum[p->group] = (struct ulpfec_sum){0};
	} else {
		memcpy(red + 1, payload.p, n);
	}
	return (struct ar_span){(char *)red, n + 1};
}

/* Parity is over packets as they would be without RED (RFC 5109 14.1); `payload` bytes with it. */
static void sum_up(
	struct rtp_send *s, const struct packet *p, const uint8_t *wire, size_t n, size_t payload)
{
	uint8_t plain[RTP_MAX_PACKET];
	size_t head = n - payload;

	for (unsigned i = 0; p->opens && i < RTP_SEND_PARITY; i++) {
		if (s->sum[i].n)
			s->sum[i] = (struct ulpfec_sum){0};
	}
	memcpy(plain, wire, head);
	plain[1] = (uint8_t)((plain[1] & 0x80) | p->pt);
	memcpy(plain + head, wire + head + 1, payload - 1);
	/* what is beyond the mask of a huge frame goes without */
	(void)!ulpfec_sum_add(&s->sum[p->group], (struct ar_span){(char *)plain, n - 1});
}

static size_t build(struct rtp_send *s, uint32_t ext, uint16_t seq, struct ar_span payload,
	bool rtx, uint64_t now, uint8_t *out, size_t cap)
{
	struct packet *p = at(s, ext);
	uint8_t red[RTP_MAX_PACKET];
	bool first = !rtx && !p->sent;
	struct rtp_packet h = {.marker = p->marker && !p->parity,
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

	if (!rtx && p->red) {
		h.pt = s->conf.red_pt;
		h.payload = payload = wrap(s, p, payload, red);
	}
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
	if (first) {
		p->sent = true;
		p->send_time = v.send_time;
		p->transport_seq = v.transport_seq;
	}
	n = rtp_build(out, cap, &h, &s->conf.extmap, &v);
	if (n > 0 && first && p->red && !p->parity)
		sum_up(s, p, out, (size_t)n, payload.n);
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

static void count_sent(struct rtp_send *s, const struct packet *p, size_t n)
{
	s->queued -= p->len;
	s->stats.packets++;
	s->stats.bytes += p->parity ? n - RTP_HEAD : p->len;
	s->stats.fec_packets += p->parity;
	s->stats.fec_bytes += p->parity ? n : 0;
	s->parity_share += ((p->parity ? 1 : 0) - s->parity_share) * (double)n / SHARE_BYTES;
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
		count_sent(s, p, n);
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

double rtp_send_parity_share(const struct rtp_send *s)
{
	return s->parity_share;
}

size_t rtp_send_queued(const struct rtp_send *s)
{
	return s->queued;
}
