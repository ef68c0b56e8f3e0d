/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One data channel connection of a UE: the peer below, the application and the bootstrap above. */
#include "mediad/dcmf/dcmf_internal.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static void on_send(void *arg, struct ar_span datagram, const struct peer_addr *to)
{
	struct medium *m = arg;
	struct dcmf *d = m->term->ctx->d;

	d->h.send(d->arg, m->net, datagram, to);
}

static void tell_state(struct medium *m, const char *reason)
{
	struct context *c = m->term->ctx;
	json_t *ev;

	if (!c->known)
		return;
	ev = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "ev", "peer", "contextId", c->id,
		"terminationId", m->term->id, "mediaId", m->id, "state", peer_state_name(m->state),
		"reason", reason ? reason : "");

	if (ev)
		c->d->h.event(c->d->arg, ev);
	json_decref(ev);
}

static void close_boots(struct medium *m)
{
	for (unsigned i = 0; i < DCMF_MAX_BOOTS; i++)
		boot_close(&m->boot[i]);
}

static void on_state(void *arg, enum peer_state state, const char *reason)
{
	struct medium *m = arg;
	struct context *c = m->term->ctx;

	AR_LOG_CALL(c->call_id);
	m->state = state;
	ar_log(AR_LOG_INFO, "dcmf", "%s/%s %s%s%s", m->term->id, m->id, peer_state_name(state),
		reason && *reason ? ": " : "", reason ? reason : "");
	if (state == PEER_CONNECTED) {
		c->once_connected = true;
		c->d->stats.peers_connected++;
	}
	if (state == PEER_CLOSED) { /* not by us: that is not told */
		c->d->stats.peers_lost++;
		m->nopen = 0;
		close_boots(m);
		app_on_peer_closed(m->term->part, m->peer, c->d->now);
	}
	if (m->leg)
		medium_av_state(m);
	tell_state(m, reason);
	context_wake(c);
}

static bool has_id(const uint16_t *list, unsigned n, uint16_t id)
{
	for (unsigned i = 0; i < n; i++) {
		if (list[i] == id)
			return true;
	}
	return false;
}

/* A handset's "HTTP" counts too. */
static bool is_http(const struct peer_channel *ch)
{
	return strcasestr(ch->subprotocol, "http") != NULL;
}

static void open_boot(struct medium *m, uint16_t id)
{
	struct dcmf *d = m->term->ctx->d;
	struct boot_site site;

	site_of(m->term, &site);
	for (unsigned i = 0; i < DCMF_MAX_BOOTS; i++) {
		if (m->boot[i].peer)
			continue;
		boot_open(&m->boot[i], m->peer, id, &site, &d->stats.boot);
		return;
	}
	peer_close_channel(m->peer, id);
}

static void note_open(struct medium *m, const struct peer_channel *ch)
{
	struct medium_channel *o;

	if (m->nopen == PEER_MAX_CHANNELS)
		return;
	o = realloc(m->open, (m->nopen + 1) * sizeof(*o));
	if (!o)
		return; /* it works, and is not shown */
	m->open = o;
	o[m->nopen++] = (struct medium_channel){.ch = *ch};
}

static void on_channel(void *arg, const struct peer_channel *ch)
{
	struct medium *m = arg;
	struct context *c = m->term->ctx;

	/* offered by us and left out of the UE's answer: RFC 8864 6.4 */
	if (has_id(m->offered, m->noffered, ch->id) && !has_id(m->accepted, m->naccepted, ch->id))
		return;
	AR_LOG_CALL(c->call_id);
	ar_log(AR_LOG_DEBUG, "dcmf", "%s/%s channel %u %s", m->term->id, m->id, ch->id,
		ch->subprotocol);
	note_open(m, ch);
	if (is_http(ch))
		open_boot(m, ch->id);
	else
		app_on_channel(m->term->part, m->peer, ch, c->d->now);
	context_wake(c);
}

static void on_channel_closed(void *arg, uint16_t id)
{
	struct medium *m = arg;

	for (unsigned i = 0; i < m->nopen; i++) {
		if (m->open[i].ch.id == id) {
			m->open[i] = m->open[--m->nopen];
			break;
		}
	}
	for (unsigned i = 0; i < DCMF_MAX_BOOTS; i++) {
		if (m->boot[i].peer && m->boot[i].id == id)
			boot_close(&m->boot[i]);
	}
	app_on_channel_closed(m->term->part, m->peer, id, m->term->ctx->d->now);
	context_wake(m->term->ctx);
}

static void on_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	struct medium *m = arg;
	struct context *c = m->term->ctx;

	(void)kind;
	for (unsigned i = 0; i < m->nopen; i++) {
		if (m->open[i].ch.id == id)
			m->open[i].rx++;
	}
	if (app_on_message(m->term->part, m->peer, id, data, c->d->now)) {
		context_wake(c);
		return;
	}
	for (unsigned i = 0; i < DCMF_MAX_BOOTS; i++) {
		if (m->boot[i].peer && m->boot[i].id == id) {
			boot_input(&m->boot[i], data);
			context_wake(c);
			return;
		}
	}
	c->d->stats.messages_unknown++;
}

static void on_writable(void *arg)
{
	struct medium *m = arg;

	app_on_writable(m->term->part, m->peer);
	context_wake(m->term->ctx);
}

bool medium_run(struct medium *m)
{
	bool waits = false;

	for (unsigned i = 0; i < DCMF_MAX_BOOTS; i++) {
		if (m->boot[i].peer && boot_run(&m->boot[i]))
			waits = true;
	}
	return waits;
}

static int random_token(char *out, size_t n)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
	unsigned char r[64];

	if (n > sizeof(r) || getrandom(r, n, 0) != (ssize_t)n)
		return -EIO;
	for (size_t i = 0; i < n; i++)
		out[i] = set[r[i] & 63];
	out[n] = '\0';
	return 0;
}

static int make_peer(
	struct medium *m, const struct mrm_media *spec, struct peer **out, struct mrm_error *err)
{
	static const struct peer_handlers handlers = {.send = on_send,
		.on_state = on_state,
		.on_channel = on_channel,
		.on_channel_closed = on_channel_closed,
		.on_message = on_message,
		.on_writable = on_writable,
		.on_rtp = medium_av_rtp};
	struct context *c = m->term->ctx;
	struct peer_conf conf = {.media = spec->type == MRM_AR ? spec->av->transport : PEER_DATA,
		.setup = spec->setup,
		.channel = spec->channel,
		.nchannel = spec->nchannel,
		.log_call = c->call_id};
	int rc = peer_new(out, c->d->t, &conf, &handlers, m, c->d->now);

	if (rc)
		mrm_fail(err, rc == -ENOSPC ? 503 : 500,
			rc == -ENOSPC ? "INSUFFICIENT_RESOURCES" : "SYSTEM_FAILURE",
			"no connection can be made: %s", strerror(-rc));
	return rc;
}

static void take_peer(struct medium *m, struct peer *p, const struct mrm_media *spec)
{
	m->peer = p;
	m->state = PEER_WAITING;
	m->made = m->term->ctx->d->now;
	m->remote_ufrag[0] = '\0';
	if (random_token(m->tls_id, DCMF_TLS_ID) != 0)
		m->tls_id[0] = '\0';
	m->noffered = m->naccepted = spec->nchannel;
	for (unsigned i = 0; i < spec->nchannel; i++)
		m->offered[i] = m->accepted[i] = spec->channel[i].id;
}

int medium_new(struct medium **mp, struct termination *t, const struct mrm_media *spec,
	struct mrm_error *err)
{
	struct medium *m = calloc(1, sizeof(*m));
	struct peer *p;
	int rc;

	if (!m) {
		mrm_fail(err, 500, "SYSTEM_FAILURE", "out of memory");
		return -ENOMEM;
	}
	m->term = t;
	m->net = spec->network;
	memcpy(m->id, spec->id.p, spec->id.n);
	rc = make_peer(m, spec, &p, err);
	if (!rc)
		take_peer(m, p, spec);
	if (!rc && spec->type == MRM_AR) {
		rc = medium_av_new(m, spec, err);
		if (rc)
			peer_free(m->peer);
	}
	if (rc)
		free(m);
	else
		*mp = m;
	return rc;
}

void medium_free(struct medium *m, const char *reason)
{
	close_boots(m);
	if (m->leg)
		medium_av_free(m);
	app_on_peer_closed(m->term->part, m->peer, m->term->ctx->d->now);
	if (m->state != PEER_CLOSED)
		peer_close(m->peer, reason);
	peer_free(m->peer);
	peer_free(m->fresh);
	free(m->open);
	free(m);
}

int medium_accept(struct medium *m, const struct mrm_media *spec, struct mrm_error *err)
{
	if (m->leg || spec->type == MRM_AR)
		return medium_av_check(m, spec, err);
	for (unsigned i = 0; i < spec->nchannel; i++) {
		if (!has_id(m->offered, m->noffered, spec->channel[i].id)) {
			mrm_fail(err, 400, "MODIFICATION_NOT_ALLOWED",
				"stream %u of %s/%s was not there when it was made: streams can "
				"only "
				"be taken away, a new medium may have others",
				spec->channel[i].id, m->term->id, m->id);
			return -EINVAL;
		}
	}
	m->naccepted = spec->nchannel;
	for (unsigned i = 0; i < spec->nchannel; i++)
		m->accepted[i] = spec->channel[i].id;
	return 0;
}

/* A new ufrag and pwd of the UE ask for new ones of ours (RFC 8839 4.4.1.1.1, 4.4.3.1.1). */
static int restart_ice(struct medium *m, const struct mrm_media *spec, struct mrm_error *err)
{
	char ufrag[sizeof(m->remote_ufrag)];
	int rc = 0;

	snprintf(ufrag, sizeof(ufrag), "%.*s", (int)spec->remote.ufrag.n,
		spec->remote.ufrag.p ? spec->remote.ufrag.p : "");
	if (m->remote_ufrag[0] && ufrag[0] && strcmp(ufrag, m->remote_ufrag) != 0)
		rc = peer_restart_ice(m->peer);
	if (rc)
		mrm_fail(err, 500, "SYSTEM_FAILURE", "ICE restart: %s", strerror(-rc));
	else
		memcpy(m->remote_ufrag, ufrag, sizeof(ufrag));
	return rc;
}

static int refuse_remote(const struct medium *m, const char *why, struct mrm_error *err)
{
	mrm_fail(err, 400, "MANDATORY_IE_INCORRECT", "%s/%s: the UE's description: %s", m->term->id,
		m->id, why);
	return -EINVAL;
}

/* A closed connection does not come back; its UE gets a fresh one with new credentials. */
int medium_prepare(struct medium *m, const struct mrm_media *spec, struct mrm_error *err)
{
	const char *why = "not usable";

	if (!spec->has_remote)
		return 0;
	if (peer_check_remote(m->peer, &spec->remote, m->term->ctx->d->now, &why) != 0)
		return refuse_remote(m, why, err);
	return m->state == PEER_CLOSED && !m->fresh ? make_peer(m, spec, &m->fresh, err) : 0;
}

void medium_unprepare(struct medium *m)
{
	peer_free(m->fresh);
	m->fresh = NULL;
}

int medium_set_remote(struct medium *m, const struct mrm_media *spec, struct mrm_error *err)
{
	const char *why = "not usable";
	int rc;

	if (!spec->has_remote)
		return 0;
	if (m->fresh) {
		peer_free(m->peer);
		take_peer(m, m->fresh, spec);
		m->fresh = NULL;
	}
	rc = restart_ice(m, spec, err);
	if (rc)
		return rc;
	rc = peer_set_remote(m->peer, &spec->remote, m->term->ctx->d->now, &why);
	if (rc)
		return refuse_remote(m, why, err);
	context_wake(m->term->ctx);
	return 0;
}

struct medium *termination_medium(const struct termination *t, struct ar_span id)
{
	for (unsigned i = 0; i < t->nmedia; i++) {
		if (ar_span_eq(ar_span_str(t->media[i]->id), id))
			return t->media[i];
	}
	return NULL;
}
