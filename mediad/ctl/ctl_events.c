/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The endless event streams, and the leases that they renew. */
#include "mediad/ctl/ctl_internal.h"

#include "common/ar_json.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <stdio.h>
#include <stdlib.h>

static char *line_of(const json_t *event)
{
	char *text = ar_json_text(event);
	size_t n = text ? strlen(text) : 0;
	char *line = text ? realloc(text, n + 2) : NULL;

	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + n, "\n", 2);
	return line;
}

static void say(struct ctl *c, struct ctl_subscriber *s, const char *line)
{
	uint32_t stream = s->stream;

	if (h2_push(c->h2, stream, ar_span_str(line)) == 0)
		return;
	c->stats.events_lost++;
	ctl_unsubscribe(c, stream);
}

void ctl_publish(struct ctl *c, const json_t *event)
{
	char *line = line_of(event);

	for (unsigned i = 0; line && i < CTL_MAX_SUBSCRIBERS; i++) {
		if (c->sub[i].stream)
			say(c, &c->sub[i], line);
	}
	free(line);
}

void ctl_publish_gone(struct ctl *c, const char *context, const char *reason)
{
	json_t *ev = json_pack(
		"{s:s, s:s, s:s}", "ev", "context-gone", "contextId", context, "reason", reason);

	if (ev)
		ctl_publish(c, ev);
	json_decref(ev);
}

void ctl_events(struct ctl *c, const struct ctl_call *q)
{
	struct ctl_subscriber *s = NULL;
	json_t *hello;
	char *line;

	for (unsigned i = 0; i < CTL_MAX_SUBSCRIBERS && !s; i++) {
		if (!c->sub[i].stream)
			s = &c->sub[i];
	}
	if (!s) {
		ctl_problem(c, q->req->id, 503, "NF_CONGESTION", "%d event streams are open",
			CTL_MAX_SUBSCRIBERS);
		return;
	}
	if (!ctl_query(q->req->query, "owner", s->owner, sizeof(s->owner)))
		s->owner[0] = '\0';
	if (h2_open(c->h2, q->req->id, "application/x-ndjson") != 0)
		return;
	s->stream = q->req->id;
	c->stats.answers[2]++;
	ar_log(AR_LOG_INFO, "ctl", "event stream opened by '%s'", s->owner);
	hello = json_pack("{s:s, s:s, s:s}", "ev", "hello", "instance", c->instance, "version",
		IMS_AR_VERSION);
	line = hello ? line_of(hello) : NULL;
	if (line)
		say(c, s, line);
	free(line);
	json_decref(hello);
	c->next_load = 0;
}

void ctl_unsubscribe(struct ctl *c, uint32_t stream)
{
	for (unsigned i = 0; stream && i < CTL_MAX_SUBSCRIBERS; i++) {
		if (c->sub[i].stream == stream) {
			ar_log(AR_LOG_INFO, "ctl", "event stream of '%s' closed", c->sub[i].owner);
			c->sub[i].stream = 0;
		}
	}
}

/* ---- leases ---- */

void ctl_touch(struct mcontext *m, uint64_t now)
{
	m->deadline = now + m->lease_us;
}

static bool is_listening(const struct ctl *c, const char *owner)
{
	for (unsigned i = 0; i < CTL_MAX_SUBSCRIBERS; i++) {
		if (c->sub[i].stream && strcmp(c->sub[i].owner, owner) == 0)
			return true;
	}
	return false;
}

struct look {
	struct ctl *c;
	uint64_t now;
};

static void check_one(void *arg, struct mcontext *m)
{
	struct look *l = arg;
	struct mcontext copy;

	if (is_listening(l->c, m->owner)) {
		ctl_touch(m, l->now);
		return;
	}
	if (l->now < m->deadline)
		return;
	copy = *m;
	l->c->stats.leases++;
	ar_log(AR_LOG_NOTICE, "ctl", "context %s ended: nobody has renewed its lease (owner '%s')",
		copy.id, copy.owner);
	ctl_delete_quietly(l->c, &copy);
	contexts_remove(l->c->contexts, copy.id);
	ctl_publish_gone(l->c, copy.id, "lease");
}

void ctl_check_leases(struct ctl *c, uint64_t now)
{
	struct look l = {c, now};

	contexts_each(c->contexts, check_one, &l);
}
