/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/rtp_recv_int.h"

#include "mediad/rtp/wire.h"

#include <errno.h>
#include <stdlib.h>

#define MAX_DROPOUT 3000 /* RFC 3550 A.1 */
#define MAX_MISORDER 1000
#define GUESS_MIN 8000 /* us after a packet that does not end its frame */
#define GUESS_MAX 28000 /* then the next frame tells as soon */
#define FOLLOW_MAX 64 /* packets between two frames that carry no media */

/* How a packet came. */
enum how { AS_SENT, REPEATED, PARITY, RECOVERED };

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
	r->rtt = RTP_RECV_FIRST_RTT;
	r->reorder = RTP_RECV_REORDER;
	r->guess_at = UINT64_MAX;
	r->bad_seq = UINT32_MAX;
	r->report_at = UINT64_MAX;
	if (conf->red_pt && conf->ulpfec_pt && ulpfec_recv_new(&r->fec, conf->ssrc) != 0) {
		free(r);
		return -ENOMEM;
	}
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
	ulpfec_recv_free(r->fec);
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

/* What parity brings back is not asked for. */
static uint64_t nack_after(const struct rtp_recv *r, uint64_t now)
{
	bool parity = r->parity_at && now - r->parity_at < RTP_RECV_PARITY_SEEN;

	return parity && r->reorder < RTP_RECV_PARITY_WAIT ? RTP_RECV_PARITY_WAIT : r->reorder;
}

/* All between the highest so far and ext is missing, from now on. */
static void advance(struct rtp_recv *r, uint32_t ext, uint64_t now)
{
	uint64_t wait = nack_after(r, now);

	if (ext - r->highest > RTP_RECV_MAX_BURST || ext - r->next >= RTP_RECV_SLOTS)
		flush(r, ext);
	for (uint32_t e = r->highest + 1; e != ext; e++) {
		*slot_of(r, e) = (struct slot){.state = MISSING, .at = now, .nack_at = now + wait};
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

static void note_found(struct rtp_recv *r, uint32_t ext, enum how how, uint64_t now)
{
	const struct slot *s = slot_of(r, ext);

	if (how == RECOVERED)
		r->stats.fec_recovered++;
	else if (how == REPEATED || (s->tries && !r->conf.rtx_ssrc))
		recovered(r, s, now);
	else if (r->guessed && ext == r->highest)
		r->spread = now - r->last_at;
	else
		note_late(r, s, now);
}

static int store(
	struct rtp_recv *r, uint32_t ext, const struct rtp_packet *p, enum how how, uint64_t now)
{
	struct slot *s;
	uint8_t *data = NULL;
	size_t len = 0;

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
	if (how != PARITY) {
		data = copy_of(r, ext, p, &len);
		if (!data)
			return -ENOMEM;
	}
	if (s->state == MISSING)
		note_found(r, ext, how, now);
	if (ext == r->highest)
		r->guessed = false;
	clear(r, s);
	*s = (struct slot){.state = HAVE, .data = data, .len = (uint16_t)len, .at = now};
	r->fresh = true;
	/* what was left out of the copy is missing from the sum */
	if (r->fec && data && how != RECOVERED && !p->ncsrc && !p->npad)
		(void)ulpfec_recv_media(
			r->fec, (struct ar_span){(char *)data, len}, how == REPEATED);
	return 0;
}

/* Takes p out of RED, if it is in it. */
static int unwrap(struct rtp_recv *r, struct rtp_packet *p, bool *parity)
{
	*parity = false;
	if (!r->conf.red_pt || p->pt != r->conf.red_pt)
		return 0;
	if (red_unwrap(p) != 0) {
		r->stats.malformed++;
		return -EBADMSG;
	}
	*parity = r->fec && p->pt == r->conf.ulpfec_pt;
	return 0;
}

/* Whatever parity can bring back now. */
static void recover(struct rtp_recv *r, uint64_t now)
{
	uint8_t buf[RTP_MAX_PACKET];
	struct rtp_packet p;
	uint32_t ext;
	size_t n;

	while (r->fec && (n = ulpfec_recv_take(r->fec, buf, sizeof(buf))) > 0) {
		if (rtp_parse(&p, (struct ar_span){(char *)buf, n}) != 0) {
			r->stats.malformed++;
			continue;
		}
		ext = r->highest - (uint16_t)((uint16_t)r->highest - p.seq);
		if ((int32_t)(ext - r->next) >= 0 && slot_of(r, ext)->state == MISSING)
			(void)store(r, ext, &p, RECOVERED, now);
	}
}

static int input_rtx(struct rtp_recv *r, const struct rtp_packet *p, uint64_t now)
{
	struct rtp_packet q = *p;
	uint16_t osn;
	uint32_t ext;
	bool parity;

	if (p->payload.n == 0) /* padding: a bandwidth probe */
		return 0;
	if (p->payload.n < 2) {
		r->stats.malformed++;
		return -EBADMSG;
	}
	osn = get16((const uint8_t *)p->payload.p);
	q.payload.p += 2;
	q.payload.n -= 2;
	q.pt = p->pt == r->conf.rtx_pt ? r->conf.media_pt : r->conf.red_pt;
	if (unwrap(r, &q, &parity) != 0)
		return -EBADMSG;
	/* only what is being waited for: RTX never starts or moves a stream */
	ext = r->highest - (uint16_t)((uint16_t)r->highest - osn);
	if (!r->started || (int32_t)(ext - r->next) < 0) {
		r->stats.late++;
		return 0;
	}
	return store(r, ext, &q, parity ? PARITY : REPEATED, now);
}

static bool is_rtx_type(const struct rtp_recv *r, uint8_t pt)
{
	return pt == r->conf.rtx_pt || (r->conf.red_rtx_pt && pt == r->conf.red_rtx_pt);
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
void rtp_recv_guess(struct rtp_recv *r, uint64_t now)
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

static int input_parity(struct rtp_recv *r, uint32_t ext, const struct rtp_packet *p, uint64_t now)
{
	/* it comes after what it is about: no more of that is to be expected */
	r->guess_at = UINT64_MAX;
	r->parity_at = now;
	r->stats.fec_packets++;
	if (ulpfec_recv_parity(r->fec, p->seq, p->payload) == -EBADMSG)
		r->stats.malformed++;
	return store(r, ext, p, PARITY, now);
}

int rtp_recv_input(struct rtp_recv *r, const struct rtp_packet *p, uint64_t now)
{
	struct rtp_packet q = *p;
	uint32_t ext;
	bool parity;
	int err;

	if (p->payload.n + p->ext.n > RTP_MAX_PACKET) {
		r->stats.malformed++;
		return -EBADMSG;
	}
	if (r->conf.rtx_ssrc && p->ssrc == r->conf.rtx_ssrc) {
		err = is_rtx_type(r, p->pt) ? input_rtx(r, p, now) : -ENOENT;
		recover(r, now);
		return err;
	}
	if (p->ssrc != r->conf.ssrc)
		return -ENOENT;
	if (unwrap(r, &q, &parity) != 0)
		return -EBADMSG;
	if (!extend(r, p->seq, now, &ext)) {
		r->stats.malformed++;
		return 0;
	}
	r->stats.packets++;
	r->stats.bytes += p->payload.n;
	r->received++;
	if ((int32_t)(ext - r->highest) > 0) {
		update_jitter(r, p->ts, now);
		if (!parity)
			expect_more(r, &q, now);
	}
	err = parity ? input_parity(r, ext, &q, now) : store(r, ext, &q, AS_SENT, now);
	recover(r, now);
	return err;
}

static void give_up(struct rtp_recv *r, uint64_t now)
{
	while (r->next != r->highest + 1) {
		struct slot *s = slot_of(r, r->next);

		if (s->state != MISSING || now < s->at + rtp_recv_patience(r) ||
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

/* Past what came and has no media in it. */
static void pass_hollow(struct rtp_recv *r)
{
	struct slot *s;

	for (; r->next != r->highest + 1; r->next++) {
		s = slot_of(r, r->next);
		if (s->state != HAVE || s->data)
			return;
		clear(r, s);
		r->stuck = false;
	}
}

/* Between the end of a frame and the beginning of the very next one there is nothing but parity and
 * padding, which no sender repeats. */
static void pass_between(struct rtp_recv *r)
{
	uint32_t e = r->next;
	struct rtp_packet p;

	if (!r->fec || !r->conf.follows || !r->before.marker || e == r->highest + 1 ||
		slot_of(r, e)->state != MISSING)
		return;
	while (e != r->highest + 1 && !slot_of(r, e)->data) {
		if (++e - r->next > FOLLOW_MAX)
			return;
	}
	if (e == r->highest + 1 || !read_slot(r, e, &p) ||
		!r->conf.follows(r->conf.arg, &r->before, &p))
		return;
	for (; r->next != e; r->next++) {
		r->stats.hollow++;
		clear(r, slot_of(r, r->next));
	}
	r->stuck = false;
}

static void remember(struct rtp_recv *r, const struct rtp_packet *p)
{
	size_t n = p->payload.n < RTP_RECV_FOLLOW_HEAD ? p->payload.n : RTP_RECV_FOLLOW_HEAD;

	if (!r->fec || n == 0)
		return;
	r->before = (struct rtp_packet){.marker = p->marker, .pt = p->pt, .ts = p->ts};
	memcpy(r->before_head, p->payload.p, n);
	r->before.payload = (struct ar_span){r->before_head, n};
}

enum rtp_recv_event rtp_recv_pop(struct rtp_recv *r, uint64_t now, struct rtp_recv_out *out)
{
	struct slot *s;

	memset(out, 0, sizeof(*out));
	if (!r->started)
		return RTP_RECV_NONE;
	pass_hollow(r);
	pass_between(r);
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
	remember(r, &out->packet);
	return out->lost ? RTP_RECV_GAP : RTP_RECV_PACKET;
}

void rtp_recv_set_rtx(struct rtp_recv *r, uint32_t ssrc, uint8_t rtx_pt, uint8_t media_pt)
{
	r->conf.rtx_ssrc = ssrc;
	r->conf.rtx_pt = rtx_pt;
	r->conf.media_pt = media_pt;
}
