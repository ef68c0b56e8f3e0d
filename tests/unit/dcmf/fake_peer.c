/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#define MAX_PEERS 512

struct item {
	STAILQ_ENTRY(item) next;
	struct fake_message m;
};

struct peer {
	unsigned index;
	struct peer_handlers h;
	void *arg;
	struct peer_channel channel[PEER_MAX_CHANNELS];
	unsigned nchannel, remotes, restarts;
	bool open[PEER_MAX_STREAMS];
	enum peer_state state;
	char ufrag[16], pwd[32];
	struct peer_remote remote;
	const char *refuse;
	STAILQ_HEAD(, item) out;
	struct item *taken;
	unsigned queued;
	size_t buffered, max, watch;
	bool hold;
	uint32_t rtt;
	int fail_send;
	struct peer_stats stats;
};

struct transport {
	struct transport_conf conf;
	uint32_t peers;
};

static struct peer *peers[MAX_PEERS];
static unsigned npeers, live;
static int fail_next;

/* ---- transport.h ---- */

int transport_new(struct transport **tp, const struct transport_conf *conf)
{
	*tp = calloc(1, sizeof(**tp));
	if (!*tp)
		return -ENOMEM;
	(*tp)->conf = *conf;
	memset(peers, 0, sizeof(peers));
	npeers = live = 0;
	fail_next = 0;
	return 0;
}

void transport_free(struct transport *t)
{
	free(t);
}

const char *transport_fingerprint(const struct transport *t)
{
	(void)t;
	return "SHA-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
	       "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";
}

/* ---- peer.h ---- */

int peer_new(struct peer **pp, struct transport *t, const struct peer_conf *conf,
	const struct peer_handlers *h, void *arg, uint64_t now)
{
	struct peer *p;
	int err = fail_next;

	(void)now;
	fail_next = 0;
	if (err)
		return err;
	p = npeers < MAX_PEERS && t->peers < t->conf.max_peers ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return -ENOSPC;
	p->h = *h;
	p->arg = arg;
	p->nchannel = conf->nchannel;
	memcpy(p->channel, conf->channel, conf->nchannel * sizeof(conf->channel[0]));
	p->index = npeers;
	p->max = PEER_MAX_MESSAGE;
	STAILQ_INIT(&p->out);
	snprintf(p->ufrag, sizeof(p->ufrag), "uf%u", npeers);
	snprintf(p->pwd, sizeof(p->pwd), "pwdpwdpwdpwdpwdpwd%u", npeers);
	peers[npeers++] = p;
	live++;
	*pp = p;
	return 0;
}

static void drop_taken(struct peer *p)
{
	if (p->taken)
		free(p->taken->m.text);
	free(p->taken);
	p->taken = NULL;
}

void peer_free(struct peer *p)
{
	if (!p)
		return;
	fake_drop_all(p);
	drop_taken(p);
	peers[p->index] = NULL;
	live--;
	free(p);
}

void peer_close(struct peer *p, const char *reason)
{
	(void)reason;
	p->state = PEER_CLOSED;
}

const char *peer_ufrag(const struct peer *p)
{
	return p->ufrag;
}

const char *peer_pwd(const struct peer *p)
{
	return p->pwd;
}

int peer_check_remote(struct peer *p, const struct peer_remote *r, uint64_t now, const char **why)
{
	(void)r, (void)now;
	*why = p->refuse;
	return p->refuse ? -EINVAL : 0;
}

int peer_set_remote(struct peer *p, const struct peer_remote *r, uint64_t now, const char **why)
{
	(void)now;
	p->remotes++;
	if (p->refuse) {
		*why = p->refuse;
		return -EINVAL;
	}
	p->remote = *r;
	if (p->state == PEER_WAITING)
		p->state = PEER_CHECKING;
	return 0;
}

int peer_restart_ice(struct peer *p)
{
	p->restarts++;
	snprintf(p->ufrag, sizeof(p->ufrag), "uf%ur%u", p->index, p->restarts);
	return 0;
}

int peer_send(struct peer *p, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	struct item *it;

	if (p->fail_send)
		return p->fail_send;
	if (p->state != PEER_CONNECTED)
		return -ENOTCONN;
	if (id >= PEER_MAX_STREAMS || !p->open[id])
		return -ENOENT;
	if (data.n > p->max)
		return -EMSGSIZE;
	it = calloc(1, sizeof(*it));
	if (!it || !(it->m.text = malloc(data.n + 1))) {
		free(it);
		return -ENOMEM;
	}
	memcpy(it->m.text, data.p, data.n);
	it->m.text[data.n] = '\0';
	it->m.n = data.n;
	it->m.id = id;
	it->m.kind = kind;
	STAILQ_INSERT_TAIL(&p->out, it, next);
	p->queued++;
	if (p->hold)
		p->buffered += data.n;
	return 0;
}

int peer_send_rtp(struct peer *p, uint8_t *packet, size_t n, size_t cap, bool rtcp)
{
	(void)packet;
	(void)rtcp;
	if (p->state != PEER_CONNECTED)
		return -ENOTCONN;
	return n + RTPSEC_ROOM > cap ? -ENOBUFS : 0;
}

size_t peer_buffered(const struct peer *p)
{
	return p->buffered;
}

size_t peer_buffered_on(const struct peer *p, uint16_t id)
{
	(void)id;
	return peer_buffered(p);
}

uint32_t peer_rate(const struct peer *p)
{
	(void)p;
	return 0;
}

void peer_watch_buffered(struct peer *p, size_t below)
{
	p->watch = below;
}

size_t peer_max_message(const struct peer *p)
{
	return p->max;
}

int peer_close_channel(struct peer *p, uint16_t id)
{
	p->open[id % PEER_MAX_STREAMS] = false;
	return 0;
}

enum peer_state peer_state(const struct peer *p)
{
	return p->state;
}

const char *peer_state_name(enum peer_state s)
{
	static const char *const names[] = {
		"waiting", "checking", "handshake", "connected", "closed"};

	return names[s];
}

void peer_get_stats(const struct peer *p, struct peer_stats *s)
{
	*s = p->stats;
	s->rtt_us = p->rtt;
}

/* ---- the test's side ---- */

struct peer *fake_peer(unsigned i)
{
	return i < npeers ? peers[i] : NULL;
}

unsigned fake_live(void)
{
	return live;
}

void fake_fail_next_new(int err)
{
	fail_next = err;
}

void fake_state(struct peer *p, enum peer_state s, const char *reason)
{
	p->state = s;
	p->h.on_state(p->arg, s, reason);
}

void fake_connect(struct peer *p)
{
	fake_state(p, PEER_CONNECTED, "");
	for (unsigned i = 0; i < p->nchannel; i++) {
		p->open[p->channel[i].id] = true;
		p->h.on_channel(p->arg, &p->channel[i]);
	}
}

void fake_open(struct peer *p, uint16_t id, const char *subprotocol, bool ordered, int max_retr)
{
	struct peer_channel ch = {
		.id = id, .ordered = ordered, .max_retr = max_retr, .max_time = -1};

	snprintf(ch.subprotocol, sizeof(ch.subprotocol), "%s", subprotocol);
	p->open[id] = true;
	p->h.on_channel(p->arg, &ch);
}

void fake_close_channel(struct peer *p, uint16_t id)
{
	p->open[id] = false;
	p->h.on_channel_closed(p->arg, id);
}

/* An exact copy, so that a sanitizer sees reads past the end. */
void fake_deliver_n(struct peer *p, uint16_t id, const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	memcpy(copy, text, n);
	p->h.on_message(p->arg, id, PEER_TEXT, (struct ar_span){copy, n});
	free(copy);
}

void fake_deliver(struct peer *p, uint16_t id, const char *text)
{
	fake_deliver_n(p, id, text, strlen(text));
}

bool fake_take(struct peer *p, uint16_t id, struct fake_message *m)
{
	struct item *it;

	drop_taken(p);
	STAILQ_FOREACH(it, &p->out, next)
	{
		if (id == UINT16_MAX || it->m.id == id)
			break;
	}
	if (!it)
		return false;
	STAILQ_REMOVE(&p->out, it, item, next);
	p->queued--;
	p->taken = it;
	*m = it->m;
	return true;
}

unsigned fake_queued(struct peer *p)
{
	return p->queued;
}

void fake_drop_all(struct peer *p)
{
	struct fake_message m;

	while (fake_take(p, UINT16_MAX, &m))
		;
}

void fake_hold(struct peer *p, bool on)
{
	p->hold = on;
}

void fake_ack(struct peer *p)
{
	bool was = p->watch && p->buffered >= p->watch;

	p->buffered = 0;
	p->watch = 0;
	if (was)
		p->h.on_writable(p->arg);
}

void fake_set_max(struct peer *p, size_t max)
{
	p->max = max;
}

void fake_set_rtt(struct peer *p, uint32_t us)
{
	p->rtt = us;
}

void fake_fail_send(struct peer *p, int err)
{
	p->fail_send = err;
}

const struct peer_remote *fake_remote(const struct peer *p)
{
	return &p->remote;
}

unsigned fake_remotes(const struct peer *p)
{
	return p->remotes;
}

unsigned fake_restarts(const struct peer *p)
{
	return p->restarts;
}

void fake_refuse_remote(struct peer *p, const char *why)
{
	p->refuse = why;
}
