/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pacing of scene messages to one UE. A message inside the SCTP stack can no longer be replaced by
 * a newer one, so changes wait in the view's dirty set until less than about one round trip of
 * updates is unacknowledged.
 */
#include "mediad/dcmf/app_internal.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdlib.h>

#define BURST 8 /* messages of one turn: the rest in the next */
#define SLACK 1500 /* us: poses at our own rate must not miss every second slot */
#define AHEAD 1 /* updates that may go before their slot: what is early does not wait for it */
#define OWN_ALONE 3 /* slots without another update, after which a UE's own pose goes by itself */
#define BLOCKED_CHECK 50000 /* us: looks again even if nobody says it is writable */
#define KBPS_AHEAD 100000 /* us of the policy's max_kbps that may go at once */
#define WINDOW_MIN 1792 /* about seven patches */
#define WINDOW_MAX 65536

static const uint64_t keepalive_after[APP_KEEPALIVES] = {50 * AR_MS, 100 * AR_MS, 250 * AR_MS};

/*
 * Round trip of the line when it is not filled: the smallest seen. The present one would not do: it
 * grows with the queue that we cause, and the window with it. It may drift up by 1/128 a second,
 * for the UE that moves to a longer path.
 */
static uint64_t base_rtt(struct participant *p, uint64_t now)
{
	struct peer_stats s;

	peer_get_stats(p->scene.peer, &s);
	if (now - p->rtt_at >= AR_SEC) {
		p->base_rtt += p->base_rtt / 128;
		p->rtt_at = now;
	}
	if (s.rtt_us && (!p->base_rtt || s.rtt_us < p->base_rtt))
		p->base_rtt = s.rtt_us;
	return p->base_rtt;
}

/* What may be unacknowledged for one more message to go. */
static size_t window(struct participant *p, uint64_t now)
{
	uint64_t w;

	if (p->view.whole || p->view.backlog.n)
		return APP_BULK_UNACKED;
	w = (uint64_t)p->last_size * p->app->conf->update_hz * base_rtt(p, now) / AR_SEC;
	return w < WINDOW_MIN ? WINDOW_MIN : w > WINDOW_MAX ? WINDOW_MAX : (size_t)w;
}

static void give_up(struct participant *p)
{
	struct peer *peer = p->scene.peer;

	AR_LOG_CALL(p->call_id);
	p->stats.scene_misfit++;
	ar_log(AR_LOG_WARN, "app",
		"%s: the scene does not fit its max-message-size of %zu: channel %u closed",
		p->name, peer_max_message(peer), p->scene.id);
	p->scene.peer = NULL;
	scene_view_close(p->app->scene, &p->view);
	p->view_open = false;
	peer_close_channel(peer, p->scene.id);
}

static void count(struct participant *p, bool scene, size_t n, uint64_t now)
{
	struct app_stats *s = &p->stats;

	if (scene) {
		AR_LOG_CALL(p->call_id);
		ar_log(AR_LOG_DEBUG, "app", "%s: scene sent, %zu bytes", p->name, n);
		s->scenes++;
		s->scene_bytes += n;
		if (!s->at_scene)
			s->at_scene = now;
		return;
	}
	s->updates++;
	s->update_bytes += n;
	p->last_size = n;
	if (!s->at_first_update)
		s->at_first_update = now;
}

static void block(struct participant *p, uint64_t now)
{
	p->blocked = true;
	p->retry_at = now + BLOCKED_CHECK;
}

/* The policy's limit, with KBPS_AHEAD of it at a time. True: wait. */
static bool over_kbps(struct participant *p, uint64_t now)
{
	if (!p->limits.kbps || p->kbps_due <= now + KBPS_AHEAD)
		return false;
	p->stats.kbps_waits++;
	p->blocked = true;
	p->retry_at = p->kbps_due - KBPS_AHEAD;
	return true;
}

static void pay_kbps(struct participant *p, size_t n, uint64_t now)
{
	if (!p->limits.kbps)
		return;
	p->kbps_due =
		(p->kbps_due > now ? p->kbps_due : now) + (uint64_t)n * 8 * 1000 / p->limits.kbps;
}

static int transmit(struct participant *p, uint64_t now)
{
	struct ar_buf *out = &p->app->out;
	int err = peer_send(p->scene.peer, p->scene.id, PEER_TEXT, ar_buf_span(out));

	if (err) {
		/* what it said is lost: the UE needs all of it again */
		p->stats.send_failed++;
		scene_view_reset(&p->view);
		block(p, now);
	}
	return err;
}

/* One message if there is one and the line takes it. 1: sent. */
static int send_one(struct participant *p, bool with_own, uint64_t now)
{
	size_t w = window(p, now);
	bool scene = p->view.whole || p->view.backlog.n;
	int rc;

	if (over_kbps(p, now))
		return 0;
	/* of its own channel: a download beside it must not hold it up */
	if (peer_buffered_on(p->scene.peer, p->scene.id) >= w) {
		block(p, now);
		peer_watch_buffered(p->scene.peer, w);
		return 0;
	}
	rc = scene_view_next(
		p->app->scene, &p->view, peer_max_message(p->scene.peer), with_own, &p->app->out);
	if (rc == -EMSGSIZE)
		give_up(p);
	if (rc != 1)
		return 0;
	if (transmit(p, now) != 0)
		return 0;
	count(p, scene, p->app->out.n, now);
	pay_kbps(p, p->app->out.n, now);
	p->last_sent = now;
	p->keepalives = APP_KEEPALIVES;
	p->keepalive_due = now + keepalive_after[0];
	if (with_own)
		p->own_due = now + AR_SEC / p->app->conf->own_hz;
	return 1;
}

static void keepalive(struct participant *p, uint64_t now)
{
	/* all of it comes anyway; and between pieces the UE is not yet at sent_rev */
	if (p->view.whole || p->view.backlog.n)
		p->keepalives = 0;
	if (!p->keepalives || now < p->keepalive_due)
		return;
	if (scene_view_keepalive(&p->view, &p->app->out) == 0 &&
		peer_send(p->scene.peer, p->scene.id, PEER_TEXT, ar_buf_span(&p->app->out)) == 0)
		p->stats.keepalives++;
	p->keepalives--;
	if (p->keepalives)
		p->keepalive_due = now + keepalive_after[APP_KEEPALIVES - p->keepalives];
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t step_of(const struct participant *p)
{
	uint64_t step = AR_SEC / p->app->conf->update_hz;

	return step > 2 * SLACK ? step - SLACK : step;
}

/* From when on the next update may go. Not so long after the last one: whatever was sent out of
 * step with the poses would hold up each of them until the two are in step again. */
static uint64_t next_slot(const struct participant *p)
{
	uint64_t ahead = AHEAD * step_of(p);

	return p->slot > ahead ? p->slot - ahead : 0;
}

/* Its own pose rides on what is said of others. */
static uint64_t own_alone_due(const struct participant *p)
{
	uint64_t quiet = p->last_sent ? p->last_sent + OWN_ALONE * step_of(p) : 0;

	return p->own_due > quiet ? p->own_due : quiet;
}

static void flush(struct participant *p, uint64_t now)
{
	const struct scene *s = p->app->scene;
	bool own, sent = false;

	if (p->blocked && now < p->retry_at)
		return;
	p->blocked = false;
	app_interest_begin(p, now);
	own = now >= own_alone_due(p) ||
	      (now >= p->own_due && scene_view_pending(s, &p->view, false));
	for (unsigned i = 0; i < BURST && p->scene.peer && !p->blocked; i++) {
		if (!scene_view_pending(s, &p->view, own) || send_one(p, own, now) != 1)
			break;
		sent = true;
	}
	app_interest_end(p, now);
	if (sent)
		p->slot = (p->slot > now ? p->slot : now) + step_of(p);
}

static uint64_t pending_due(struct participant *p, uint64_t now)
{
	const struct scene *s = p->app->scene;
	uint64_t next = next_slot(p), own = own_alone_due(p), held;

	if (p->blocked)
		return p->retry_at;
	if (scene_view_pending(s, &p->view, false))
		return p->view.backlog.n ? now + AR_MS : next;
	held = app_interest_due(p);
	if (held != AR_NEVER && held < next)
		held = next;
	if (scene_view_pending(s, &p->view, true))
		next = own > next ? own : next;
	else
		next = AR_NEVER;
	return held < next ? held : next;
}

uint64_t app_send_due(struct participant *p, uint64_t now)
{
	uint64_t due = AR_NEVER;

	if (!p->scene.peer)
		return AR_NEVER;
	if (p->resync_wanted && now >= p->resync_due) {
		p->resync_wanted = false;
		p->resync_due = now + APP_RESYNC_MIN;
		scene_view_reset(&p->view);
	}
	if (now >= next_slot(p) || p->view.backlog.n || p->view.whole)
		flush(p, now);
	if (p->scene.peer)
		keepalive(p, now);
	if (!p->scene.peer)
		return AR_NEVER;
	if (p->resync_wanted)
		due = earlier(due, p->resync_due);
	if (p->keepalives)
		due = earlier(due, p->keepalive_due);
	due = earlier(due, pending_due(p, now));
	return due > now ? due : now + AR_MS;
}

/* What a reliable channel has promised cannot be left out: it ends. */
static void overflow(struct participant *p)
{
	struct peer *peer = p->meta.peer;

	AR_LOG_CALL(p->call_id);
	p->stats.overflows++;
	ar_log(AR_LOG_WARN, "app", "%s does not read, %zu bytes wait: channel %u closed", p->name,
		peer_buffered(peer), p->meta.id);
	p->meta.peer = NULL;
	peer_close_channel(peer, p->meta.id);
}

int app_send_meta(struct participant *p, const json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);
	int err = text ? -ENOTCONN : -ENOMEM;

	if (text && p->meta.peer)
		err = peer_send(p->meta.peer, p->meta.id, PEER_TEXT, ar_span_str(text));
	if (err == -ENOBUFS && p->meta.reliable)
		overflow(p);
	if (err)
		p->stats.send_failed++;
	else
		p->stats.meta_sent++;
	free(text);
	return err;
}
