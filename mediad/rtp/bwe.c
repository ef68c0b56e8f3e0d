/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/bwe.h"

#include <errno.h>
#include <stdlib.h>

#define BURST 5000 /* us: packets sent within it are one group */
#define POINTS 20 /* of the trend line */
#define SMOOTH 0.9
#define GAIN 4.0
#define MAX_DELTAS 60
#define FIRST_THRESHOLD 12.5 /* ms */
#define MIN_THRESHOLD 6.0
#define MAX_THRESHOLD 600.0
#define K_UP 0.0087
#define K_DOWN 0.039
#define OVERUSE_TIME 10000 /* us above the threshold before it counts */
#define BACK_OFF 0.85
#define DRAIN 0.6 /* when packets already stand in a queue for long */
#define STANDING 150000 /* us of it */
#define DECREASE_INTERVAL 150000
#define COLLAPSE 0.7 /* of what is sent arrives, and the queue grows: the link has dropped */
#define COLLAPSE_QUEUE 40000 /* us of queue that must stand by then */
#define COLLAPSE_GROWTH 15000 /* us more than one feedback before */
#define COLLAPSE_GAP                                                                               \
	45000 /* us without any arrival: somebody was not scheduled, the link is well */
#define COLLAPSE_WINDOW 60000 /* us of acknowledged packets that tell */
#define AFTERMATH                                                                                  \
	1500000 /* us after it: what arrives while the queue stands is what the link has */
#define AFTERMATH_WINDOW 120000
#define WINDOW_SLACK 20000 /* us of media that may be on its way beyond what is usual */
#define WINDOW_MIN 12000 /* bytes */
#define WINDOW_LIFE 400000 /* us without feedback: then it tells nothing */
#define DRAIN_HARD 0.45
#define STANDING_HARD 250000
#define TIGHT 5000000 /* us after a decrease: the target is about what the path carries */
#define UNKNOWN 500000 /* us from the first packet, without feedback */
#define TIGHT_QUEUE 30000 /* us */
#define GROWTH 0.08 /* per second */
#define GROWTH_FIRST 0.25 /* until the path has once been found to carry no more */
#define RATE_WINDOW 500000 /* us of acknowledged packets */
#define MIN_ACKED 5
#define RECENT 200000 /* us of them that tell what the path carries right now */
#define LOSS_WINDOW 200000
#define LOSS_PACKETS 20
#define LOSS_HIGH 0.10
#define LOSS_LOW 0.02
#define FULL 0.7 /* of what arrives while a full queue drops the rest */
#define FEEDBACK_LIFE 3000000 /* us: then receiver reports count again */

struct sent {
	uint64_t at;
	uint32_t size;
	uint16_t seq;
	bool known, flying; /* flying: no feedback has come so far as this one */
};

struct group {
	uint64_t first, last; /* sent */
	int64_t arrival; /* of its last packet */
	bool used;
};

struct acked {
	int64_t at;
	uint32_t size;
};

struct bwe {
	struct bwe_conf conf;
	struct sent log[BWE_LOG];
	uint16_t seq;
	struct group cur, prev;
	double accumulated, smoothed;
	double x[POINTS], y[POINTS]; /* ms */
	unsigned npoint, ndelta;
	double threshold, trend;
	int64_t threshold_at, over_since, first_arrival;
	bool has_first, over, overusing;
	int64_t min_delay, delay, last_delay; /* one way, unknown offset */
	bool has_delay;
	struct acked acked[BWE_LOG];
	unsigned acked_head, nacked;
	uint64_t rate, remb, decreased_at, increased_at, feedback_at;
	uint64_t first_at; /* of all packets */
	uint64_t loss_at, loss_decreased_at, collapsed_at;
	uint64_t flight; /* bytes sent and not told of */
	/* us, smoothed: from sending to feedback; between two, and how much that varies */
	double ack_delay, ack_interval, ack_vary;
	uint32_t lost, total;
	double loss;
};

int bwe_new(struct bwe **out, const struct bwe_conf *conf)
{
	struct bwe *b;

	if (conf->min == 0 || conf->min > conf->start || conf->start > conf->max)
		return -EINVAL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->conf = *conf;
	b->rate = conf->start;
	b->remb = UINT64_MAX;
	b->threshold = FIRST_THRESHOLD;
	b->ack_interval = 100000;
	*out = b;
	return 0;
}

void bwe_free(struct bwe *b)
{
	free(b);
}

uint16_t bwe_sent(struct bwe *b, uint64_t now, size_t n)
{
	uint16_t seq = b->seq++;
	struct sent *old = &b->log[seq % BWE_LOG];

	if (old->flying)
		b->flight -= old->size;
	b->flight += n;
	b->first_at = b->first_at ? b->first_at : now;
	b->log[seq % BWE_LOG] = (struct sent){now, (uint32_t)n, seq, true, true};
	return seq;
}

static void set_rate(struct bwe *b, double rate)
{
	if (rate < (double)b->conf.min)
		rate = (double)b->conf.min;
	if (rate > (double)b->conf.max)
		rate = (double)b->conf.max;
	b->rate = (uint64_t)rate;
}

/* Bits per second that arrived in the last `window` us, 0: too little to tell. */
static double acked_rate(const struct bwe *b, int64_t window)
{
	int64_t end, span = 0;
	uint64_t bytes = 0;
	unsigned n = 0;

	if (b->nacked < MIN_ACKED)
		return 0;
	end = b->acked[(b->acked_head + b->nacked - 1) % BWE_LOG].at;
	while (n < b->nacked) {
		const struct acked *a = &b->acked[(b->acked_head + b->nacked - 1 - n) % BWE_LOG];

		if (end - a->at > window && n >= MIN_ACKED)
			break;
		bytes += a->size;
		span = end - a->at > span ? end - a->at : span;
		n++;
	}
	return span < window / 5 ? 0 : (double)bytes * 8e6 / (double)span;
}

static void add_acked(struct bwe *b, int64_t at, uint32_t size)
{
	b->acked[(b->acked_head + b->nacked++) % BWE_LOG] = (struct acked){at, size};
	while (b->nacked == BWE_LOG ||
		(b->nacked && b->acked[b->acked_head].at < at - RATE_WINDOW)) {
		b->acked_head = (b->acked_head + 1) % BWE_LOG;
		b->nacked--;
	}
}

static double slope(const struct bwe *b)
{
	double mx = 0, my = 0, num = 0, den = 0;

	for (unsigned i = 0; i < POINTS; i++) {
		mx += b->x[i] / POINTS;
		my += b->y[i] / POINTS;
	}
	for (unsigned i = 0; i < POINTS; i++) {
		num += (b->x[i] - mx) * (b->y[i] - my);
		den += (b->x[i] - mx) * (b->x[i] - mx);
	}
	return den > 0 ? num / den : 0;
}

static void adapt_threshold(struct bwe *b, double m, int64_t at)
{
	double abs = m < 0 ? -m : m, k = abs < b->threshold ? K_DOWN : K_UP;
	double dt = (double)(at - b->threshold_at) / 1000;

	if (abs <= b->threshold + 15) /* a spike (a route change) teaches nothing */
		b->threshold += k * (abs - b->threshold) * (dt > 100 ? 100 : dt < 0 ? 0 : dt);
	if (b->threshold < MIN_THRESHOLD)
		b->threshold = MIN_THRESHOLD;
	if (b->threshold > MAX_THRESHOLD)
		b->threshold = MAX_THRESHOLD;
	b->threshold_at = at;
}

static void detect(struct bwe *b, double trend, int64_t at)
{
	unsigned n = b->ndelta < MAX_DELTAS ? b->ndelta : MAX_DELTAS;
	double m = trend * n * GAIN;

	if (m <= b->threshold) {
		b->over = b->overusing = false;
	} else if (!b->over) {
		b->over = true;
		b->over_since = at;
	} else if (at - b->over_since > OVERUSE_TIME && trend >= b->trend) {
		b->overusing = true;
	}
	b->trend = trend;
	adapt_threshold(b, m, at);
}

/* A group is complete: its delay against the one before. */
static void add_delta(struct bwe *b)
{
	int64_t arrival = b->cur.arrival - b->prev.arrival;
	int64_t send = (int64_t)(b->cur.last - b->prev.last);

	if (!b->has_first) {
		b->has_first = true;
		b->first_arrival = b->threshold_at = b->cur.arrival;
	}
	b->accumulated += (double)(arrival - send) / 1000;
	b->smoothed = SMOOTH * b->smoothed + (1 - SMOOTH) * b->accumulated;
	b->ndelta++;
	if (b->npoint == POINTS) {
		memmove(b->x, b->x + 1, sizeof(b->x) - sizeof(b->x[0]));
		memmove(b->y, b->y + 1, sizeof(b->y) - sizeof(b->y[0]));
		b->npoint--;
	}
	b->x[b->npoint] = (double)(b->cur.arrival - b->first_arrival) / 1000;
	b->y[b->npoint++] = b->smoothed;
	if (b->npoint == POINTS)
		detect(b, slope(b), b->cur.arrival);
}

static void add_arrival(struct bwe *b, const struct sent *s, int64_t at)
{
	b->delay = at - (int64_t)s->at;
	if (!b->has_delay || b->delay < b->min_delay)
		b->min_delay = b->delay;
	b->has_delay = true;
	add_acked(b, at, s->size);
	if (b->cur.used && s->at < b->cur.first)
		return; /* reordered: belongs to a group that is done */
	if (!b->cur.used || s->at - b->cur.first > BURST) {
		if (b->cur.used && b->prev.used)
			add_delta(b);
		b->prev = b->cur;
		b->cur = (struct group){.first = s->at, .used = true, .arrival = at};
	}
	b->cur.last = s->at > b->cur.last ? s->at : b->cur.last;
	b->cur.arrival = at > b->cur.arrival ? at : b->cur.arrival;
}

static int64_t queue_delay(const struct bwe *b)
{
	return b->has_delay ? b->delay - b->min_delay : 0;
}

static void decrease(struct bwe *b, uint64_t now)
{
	double acked = acked_rate(b, RECENT), rate = acked > 0 ? acked : (double)b->rate;
	/* what was changed last is seen only behind the queue */
	uint64_t wait = DECREASE_INTERVAL + (uint64_t)queue_delay(b);

	/* while more is sent than arrives, what arrives is what the path carries */
	if (now - b->decreased_at < (acked * 1.2 < (double)b->rate ? DECREASE_INTERVAL : wait))
		return;
	rate *= queue_delay(b) > STANDING ? DRAIN : BACK_OFF;
	if (rate < (double)b->rate)
		set_rate(b, rate);
	b->decreased_at = now;
}

static void increase(struct bwe *b, uint64_t now)
{
	double dt = (double)(now - b->increased_at) / 1e6, acked = acked_rate(b, RATE_WINDOW);
	double growth = b->decreased_at ? GROWTH : GROWTH_FIRST;
	double rate = (double)b->rate * (1 + growth * (dt > 1 ? 1 : dt)) + 1000 * dt;

	/* not beyond what has been tried: a sender with little to say proves nothing */
	if (acked > 0 && rate > 1.5 * acked + 10000)
		return;
	set_rate(b, rate);
}

static void loss_control(struct bwe *b, uint64_t now)
{
	double acked = acked_rate(b, RECENT);

	if (b->total < LOSS_PACKETS || now - b->loss_at < LOSS_WINDOW)
		return;
	b->loss = (double)b->lost / b->total;
	b->lost = b->total = 0;
	b->loss_at = now;
	if (b->loss <= LOSS_HIGH || now - b->loss_decreased_at <= LOSS_WINDOW)
		return;
	b->loss_decreased_at = now;
	set_rate(b, (double)b->rate * (1 - 0.5 * b->loss));
	/* behind a queue that stands it is no radio's loss: the queue is full */
	if (queue_delay(b) > COLLAPSE_QUEUE && acked > 0 && acked * FULL < (double)b->rate) {
		set_rate(b, acked * FULL);
		b->decreased_at = b->collapsed_at = now;
	}
}

/* Packets came one by one all the time, not none for long and then many at once. */
static bool trickles(const struct bwe *b)
{
	unsigned n = b->nacked;
	int64_t last = n ? b->acked[(b->acked_head + n - 1) % BWE_LOG].at : 0, next = last;

	while (n > 1 && next > last - 2 * COLLAPSE_WINDOW) {
		int64_t at = b->acked[(b->acked_head + --n - 1) % BWE_LOG].at;

		if (next - at > COLLAPSE_GAP)
			return false;
		next = at;
	}
	return true;
}

/* A link that drops to a fraction fills its queue within a tenth of a second: the trend of delays
 * would tell too late. */
static bool collapses(const struct bwe *b)
{
	double acked = acked_rate(b, COLLAPSE_WINDOW);

	return queue_delay(b) > COLLAPSE_QUEUE && b->delay > b->last_delay + COLLAPSE_GROWTH &&
	       acked > 0 && acked < COLLAPSE * (double)b->rate && trickles(b);
}

static void collapse(struct bwe *b, uint64_t now)
{
	double acked = acked_rate(b, COLLAPSE_WINDOW);

	if (now - b->decreased_at < DECREASE_INTERVAL / 3)
		return;
	set_rate(b, acked * (queue_delay(b) > STANDING_HARD ? DRAIN_HARD : DRAIN));
	b->decreased_at = b->collapsed_at = now;
}

static void settle(struct bwe *b)
{
	double acked = acked_rate(b, AFTERMATH_WINDOW);
	double most = acked * (queue_delay(b) > STANDING ? DRAIN : BACK_OFF);

	if (acked > 0 && queue_delay(b) > COLLAPSE_QUEUE && most < (double)b->rate)
		set_rate(b, most);
}

static void land_one(struct bwe *b, struct sent *e)
{
	if (e->flying)
		b->flight -= e->size;
	e->flying = false;
}

/* Feedback has come up to here: what it did not tell of before, it will not. */
static void land(struct bwe *b, uint16_t last, bwe_told *told, void *arg)
{
	for (uint16_t seq = (uint16_t)(last + 1 - BWE_LOG); seq != (uint16_t)(last + 1); seq++) {
		struct sent *e = &b->log[seq % BWE_LOG];

		if (!e->flying || e->seq != seq)
			continue;
		land_one(b, e);
		if (told)
			told(arg, seq, BWE_UNTOLD);
	}
}

/* What the newest packet that was told of says about the time until one is. */
static void note_times(struct bwe *b, uint64_t newest, uint64_t now)
{
	double delay = (double)(now - newest), interval = (double)(now - b->feedback_at);

	if (!newest)
		return;
	b->ack_delay += (delay - b->ack_delay) / (b->ack_delay == 0 ? 1 : 16);
	if (!b->feedback_at || interval > 500000)
		return;
	b->ack_interval += ((interval < 10000 ? 10000 : interval) - b->ack_interval) / 8;
	b->ack_vary += ((interval > b->ack_interval ? interval - b->ack_interval
						    : b->ack_interval - interval) -
			       b->ack_vary) /
		       8;
}

bool bwe_is_full(const struct bwe *b, uint64_t now)
{
	double window = b->ack_delay + 1.25 * b->ack_interval + 3 * b->ack_vary + WINDOW_SLACK;

	if (!b->feedback_at || now - b->feedback_at > WINDOW_LIFE)
		return false;
	window *= (double)b->rate / 8e6;
	return b->flight > (window < WINDOW_MIN ? WINDOW_MIN : window);
}

bool bwe_is_tight(const struct bwe *b, uint64_t now)
{
	if (!b->feedback_at && (!b->first_at || now - b->first_at < UNKNOWN))
		return true;
	return (b->decreased_at && now - b->decreased_at < TIGHT) || queue_delay(b) > TIGHT_QUEUE;
}

static void update(struct bwe *b, uint64_t now)
{
	bool queued = queue_delay(b) > STANDING;

	if (collapses(b))
		collapse(b, now);
	else if (b->collapsed_at && now - b->collapsed_at < AFTERMATH)
		settle(b);
	b->last_delay = b->delay;

	loss_control(b, now);
	if (b->overusing || (queued && b->trend >= 0))
		decrease(b, now);
	else if (b->loss < LOSS_LOW && !b->over && !queued && b->increased_at &&
		 acked_rate(b, RATE_WINDOW) > 0)
		increase(b, now);
	b->increased_at = now;
}

int bwe_feedback(
	struct bwe *b, const struct rtcp_packet *p, bwe_told *told, void *arg, uint64_t now)
{
	struct rtcp_twcc_status s = {0};
	struct rtcp_twcc it;
	int err = rtcp_twcc_begin(p, &it);
	uint64_t newest = 0;

	if (err)
		return err;
	while (rtcp_twcc_next(&it, &s)) {
		struct sent *e = &b->log[s.seq % BWE_LOG];

		if (!e->known || e->seq != s.seq)
			continue;
		b->total++;
		b->lost += !s.received;
		land_one(b, e);
		if (told)
			told(arg, s.seq, s.received ? BWE_RECEIVED : BWE_LOST);
		if (!s.received)
			continue;
		newest = e->at > newest ? e->at : newest;
		add_arrival(b, e, s.at);
		e->known = false;
	}
	land(b, s.seq, told, arg);
	note_times(b, newest, now);
	b->feedback_at = now;
	update(b, now);
	return 0;
}

void bwe_report(struct bwe *b, const struct rtcp_report *r, uint64_t now)
{
	if (b->feedback_at && now - b->feedback_at < FEEDBACK_LIFE)
		return;
	b->loss = r->fraction / 256.0;
	if (b->loss > LOSS_HIGH)
		set_rate(b, (double)b->rate * (1 - 0.5 * b->loss));
	else if (b->loss < LOSS_LOW && b->increased_at)
		increase(b, now);
	b->increased_at = now;
}

void bwe_set_max(struct bwe *b, uint64_t max)
{
	b->conf.max = max < b->conf.min ? b->conf.min : max;
	set_rate(b, (double)b->rate);
}

void bwe_remb(struct bwe *b, uint64_t rate, uint64_t now)
{
	(void)now;
	b->remb = rate;
}

uint64_t bwe_target(const struct bwe *b)
{
	uint64_t rate = b->rate < b->remb ? b->rate : b->remb;

	return rate < b->conf.min ? b->conf.min : rate;
}
