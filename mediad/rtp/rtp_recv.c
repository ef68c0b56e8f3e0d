/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/rtp_recv.h"

#include "mediad/rtp/wire.h"

#include <errno.h>
#include <stdlib.h>

#define MAX_DROPOUT 3000 /* RFC 3550 A.1 */
#define MAX_MISORDER 1000
#define FIRST_RTT 100000
#define NACK_MIN 20000
#define NACK_TWICE                                                                                 \
	8000 /* us: the first goes twice, others three times: there is no                          \
	      * time for many tries */

#define STUCK 3 /* NACKs of one packet: a key frame may be there sooner than the next answer */
#define GUESS_MIN 8000 /* us after a packet that does not end its frame */
#define GUESS_MAX 28000 /* then the next frame tells as soon */
#define GUESS_TRIES 2

enum state { EMPTY, MISSING, HAVE };

struct slot {
	enum state state;
	uint8_t tries;
	uint8_t copies; /* of the present try, beyond the first */
	uint16_t len;
	uint8_t *data;
	uint64_t at; /* HAVE: arrival; MISSING: first missed */
	uint64_t nack_at; /* MISSING: when the next NACK is due */
	uint64_t first, nacked; /* when the first and the last one went */
};

struct rtp_recv {
	struct rtp_recv_conf conf;
	struct rtp_recv_stats stats;
	struct slot slot[RTP_RECV_SLOTS];
	uint32_t next, highest; /* extended: to be delivered; seen */
	unsigned nmissing;
	bool started;
	uint32_t bad_seq; /* RFC 3550 A.1: what would follow a jump; > 65535: none */
	uint32_t gap; /* given up, not told yet */
	uint64_t reorder; /* us that packets have lately come late without being lost */
	/* The last packet of a frame is missed by the time that passes; guessed: `highest` is one.
	 */
	bool guessed;
	uint64_t guess_at, last_at,
		spread; /* spread: between packets of one frame, the most lately */
	uint32_t last_ts;
	bool stuck; /* STUCK at the head */
	bool fresh; /* something has come since a key frame was looked for */
	uint8_t *out; /* lent by the last pop */
	uint64_t rtt, min_rtt; /* min: 0: none measured */
	bool told; /* the owner knows it */
	/* reports, RFC 3550 A.3 and A.8 */
	uint32_t base, transit, jitter16, expected_prior, received_prior, received;
	bool has_transit;
	uint64_t report_at;
	struct rtcp_sr sr;
	uint64_t sr_at;
	bool has_sr;
	bool want_key;
	uint64_t key_at;
	uint8_t fir;
};

int rtp_recv_new(struct rtp_recv **out, const struct rtp_recv_conf *conf)
{
	struct rtp_recv *r;

	if (conf->clock == 0)
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->conf = *conf;
	r->conf.cname[RTCP_MAX_CNAME] = '\0';
	r->rtt = FIRST_RTT;
	r->reorder = RTP_RECV_REORDER;
	r->guess_at = UINT64_MAX;
	r->bad_seq = UINT32_MAX;
	r->report_at = UINT64_MAX;
	*out = r;
	return 0;
}

static struct slot *slot_of(struct rtp_recv *r, uint32_t ext)
{
	return &r->slot[ext % RTP_RECV_SLOTS];
}

static void clear(struct rtp_recv *r, struct slot *s)
{
	if (s->state == MISSING)
		r->nmissing--;
	free(s->data);
	*s = (struct slot){0};
}

void rtp_recv_free(struct rtp_recv *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < RTP_RECV_SLOTS; i++)
		clear(r, &r->slot[i]);
	free(r->out);
	free(r);
}

/* Everything held is dropped; the stream goes on at ext after a gap. */
static void flush(struct rtp_recv *r, uint32_t ext)
{
	for (unsigned i = 0; i < RTP_RECV_SLOTS; i++) {
		r->stats.flushed += r->slot[i].state == HAVE;
		clear(r, &r->slot[i]);
	}
	r->gap += ext > r->next ? ext - r->next : 1;
	r->stats.lost += ext > r->next ? ext - r->next : 0;
	r->next = ext;
	r->highest = ext - 1;
	r->guessed = r->stuck = false;
	r->guess_at = UINT64_MAX;
}

static void start(struct rtp_recv *r, uint16_t seq, uint64_t now)
{
	/* one cycle ahead, so that packets before the first one have a number too */
	r->next = 0x10000u + seq;
	r->highest = r->next - 1;
	r->base = r->next;
	r->received = r->expected_prior = r->received_prior = 0;
	r->has_transit = false;
	r->started = true;
	if (r->report_at == UINT64_MAX && r->conf.report)
		r->report_at = now + RTP_RECV_REPORT / 2;
}

/* RFC 3550 A.1 update_seq: false if the packet is not to be used (yet). */
static bool extend(struct rtp_recv *r, uint16_t seq, uint64_t now, uint32_t *ext)
{
	uint16_t delta;

	if (!r->started)
		start(r, seq, now);
	delta = (uint16_t)(seq - (uint16_t)r->highest);
	if (delta < MAX_DROPOUT) {
		*ext = r->highest + delta;
	} else if (delta <= 0x10000 - MAX_MISORDER) {
		if (r->bad_seq != seq) {
			r->bad_seq = (uint16_t)(seq + 1);
			return false;
		}
		r->stats.restarts++;
		flush(r, r->next);
		start(r, seq, now);
		*ext = r->next;
	} else {
		*ext = r->highest - (uint16_t)((uint16_t)r->highest - seq);
	}
	r->bad_seq = UINT32_MAX;
	return true;
}

static void update_jitter(struct rtp_recv *r, uint32_t ts, uint64_t now)
{
	uint32_t arrival = (uint32_t)(now * r->conf.clock / 1000000);
	uint32_t transit = arrival - ts;
	int32_t d = (int32_t)(transit - r->transit);

	if (r->has_transit) {
		uint32_t abs = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;

		r->jitter16 += abs - ((r->jitter16 + 8) >> 4);
	}
	r->transit = transit;
	r->has_transit = true;
}

/* All between the highest so far and ext is missing, from now on. */
static void advance(struct rtp_recv *r, uint32_t ext, uint64_t now)
{
	if (ext - r->highest > RTP_RECV_MAX_BURST || ext - r->next >= RTP_RECV_SLOTS)
		flush(r, ext);
	for (uint32_t e = r->highest + 1; e != ext; e++) {
		*slot_of(r, e) =
			(struct slot){.state = MISSING, .at = now, .nack_at = now + r->reorder};
		r->nmissing++;
	}
	r->highest = ext;
	r->guessed = false;
	r->reorder -= r->reorder / 256;
}

/* Which of two NACKs was answered: the first one, if the second cannot have been so soon. */
static void recovered(struct rtp_recv *r, const struct slot *s, uint64_t now)
{
	uint64_t sample = now - s->nacked;

	r->stats.recovered++;
	if (s->tries == 0 || s->tries > 2)
		return;
	if (s->tries == 2 && (r->min_rtt == 0 || sample < r->min_rtt * 3 / 4))
		sample = now - s->first;
	if (r->min_rtt == 0 || sample < r->min_rtt)
		r->min_rtt = sample;
	/* too short costs key frames, too long a little delay */
	r->rtt = sample > r->rtt ? (r->rtt + sample) / 2 : (r->rtt * 7 + sample) / 8;
}

/* A copy with the header as it was sent first; CSRC and padding are left out. */
static uint8_t *copy_of(
	const struct rtp_recv *r, uint32_t ext, const struct rtp_packet *p, size_t *len)
{
	size_t head = RTP_HEAD + (p->ext.p ? 4 + p->ext.n : 0);
	uint8_t *data = malloc(head + p->payload.n);

	if (!data)
		return NULL;
	*len = head + p->payload.n;
	data[0] = p->ext.p ? 0x90 : 0x80;
	data[1] = (uint8_t)(p->marker << 7 | p->pt);
	put16(data + 2, ext & 0xffff);
	put32(data + 4, p->ts);
	put32(data + 8, r->conf.ssrc);
	if (p->ext.p) {
		put16(data + RTP_HEAD, p->ext_profile);
		put16(data + RTP_HEAD + 2, (uint32_t)p->ext.n / 4);
		if (p->ext.n)
			memcpy(data + RTP_HEAD + 4, p->ext.p, p->ext.n);
	}
	if (p->payload.n)
		memcpy(data + head, p->payload.p, p->payload.n);
	return data;
}

/* It was late, not lost. */
static void note_late(struct rtp_recv *r, const struct slot *s, uint64_t now)
{
	uint64_t late = now - s->at, wait = late + late / 4;

	if (wait > r->reorder)
		r->reorder = wait < RTP_RECV_REORDER_MAX ? wait : RTP_RECV_REORDER_MAX;
}

static void note_found(struct rtp_recv *r, uint32_t ext, bool rtx, uint64_t now)
{
	const struct slot *s = slot_of(r, ext);

	if (rtx || (s->tries && !r->conf.rtx_ssrc))
		recovered(r, s, now);
	else if (r->guessed && ext == r->highest)
		r->spread = now - r->last_at;
	else
		note_late(r, s, now);
}

static int store(
	struct rtp_recv *r, uint32_t ext, const struct rtp_packet *p, bool rtx, uint64_t now)
{
	struct slot *s;
	uint8_t *data;
	size_t len;

	if ((int32_t)(ext - r->next) < 0) {
		r->stats.late++;
		return 0;
	}
	if ((int32_t)(ext - r->highest) > 0)
		advance(r, ext, now);
	s = slot_of(r, ext);
	if (s->state == HAVE) {
		r->stats.duplicates++;
		return 0;
	}
	data = copy_of(r, ext, p, &len);
	if (!data)
		return -ENOMEM;
	if (s->state == MISSING)
		note_found(r, ext, rtx, now);
	if (ext == r->highest)
		r->guessed = false;
	clear(r, s);
	*s = (struct slot){.state = HAVE, .data = data, .len = (uint16_t)len, .at = now};
	r->fresh = true;
	return 0;
}

static int input_rtx(struct rtp_recv *r, const struct rtp_packet *p, uint64_t now)
{
	struct rtp_packet q = *p;
	uint16_t osn;
	uint32_t ext;

	if (p->payload.n == 0) /* padding: a bandwidth probe */
		return 0;
	if (p->payload.n < 2) {
		r->stats.malformed++;
		return -EBADMSG;
	}
	osn = get16((const uint8_t *)p->payload.p);
	q.payload.p += 2;
	q.payload.n -= 2;
	q.pt = r->conf.media_pt;
	/* only what is being waited for: RTX never starts or moves a stream */
	ext = r->highest - (uint16_t)((uint16_t)r->highest - osn);
	if (!r->started || (int32_t)(ext - r->next) < 0) {
		r->stats.late++;
		return 0;
	}
	return store(r, ext, &q, true, now);
}

/* A packet of the newest frame: when would the one after it be missed? */
static void expect_more(struct rtp_recv *r, const struct rtp_packet *p, uint64_t now)
{
	uint64_t wait;

	if (p->payload.n == 0) /* padding comes after a frame */
		return;
	r->spread -= r->spread / 16;
	if (p->ts == r->last_ts && now - r->last_at > r->spread)
		r->spread = now - r->last_at;
	wait = GUESS_MIN + 2 * r->spread;
	r->last_ts = p->ts;
	r->last_at = now;
	r->guess_at = p->marker || !r->conf.nack || wait > GUESS_MAX ? UINT64_MAX : now + wait;
}

/* The rest of a frame should be there by now: its next packet is missing. */
static void guess(struct rtp_recv *r, uint64_t now)
{
	if (now < r->guess_at)
		return;
	r->guess_at = UINT64_MAX;
	if (r->guessed || r->highest + 1 - r->next >= RTP_RECV_SLOTS)
		return;
	r->highest++;
	*slot_of(r, r->highest) = (struct slot){.state = MISSING, .at = now, .nack_at = now};
	r->nmissing++;
	r->guessed = true;
	r->stats.guesses++;
}

int rtp_recv_input(struct rtp_recv *r, const struct rtp_packet *p, uint64_t now)
{
	uint32_t ext;

	if (p->payload.n + p->ext.n > RTP_MAX_PACKET) {
		r->stats.malformed++;
		return -EBADMSG;
	}
	if (r->conf.rtx_ssrc && p->ssrc == r->conf.rtx_ssrc)
		return p->pt == r->conf.rtx_pt ? input_rtx(r, p, now) : -ENOENT;
	if (p->ssrc != r->conf.ssrc)
		return -ENOENT;
	if (!extend(r, p->seq, now, &ext)) {
		r->stats.malformed++;
		return 0;
	}
	r->stats.packets++;
	r->stats.bytes += p->payload.n;
	r->received++;
	if ((int32_t)(ext - r->highest) > 0) {
		update_jitter(r, p->ts, now);
		expect_more(r, p, now);
	}
	return store(r, ext, p, false, now);
}

/* How long a gap at the head is worth waiting: three NACK rounds, more if they are short. */
static uint64_t patience(const struct rtp_recv *r)
{
	uint64_t wait = RTP_RECV_MIN_WAIT;
	/* giving up costs a key frame: not on a mere guess */
	uint64_t rtt = r->min_rtt || r->told ? r->rtt : 2 * FIRST_RTT;

	if (r->conf.nack)
		wait += 3 * rtt + rtt / 4 + r->reorder;
	if (r->conf.nack && wait < RTP_RECV_NACK_WAIT)
		wait = RTP_RECV_NACK_WAIT;
	return wait > RTP_RECV_MAX_WAIT ? RTP_RECV_MAX_WAIT : wait;
}

static void give_up(struct rtp_recv *r, uint64_t now)
{
	while (r->next != r->highest + 1) {
		struct slot *s = slot_of(r, r->next);

		if (s->state != MISSING || now < s->at + patience(r) ||
			(r->guessed && r->next == r->highest))
			return;
		clear(r, s);
		r->next++;
		r->gap++;
		r->stats.lost++;
		r->stuck = false;
	}
}

static bool read_slot(struct rtp_recv *r, uint32_t ext, struct rtp_packet *p)
{
	const struct slot *s = slot_of(r, ext);

	return s->state == HAVE && rtp_parse(p, (struct ar_span){(char *)s->data, s->len}) == 0;
}

/* Is a whole key frame there, from *ext on? If not *ext is the next packet that one may begin with:
 * what lacks its end lacks it from any of its packets on. */
static bool is_whole_key(struct rtp_recv *r, uint32_t *ext)
{
	struct rtp_packet p;
	uint32_t ts, e = (*ext)++;

	if (!read_slot(r, e, &p) || !r->conf.begins_key(r->conf.arg, &p))
		return false;
	for (ts = p.ts; p.ts == ts && !p.marker; *ext = ++e) {
		if (e == r->highest || !read_slot(r, e + 1, &p)) {
			*ext = e + 1;
			return false;
		}
	}
	return p.ts == ts;
}

/* What is before a key frame that is there is not worth waiting for. */
static void skip_to_key(struct rtp_recv *r)
{
	uint32_t e = r->next + 1, next = e;

	if (!r->stuck || !r->fresh || !r->conf.begins_key || r->next == r->highest + 1)
		return;
	r->fresh = false;
	while (e != r->highest + 1 && !is_whole_key(r, &next))
		e = next;
	if (e == r->highest + 1)
		return;
	for (; r->next != e; r->next++) {
		struct slot *s = slot_of(r, r->next);

		r->stats.lost += s->state == MISSING;
		r->stats.skipped += s->state == HAVE;
		clear(r, s);
		r->gap++;
	}
	r->stuck = false;
}

enum rtp_recv_event rtp_recv_pop(struct rtp_recv *r, uint64_t now, struct rtp_recv_out *out)
{
	struct slot *s;

	memset(out, 0, sizeof(*out));
	if (!r->started)
		return RTP_RECV_NONE;
	give_up(r, now);
	skip_to_key(r);
	s = slot_of(r, r->next);
	if (r->gap) {
		out->lost = r->gap;
		r->gap = 0;
		return RTP_RECV_GAP;
	}
	if (r->next == r->highest + 1 || s->state != HAVE)
		return RTP_RECV_NONE;
	free(r->out);
	r->out = s->data;
	s->data = NULL;
	out->arrived = s->at;
	if (rtp_parse(&out->packet, (struct ar_span){(char *)r->out, s->len}) != 0)
		out->lost = 1; /* cannot be: it is our own copy */
	clear(r, s);
	r->next++;
	r->stuck = false;
	return out->lost ? RTP_RECV_GAP : RTP_RECV_PACKET;
}

void rtp_recv_set_rtx(struct rtp_recv *r, uint32_t ssrc, uint8_t rtx_pt, uint8_t media_pt)
{
	r->conf.rtx_ssrc = ssrc;
	r->conf.rtx_pt = rtx_pt;
	r->conf.media_pt = media_pt;
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
		struct slot *s = slot_of(r, e);

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

	guess(r, now);
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
		if (!(r->guessed && e == r->highest) && s->at + patience(r) < at)
			at = s->at + patience(r);
		if (wants_nack(r, e) && s->nack_at < at)
			at = s->nack_at;
	}
	return at;
}

const struct rtp_recv_stats *rtp_recv_stats(const struct rtp_recv *r)
{
	return &r->stats;
}
