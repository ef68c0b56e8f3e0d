/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/worker/worker.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/dcmf/dcmf.h"
#include "mediad/worker/armf.h"
#include "mediad/worker/orphan.h"
#include "mediad/worker/udp.h"
#include "mediad/worker/wlink.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct worker {
	const struct worker_start *start;
	struct event_base *base;
	struct event *timer, *beat, *on_term;
	struct wlink *link;
	unsigned parents; /* that there have been */
	struct event *on_adopter, *on_forgotten; /* while there is no parent */
	int listener;
	struct orphan_self self;
	bool emptied; /* drained, and the parent has been told */
	struct transport *t;
	struct dcmf *d;
	struct udp *udp[NETS_MAX];
	struct armf_pool *pool; /* NULL: nothing is processed */
	uint64_t cpu_us, cpu_at; /* at the last beat */
};

/* ---- the turn ---- */

static void flush_all(struct worker *w)
{
	for (unsigned i = 0; i < w->start->conf->networks.n; i++)
		udp_flush(w->udp[i]);
}

/* Everything that a batch of datagrams, a request or a timer has caused leaves together. */
static void turn(void *arg)
{
	struct worker *w = arg;
	uint64_t now = ar_now(), next = dcmf_run(w->d, now), t;
	struct timeval tv;

	flush_all(w);
	t = transport_next_timeout(w->t);
	if (t < next)
		next = t;
	t = next > now ? next - now : 0;
	tv = (struct timeval){.tv_sec = (time_t)(t / AR_SEC), .tv_usec = (suseconds_t)(t % AR_SEC)};
	event_add(w->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	uint64_t now = ar_now();

	(void)fd, (void)what;
	dcmf_set_now(w->d, now);
	transport_on_timer(w->t, now);
	turn(w);
}

static void on_datagram(void *arg, struct ar_span datagram, const struct peer_addr *from)
{
	struct worker *w = arg;
	uint64_t now = ar_now();

	dcmf_set_now(w->d, now);
	transport_input(w->t, datagram, from, now);
}

/* A processor's frame: the turn comes by itself. */
static void on_wake(void *arg)
{
	struct worker *w = arg;

	event_active(w->timer, EV_TIMEOUT, 0);
}

static void on_send(void *arg, int net, struct ar_span datagram, const struct peer_addr *to)
{
	struct worker *w = arg;
	const struct nets_list *nets = &w->start->conf->networks;
	int line = net;

	if (nets->line[net].bind.ss.ss_family != to->ss.ss_family)
		line = nets_find(nets, ar_span_str(nets->line[net].name), to->ss.ss_family);
	if (line >= 0)
		udp_send(w->udp[line], datagram, to);
}

/* ---- the parent ---- */

static void on_event(void *arg, const json_t *event)
{
	struct worker *w = arg;
	json_t *head = json_pack("{s:O}", "ev", event);

	if (head && wlink_send(w->link, head, AR_SPAN("")) != 0)
		ar_log_limited(AR_LOG_WARN, "worker", "an event is lost: the parent is too slow");
	json_decref(head);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void execute(struct worker *w, const json_t *head, struct ar_span body, struct dcmf_reply *r)
{
	struct ar_span id = ar_span_str(text_of(head, "ctx"));
	const char *op = text_of(head, "op");
	uint64_t now = ar_now();

	if (strcmp(op, "create") == 0)
		dcmf_create(w->d, body, now, r);
	else if (strcmp(op, "patch") == 0)
		dcmf_patch(w->d, id, body, now, r);
	else if (strcmp(op, "delete") == 0)
		dcmf_delete(w->d, id, now, r);
	else if (strcmp(op, "scene") == 0)
		dcmf_get_scene(w->d, id, r);
	else
		dcmf_get(w->d, id, now, r);
}

static void answer(
	struct worker *w, const json_t *id, const struct dcmf_reply *r, struct ar_span body)
{
	json_t *head = json_pack("{s:O, s:i, s:s, s:s, s:s, s:s, s:s, s:I}", "id", id, "status",
		r->status, "ctx", r->context, "owner", r->owner, "callId", r->call_id, "call",
		r->call, "share", r->share, "lease", (json_int_t)r->lease_s);

	if (head && wlink_send(w->link, head, body) != 0)
		ar_log(AR_LOG_WARN, "worker", "an answer to the parent is lost");
	json_decref(head);
}

/* A picture that was asked for; freed when it comes, or when it does not. */
struct picture {
	struct worker *w;
	unsigned parent; /* another one has other requests with these ids */
	json_t *id;
};

static void on_picture(void *arg, int err, struct ar_span png)
{
	struct picture *p = arg;
	struct dcmf_reply r = {.status = err ? 504 : 200};
	struct mrm_error e;

	ar_buf_init(&r.body, DCMF_MAX_BODY);
	if (err) {
		mrm_fail(&e, 504, "TIMED_OUT_REQUEST", "no picture came: %s", strerror(-err));
		if (mrm_problem(&e, &r.body) != 0)
			ar_buf_reset(&r.body);
		png = r.body.n ? ar_buf_span(&r.body) : AR_SPAN("{}");
	}
	if (p->parent == p->w->parents)
		answer(p->w, p->id, &r, png);
	ar_buf_free(&r.body);
	json_decref(p->id);
	free(p);
}

static bool picture(struct worker *w, const json_t *head, struct ar_span body, struct dcmf_reply *r)
{
	struct picture *p = malloc(sizeof(*p));

	*r = (struct dcmf_reply){.status = 500};
	if (!p)
		return false;
	*p = (struct picture){w, w->parents, json_incref(json_object_get(head, "id"))};
	dcmf_set_now(w->d, ar_now());
	if (dcmf_snapshot(w->d, ar_span_str(text_of(head, "ctx")), body, on_picture, p, r))
		return true;
	json_decref(p->id);
	free(p);
	return false;
}

static void on_request(void *arg, const json_t *head, struct ar_span body)
{
	struct worker *w = arg;
	struct dcmf_reply r;
	bool later = false;

	if (strcmp(text_of(head, "op"), "snapshot") == 0)
		later = picture(w, head, body, &r);
	else
		execute(w, head, body, &r);
	if (!later)
		answer(w, json_object_get(head, "id"), &r,
			r.body.n ? ar_buf_span(&r.body) : AR_SPAN(""));
	dcmf_reply_free(&r);
	turn(w);
}

/* ---- without a parent ---- */

static void on_lost(void *arg, const char *reason);
static void on_beat(evutil_socket_t fd, short what, void *arg);

static const struct wlink_handlers link_handlers = {.on_message = on_request, .on_lost = on_lost};

static void stop_waiting(struct worker *w)
{
	if (w->on_adopter)
		event_free(w->on_adopter);
	if (w->on_forgotten)
		event_free(w->on_forgotten);
	if (w->listener >= 0)
		close(w->listener);
	w->on_adopter = w->on_forgotten = NULL;
	w->listener = -1;
}

static void adopted(struct worker *w, int fd, bool drain)
{
	struct wlink *link;

	if (drain && !w->self.draining) {
		w->self.since = ar_now();
		w->self.draining = true;
	}
	if (wlink_new(&link, w->base, fd, &link_handlers, w) != 0)
		return;
	wlink_free(w->link);
	w->link = link;
	w->parents++;
	stop_waiting(w);
	ar_log(AR_LOG_NOTICE, "worker", "a new parent has taken over%s",
		w->self.draining ? ", new calls go to others" : "");
	on_beat(-1, 0, w);
}

static void on_adopter(evutil_socket_t listener, short what, void *arg)
{
	struct worker *w = arg;
	json_t *identity = orphan_identity(w->start->conf, &w->self);
	json_t *contexts = dcmf_list(w->d);
	enum orphan_verdict verdict = ORPHAN_RETIRE;
	int fd = -EAGAIN;

	(void)what;
	if (identity && contexts)
		fd = orphan_accept(listener, identity, contexts, w->start->socket,
			w->start->conf->networks.n, &verdict);
	json_decref(identity);
	json_decref(contexts);
	if (fd >= 0) {
		adopted(w, fd, verdict == ORPHAN_DRAIN);
	} else if (fd == -ECANCELED) {
		ar_log(AR_LOG_NOTICE, "worker", "the new parent has no use for us: stopping");
		event_base_loopbreak(w->base);
	}
}

static void on_forgotten(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd, (void)what;
	ar_log(AR_LOG_ERR, "worker", "no new parent in %d s: stopping with %u contexts",
		ORPHAN_WAIT_S, dcmf_contexts(w->d));
	event_base_loopbreak(w->base);
}

static int wait_for_parent(struct worker *w)
{
	struct timeval limit = {.tv_sec = ORPHAN_WAIT_S};

	w->listener = orphan_listen((uint16_t)w->start->conf->port);
	if (w->listener < 0)
		return w->listener;
	w->on_adopter = event_new(w->base, w->listener, EV_READ | EV_PERSIST, on_adopter, w);
	w->on_forgotten = event_new(w->base, -1, 0, on_forgotten, w);
	if (!w->on_adopter || !w->on_forgotten || event_add(w->on_adopter, NULL) != 0 ||
		event_add(w->on_forgotten, &limit) != 0)
		return -ENOMEM;
	return 0;
}

/* It has died: an orderly end comes as SIGTERM. */
static void on_lost(void *arg, const char *reason)
{
	struct worker *w = arg;
	unsigned n = dcmf_contexts(w->d);
	int err = n ? wait_for_parent(w) : -ENOENT;

	if (!err) {
		ar_log(AR_LOG_WARN, "worker",
			"parent gone (%s): %u contexts go on, waiting for a new one", reason, n);
		return;
	}
	ar_log(AR_LOG_NOTICE, "worker", "parent gone (%s): stopping", reason);
	event_base_loopbreak(w->base);
}

static void on_term(evutil_socket_t sig, short what, void *arg)
{
	struct worker *w = arg;

	(void)sig, (void)what;
	event_base_loopbreak(w->base);
}

/* ---- sign of life ---- */

static double cpu_share(struct worker *w)
{
	struct rusage u;
	uint64_t us, now = ar_now();
	double share = 0;

	getrusage(RUSAGE_SELF, &u);
	us = (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * AR_SEC +
	     (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
	if (w->cpu_at && now > w->cpu_at)
		share = (double)(us - w->cpu_us) / (double)(now - w->cpu_at);
	w->cpu_us = us;
	w->cpu_at = now;
	return share > 1 ? 1 : share;
}

static void add_transport(const struct worker *w, json_t *o)
{
	struct transport_stats t;
	struct udp_stats sum = {0};

	transport_get_stats(w->t, &t);
	for (unsigned i = 0; i < w->start->conf->networks.n; i++) {
		const struct udp_stats *s = udp_get_stats(w->udp[i]);

		sum.rx += s->rx, sum.tx += s->tx;
		sum.rx_bytes += s->rx_bytes, sum.tx_bytes += s->tx_bytes;
		sum.rx_too_long += s->rx_too_long, sum.tx_failed += s->tx_failed;
	}
	const struct {
		const char *name;
		uint64_t value;
	} all[] = {{"peers", t.peers}, {"datagrams", t.rx}, {"noPeer", t.no_peer},
		{"garbage", t.garbage}, {"rateLimited", t.rate_limited},
		{"hellosLimited", t.hellos_limited}, {"srtpBad", t.srtp_bad},
		{"srtpReplayed", t.srtp_replayed}, {"rtpEarly", t.rtp_early}, {"udpRx", sum.rx},
		{"udpTx", sum.tx}, {"udpRxBytes", sum.rx_bytes}, {"udpTxBytes", sum.tx_bytes},
		{"udpTooLong", sum.rx_too_long}, {"udpTxFailed", sum.tx_failed},
		{"sctpRepeated", t.repeated}, {"sctpNotRepeated", t.not_repeated},
		{"sctpNoStream", t.no_stream}, {"sctpEarly", t.early_data}};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_object_set_new(o, all[i].name, json_integer((json_int_t)all[i].value));
}

/* The last call of one that drains has gone: the parent is told by a sign of life, then it ends. */
static void drained(struct worker *w)
{
	if (!w->self.draining || dcmf_contexts(w->d))
		return;
	if (w->emptied) {
		ar_log(AR_LOG_NOTICE, "worker", "drained: stopping");
		event_base_loopbreak(w->base);
	}
	w->emptied = true;
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	json_t *stats = json_object(), *head;

	(void)fd, (void)what;
	dcmf_set_ntp(w->d, armf_ntp(), ar_now());
	dcmf_get_stats(w->d, stats);
	armf_stats(w->pool, stats);
	add_transport(w, stats);
	json_object_set_new(stats, "cpu", json_real(cpu_share(w)));
	head = json_pack("{s:o}", "beat", stats);
	if (head && wlink_send(w->link, head, AR_SPAN("")) != 0)
		ar_log_limited(AR_LOG_WARN, "worker", "no sign of life could be sent");
	json_decref(head);
	drained(w);
}

/* ---- start and end ---- */

static int app_conf(struct app_conf *a, const struct mediad_conf *c)
{
	a->update_hz = (unsigned)c->update_rate;
	a->own_hz = (unsigned)c->own_rate;
	a->interest_from = (unsigned)c->interest_from;
	if (app_types_add(&a->types, c->pose_types, APP_TYPE_POSE) != 0 ||
		app_types_add(&a->types, c->action_types, APP_TYPE_ACTION) != 0)
		return -E2BIG;
	return app_types_add(&a->types, "urn:x-imsar:resync:1", APP_TYPE_RESYNC);
}

static int start_dcmf(struct worker *w)
{
	static const struct dcmf_handlers handlers = {
		.send = on_send, .event = on_event, .wake = on_wake};
	const struct mediad_conf *c = w->start->conf;
	struct transport_conf tc = {.max_peers = (uint32_t)c->max_peers,
		.handshakes_per_sec = (uint32_t)c->handshake_rate};
	struct dcmf_conf dc = {.worker = w->start->index,
		.max_contexts = (unsigned)c->max_contexts,
		.idle_s = (unsigned)c->idle_seconds,
		.port = w->start->port,
		.application = c->application,
		.nets = &c->networks,
		.scenes = w->start->scenes,
		.assets = w->start->assets,
		.scripts = w->start->scripts,
		.script = {(unsigned)c->script_memory_kb, (unsigned)c->script_cpu_percent}};
	int err = app_conf(&dc.app, c);

	if (!err)
		err = armf_start(&w->pool, c, w->base, &dc);
	if (!err)
		err = transport_new(&w->t, &tc);
	return err ? err : dcmf_new(&w->d, &dc, w->t, &handlers, w);
}

static int start_sockets(struct worker *w)
{
	int err = 0;

	for (unsigned i = 0; !err && i < w->start->conf->networks.n; i++)
		err = udp_new(&w->udp[i], w->base, w->start->socket[i], on_datagram, turn, w);
	return err;
}

static int start_events(struct worker *w)
{
	struct timeval beat = {.tv_sec = WORKER_BEAT_MS / 1000};
	int err = wlink_new(&w->link, w->base, w->start->link, &link_handlers, w);

	if (err)
		return err;
	w->timer = event_new(w->base, -1, 0, on_timer, w);
	w->beat = event_new(w->base, -1, EV_PERSIST, on_beat, w);
	w->on_term = evsignal_new(w->base, SIGTERM, on_term, w);
	if (!w->timer || !w->beat || !w->on_term || event_add(w->beat, &beat) != 0 ||
		event_add(w->on_term, NULL) != 0)
		return -ENOMEM;
	return 0;
}

static struct event_base *precise_base(void)
{
	struct event_config *c = event_config_new();
	struct event_base *b = NULL;

	if (c && event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		b = event_base_new_with_config(c);
	if (c)
		event_config_free(c);
	return b;
}

static void stop(struct worker *w)
{
	dcmf_free(w->d, ar_now());
	for (unsigned i = 0; i < NETS_MAX; i++) {
		if (w->udp[i])
			udp_flush(w->udp[i]);
	}
	armf_stop(w->pool);
	if (w->t)
		transport_free(w->t);
	for (unsigned i = 0; i < NETS_MAX; i++)
		udp_free(w->udp[i]);
	stop_waiting(w);
	wlink_free(w->link);
	if (w->on_term)
		event_free(w->on_term);
	if (w->timer)
		event_free(w->timer);
	if (w->beat)
		event_free(w->beat);
	if (w->base)
		event_base_free(w->base);
}

int worker_main(const struct worker_start *s)
{
	struct worker w = {.start = s,
		.base = precise_base(),
		.listener = -1,
		.self = {.index = s->index, .port = s->port}};
	int err = w.base ? start_events(&w) : -ENOMEM;

	if (!err)
		err = start_dcmf(&w);
	if (!err)
		err = start_sockets(&w);
	if (err) {
		ar_log(AR_LOG_ERR, "worker", "cannot start: %s", strerror(-err));
	} else {
		on_beat(-1, 0, &w);
		turn(&w);
		event_base_dispatch(w.base);
	}
	stop(&w);
	return err ? 1 : 0;
}
