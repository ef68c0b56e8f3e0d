/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What MediaContext documents say of us: addresses and credentials, and on GET the live facts. */
#include "mediad/dcmf/dcmf_internal.h"

#include "mediad/ctl/json_patch.h"
#include "mediad/ctl/json_strict.h"

#include <errno.h>
#include <stdio.h>

static json_t *endpoint(const struct dcmf *d, int net)
{
	const struct nets_line *l = &d->conf.nets->line[net];
	const char *key = l->bind.ss.ss_family == AF_INET6 ? "ipv6Addr" : "ipv4Addr";

	return json_pack("{s:{s:s}, s:s, s:i}", "ip", key, l->text, "transport", "UDP",
		"portNumber", (int)d->conf.port);
}

/* Host candidates, one per address of the network (RFC 8445 5.1.2: type 126, one component). */
static json_t *candidates(const struct dcmf *d, int net)
{
	const struct nets_list *nets = d->conf.nets;
	json_t *a = json_array();
	char text[128];
	unsigned n = 0;

	for (unsigned i = 0; i < nets->n; i++) {
		const struct nets_line *l = &nets->line[i];

		if (strcmp(l->name, nets->line[net].name) != 0)
			continue;
		snprintf(text, sizeof(text), "%u 1 UDP %u %s %u typ host", n + 1,
			(126u << 24) | ((65535 - n) << 8) | 255u, l->text, d->conf.port);
		n++;
		if (json_array_append_new(a, json_string(text)) != 0) {
			json_decref(a);
			return NULL;
		}
	}
	return a;
}

static int set(json_t *o, const char *key, json_t *v)
{
	return v && json_object_set_new(o, key, v) == 0 ? 0 : -ENOMEM;
}

static json_t *vendor(json_t *o)
{
	json_t *x = json_object_get(o, "x-ims-ar");

	if (!x && set(o, "x-ims-ar", json_object()) == 0)
		x = json_object_get(o, "x-ims-ar");
	return x;
}

static int medium_local(const struct medium *m, json_t *o)
{
	const struct dcmf *d = m->term->ctx->d;
	json_t *x = vendor(o), *dc = json_object_get(o, "dcMedia");
	int err = x ? 0 : -ENOMEM;

	if (!err)
		err = set(o, "localMbEndpoint", endpoint(d, m->net));
	if (!err && m->leg)
		err = set(x, "fingerprint", json_string(transport_fingerprint(d->t)));
	json_object_del(x, "ssrcMask");
	if (!err && m->leg && stream_leg_ssrc_mask(m->leg))
		err = set(x, "ssrcMask", json_integer(stream_leg_ssrc_mask(m->leg)));
	if (!err && !m->leg)
		err = set(dc, "localDcEndpoint",
			json_pack("{s:i, s:s, s:s}", "sctpPort", DCMF_SCTP_PORT, "fingerprint",
				transport_fingerprint(d->t), "tlsId", m->tls_id));
	if (!err)
		err = set(x, "ice",
			json_pack("{s:s, s:s, s:b, s:o}", "ufrag", peer_ufrag(m->peer), "pwd",
				peer_pwd(m->peer), "lite", 1, "candidates", candidates(d, m->net)));
	if (!err && !m->leg)
		err = set(x, "localMaxMessageSize", json_integer(PEER_MAX_MESSAGE));
	return err;
}

static struct ar_span text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? ar_span_str(s) : AR_SPAN("");
}

int facts_local(struct context *c, json_t *doc)
{
	size_t i, k;
	json_t *to, *mo;
	int err = set(doc, "contextId", json_string(c->id));

	json_array_foreach(json_object_get(doc, "terminations"), i, to)
	{
		const struct termination *t = context_term(c, text_of(to, "terminationId"));

		json_array_foreach(json_object_get(to, "medias"), k, mo)
		{
			const struct medium *m =
				t ? termination_medium(t, text_of(mo, "mediaId")) : NULL;

			if (!err && m)
				err = medium_local(m, mo);
		}
	}
	return err;
}

/* ---- live ---- */

static uint64_t messages_sent(const struct medium *m, const struct peer_channel *ch)
{
	const struct app_stats *s = app_participant_stats(m->term->part);

	if (strcmp(ch->subprotocol, "mpeg-sd") == 0)
		return s->scenes + s->updates + s->keepalives;
	for (unsigned i = 0; i < DCMF_MAX_BOOTS; i++) {
		if (m->boot[i].peer && m->boot[i].id == ch->id)
			return m->boot[i].tx;
	}
	return s->meta_sent;
}

static json_t *channels(const struct medium *m)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < m->nopen; i++) {
		const struct peer_channel *ch = &m->open[i].ch;

		json_array_append_new(a,
			json_pack("{s:i, s:s, s:s, s:I, s:I}", "id", (int)ch->id, "label",
				ch->label, "subprotocol", ch->subprotocol, "rx",
				(json_int_t)m->open[i].rx, "tx", (json_int_t)messages_sent(m, ch)));
	}
	return a;
}

static void put_ms(json_t *o, const char *key, uint64_t at, uint64_t from)
{
	if (at && at >= from)
		json_object_set_new(o, key, json_real((double)(at - from) / 1000));
}

static json_t *times(const struct medium *m, const struct peer_stats *s)
{
	const struct context *c = m->term->ctx;
	const struct app_stats *a = app_participant_stats(m->term->part);
	json_t *o = json_object();

	put_ms(o, "ice", s->at.ice ? m->made + s->at.ice : 0, c->made);
	put_ms(o, "dtls", s->at.dtls ? m->made + s->at.dtls : 0, c->made);
	put_ms(o, "sctp", s->at.sctp ? m->made + s->at.sctp : 0, c->made);
	put_ms(o, "scene", a->at_scene, c->made);
	put_ms(o, "firstPose", a->at_first_pose, c->made);
	put_ms(o, "firstUpdate", a->at_first_update, c->made);
	return o;
}

/* Who may look at a call may not listen to it, nor take a UE's place in it. */
static void hide_remote(json_t *x)
{
	json_t *remote = json_object_get(x, "remote");

	json_object_del(json_object_get(remote, "crypto"), "key");
	json_object_del(json_object_get(remote, "ice"), "pwd");
}

static void hide_local(json_t *x)
{
	json_object_del(json_object_get(json_object_get(x, "local"), "crypto"), "key");
	json_object_del(json_object_get(x, "ice"), "pwd");
}

/* The member as a copy that is o's own, what it refers to still shared; without memory it is left
 * out, since what is hidden in it would be hidden in the document, too. */
static json_t *own(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key), *copy = json_copy(v);

	if (copy && json_object_set_new(o, key, copy) == 0)
		return copy;
	if (v)
		json_object_del(o, key);
	return NULL;
}

static json_t *own_element(json_t *a, size_t i)
{
	json_t *copy = json_copy(json_array_get(a, i));

	if (copy && json_array_set_new(a, i, copy) == 0)
		return copy;
	json_array_set_new(a, i, json_null());
	return NULL;
}

static void hide_medium(json_t *m)
{
	json_t *x = own(m, "x-ims-ar"), *remote = own(x, "remote");

	own(remote, "crypto");
	own(remote, "ice");
	hide_remote(x);
}

/* Copied is only the way to what is left out. */
json_t *facts_answer(const json_t *doc)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)doc), *terms = own(copy, "terminations");

	for (size_t i = 0; i < json_array_size(terms); i++) {
		json_t *medias = own(own_element(terms, i), "medias");

		for (size_t k = 0; k < json_array_size(medias); k++)
			hide_medium(own_element(medias, k));
	}
	return copy;
}

static void medium_live(const struct medium *m, json_t *x, uint64_t now)
{
	struct peer_stats s;
	char addr[INET6_ADDRSTRLEN + 16];

	peer_get_stats(m->peer, &s);
	json_object_set_new(x, "state", json_string(peer_state_name(m->state)));
	json_object_set_new(
		x, "selected", json_string(nets_print(&s.selected.ss, addr, sizeof(addr))));
	json_object_set_new(x, "rttMs", json_real(s.rtt_us / 1000.0));
	if (m->leg)
		medium_av_live(m, x, now);
	else
		json_object_set_new(x, "channels", channels(m));
	json_object_set_new(x, "times", times(m, &s));
	hide_local(x);
	hide_remote(x);
	/* a medium of type AR has a member "transport" already: which one it is */
	json_object_set_new(x, m->leg ? "counters" : "transport",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			  "s:I, s:I}",
			"stunOk", (json_int_t)s.stun_ok, "useCandidate",
			(json_int_t)s.use_candidate, "rxPackets", (json_int_t)s.rx_packets,
			"txPackets", (json_int_t)s.tx_packets, "rxBytes", (json_int_t)s.rx_bytes,
			"txBytes", (json_int_t)s.tx_bytes, "stunBad", (json_int_t)s.stun_bad,
			"dtlsBad", (json_int_t)s.dtls_bad, "earlyHeld", (json_int_t)s.early_held,
			"dropped", (json_int_t)s.dropped, "srtpBad", (json_int_t)s.srtp_bad,
			"srtpReplayed", (json_int_t)s.srtp_replayed, "latched",
			(json_int_t)s.latched, "early", (json_int_t)s.early_dropped, "srtpSsrcs",
			(json_int_t)s.srtp_ssrcs));
}

/* Bad input of every kind, one number each, as /metrics has it. */
static double tenths(double v)
{
	return (double)(long long)(v * 10 + 0.5) / 10;
}

static json_t *participant_live(const struct termination *t, uint64_t now)
{
	struct app_rates rates;
	const struct app_stats *s = app_participant_stats(t->part);
	json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "joined",
		app_participant_joined(t->part), "poses", (json_int_t)s->poses, "actions",
		(json_int_t)s->actions, "updates", (json_int_t)s->updates, "scenes",
		(json_int_t)s->scenes, "resyncs", (json_int_t)s->resyncs, "updateBytes",
		(json_int_t)s->update_bytes);
	uint64_t unread = s->meta_bad + s->meta_unknown + s->meta_too_big;
	uint64_t bad = s->poses_bad + s->poses_stale + s->poses_range + s->poses_quaternion +
		       s->poses_not_finite;

	app_participant_rates(t->part, now, &rates);
	json_object_set_new(o, "poseHz", json_real(tenths(rates.pose_hz)));
	json_object_set_new(o, "updateHz", json_real(tenths(rates.update_hz)));
	json_object_set_new(o, "revision", json_integer((json_int_t)rates.revision));
	json_object_set_new(o, "posesDropped", json_integer((json_int_t)bad));
	json_object_set_new(o, "posesLimited", json_integer((json_int_t)s->poses_limited));
	json_object_set_new(o, "kbpsWaits", json_integer((json_int_t)s->kbps_waits));
	json_object_set_new(o, "messagesBad", json_integer((json_int_t)unread));
	return o;
}

static void term_live(const struct context *c, json_t *to, uint64_t now)
{
	const struct termination *t = context_term(c, text_of(to, "terminationId"));
	size_t k;
	json_t *mo;

	if (!t)
		return;
	json_array_foreach(json_object_get(to, "medias"), k, mo)
	{
		const struct medium *m = termination_medium(t, text_of(mo, "mediaId"));

		if (m)
			medium_live(m, vendor(mo), now);
	}
	json_object_set_new(vendor(to), "participant", participant_live(t, now));
}

static void sum_own(const struct context *c, struct app_stats *sum)
{
	*sum = (struct app_stats){0};
	for (unsigned i = 0; i < c->nterm; i++)
		app_stats_add(sum, app_participant_stats(c->term[i]->part));
}

/* One of the shared scene, whichever call brought it. */
static json_t *member(const struct context *c, const struct termination *t, uint64_t now)
{
	json_t *o = participant_live(t, now);

	json_object_set_new(o, "name", json_string(app_participant_name(t->part)));
	json_object_set_new(o, "user", json_string(app_participant_user(t->part)));
	json_object_set_new(o, "callId", json_string(c->call_id));
	json_object_set_new(o, "contextId", json_string(c->id));
	json_object_set_new(o, "terminationId", json_string(t->id));
	return o;
}

static json_t *room_live(const struct room *r, uint64_t now)
{
	json_t *list = json_array();

	for (const struct context *c = r->contexts; c; c = c->next_in_room) {
		for (unsigned i = 0; i < c->nterm; i++)
			json_array_append_new(list, member(c, c->term[i], now));
	}
	return json_pack("{s:s, s:i, s:o}", "name", r->share, "calls", (int)r->ncontext,
		"participants", list);
}

static void context_live(struct context *c, json_t *x, uint64_t now)
{
	struct app_stats s;
	struct scene_stats sc;
	struct ar_buf text;

	sum_own(c, &s);
	scene_get_stats(app_scene(c->app), &sc);
	ar_buf_init(&text, DCMF_MAX_REPLY);
	if (scene_write(app_scene(c->app), &text) != 0)
		ar_buf_reset(&text);
	json_object_set_new(x, "scene",
		json_pack("{s:s, s:I, s:i, s:I}", "name", c->scene, "revision", (json_int_t)sc.rev,
			"nodes", (int)sc.nodes, "bytes", (json_int_t)text.n));
	json_object_set_new(x, "poses", json_integer((json_int_t)s.poses));
	json_object_set_new(x, "actions", json_integer((json_int_t)s.actions));
	json_object_set_new(x, "updates", json_integer((json_int_t)s.updates));
	json_object_set_new(x, "worker", json_integer(c->d->conf.worker));
	json_object_set_new(x, "ageMs", json_integer((json_int_t)((now - c->made) / 1000)));
	if (c->room->share[0])
		json_object_set_new(x, "room", room_live(c->room, now));
	ar_buf_free(&text);
}

json_t *facts_live(struct context *c, uint64_t now)
{
	json_t *doc = json_deep_copy(c->doc), *to;
	size_t i;

	if (!doc || !vendor(doc))
		return doc;
	json_array_foreach(json_object_get(doc, "terminations"), i, to) term_live(c, to, now);
	context_live(c, vendor(doc), now);
	return doc;
}

/* ---- what a patch may not touch ---- */

static const json_t *same_medium(const json_t *before, struct ar_span term, struct ar_span media)
{
	size_t i, k;
	json_t *t, *m;

	json_array_foreach(json_object_get(before, "terminations"), i, t)
	{
		if (!ar_span_eq(text_of(t, "terminationId"), term))
			continue;
		json_array_foreach(json_object_get(t, "medias"), k, m)
		{
			if (ar_span_eq(text_of(m, "mediaId"), media))
				return m;
		}
	}
	return NULL;
}

static int compare(
	const json_t *before, const json_t *after, const char *pointer, struct mrm_error *err)
{
	if (json_strict_same(json_pointer_get((json_t *)before, pointer),
		    json_pointer_get((json_t *)after, pointer)))
		return 0;
	mrm_fail(err, 400, "MODIFICATION_NOT_ALLOWED", "%s cannot be changed", pointer);
	snprintf(err->param, sizeof(err->param), "%s", pointer);
	return -EINVAL;
}

int facts_same(const json_t *before, const json_t *after, struct mrm_error *err)
{
	static const char *const of_context[] = {"/contextId", "/x-ims-ar/scene",
		"/x-ims-ar/application", "/x-ims-ar/owner", "/x-ims-ar/share"};
	static const char *const of_medium[] = {"/mediaResourceType", "/localMbEndpoint",
		"/dcMedia/localDcEndpoint", "/x-ims-ar/ice", "/x-ims-ar/localMaxMessageSize",
		"/x-ims-ar/fingerprint"};
	const unsigned nmedium = sizeof(of_medium) / sizeof(of_medium[0]);
	size_t i, k;
	json_t *t, *m;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(of_context) / sizeof(of_context[0]); i++)
		rc = compare(before, after, of_context[i], err);
	json_array_foreach(json_object_get(after, "terminations"), i, t)
	{
		json_array_foreach(json_object_get(t, "medias"), k, m)
		{
			const json_t *old = same_medium(
				before, text_of(t, "terminationId"), text_of(m, "mediaId"));

			for (unsigned n = 0; !rc && old && n < nmedium; n++)
				rc = compare(old, m, of_medium[n], err);
		}
	}
	return rc;
}
