/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Step 9: user actions. Each has an id, is applied once and acknowledged; the UE repeats it until
 * then, so a channel that loses messages loses no action. Those with a `seq` are applied in that
 * order: one that came early waits for the one before it.
 */
#include "mediad/dcmf/app_internal.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/ctl/json_strict.h"
#include "mediad/dcmf/interact.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ACTION_DEPTH 8

static uint64_t hash_id(struct ar_span s)
{
	uint64_t h = 1469598103934665603ull;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 1099511628211ull;
	return h ? h : 1;
}

static int find_action(const struct app_log *l, uint64_t hash)
{
	for (unsigned i = 0; i < APP_ACTION_WINDOW; i++) {
		if (l->item[i].hash == hash)
			return (int)i;
	}
	return -1;
}

static void acknowledge(struct participant *p, const json_t *id, unsigned at)
{
	const char *code = p->log->item[at].code;
	json_t *ack, *j;

	if (p->log->item[at].pending)
		return;
	ack = json_pack(
		"{s:O, s:b, s:I}", "id", id, "ok", !*code, "rev", (json_int_t)p->log->item[at].rev);
	j = json_pack("{s:s, s:o}", "type", "urn:x-imsar:action-ack:1", "ack", ack);
	if (j && *code) {
		json_object_set_new(ack, "code", json_string(code));
		json_object_set_new(ack, "reason", json_string(p->log->item[at].reason));
	}
	if (j)
		app_send_meta(p, j);
	json_decref(j);
}

/* An input that the scene's behaviors take is understood, also when the application knows nothing
 * of it; one that the application forbids does nothing. */
static void pass_input(struct participant *p, uint64_t input, struct app_refusal *no)
{
	bool unknown = strcmp(no->code, "unknown") == 0 || strcmp(no->code, "no-target") == 0;

	if (!input || (*no->code && !unknown))
		return;
	no->code[0] = no->reason[0] = '\0';
	interact_input(p->app->interact, input, p->app->now);
}

/* What became of an action, for its acknowledgement and those of its repetitions. */
static void settle(struct participant *p, unsigned at, const struct app_refusal *result)
{
	struct app_refusal made = *result, *no = &made;
	struct scene_stats s;

	pass_input(p, p->log->item[at].input, no);

	AR_LOG_CALL(p->call_id);
	ar_log(AR_LOG_DEBUG, "app", "%s: action %s%s%s", p->name, *no->code ? "refused: " : "done",
		no->code, no->reason);
	if (*no->code)
		p->stats.actions_refused++;
	else
		p->stats.actions++;
	scene_get_stats(p->app->scene, &s);
	p->log->item[at].pending = false;
	p->log->item[at].rev = s.rev;
	memcpy(p->log->item[at].code, no->code, sizeof(no->code));
	memcpy(p->log->item[at].reason, no->reason, sizeof(no->reason));
}

void app_action_done(
	struct participant *p, uint64_t hash, const json_t *id, const struct app_refusal *no)
{
	int at = p->log ? find_action(p->log, hash) : -1;

	if (at < 0 || !p->log->item[at].pending)
		return;
	settle(p, (unsigned)at, no);
	acknowledge(p, id, (unsigned)at);
}

/* Takes the next place of the window. */
static unsigned enter(struct participant *p, uint64_t hash)
{
	unsigned at = p->log->n++ % APP_ACTION_WINDOW;

	p->log->item[at].hash = hash;
	p->log->item[at].input = 0;
	p->log->item[at].pending = true;
	return at;
}

/* at: its place in the window. Acknowledged now, or by app_action_done(). */
static void apply(struct participant *p, const struct app_action *act, unsigned at)
{
	struct app_refusal no = {.pending = false};

	if (act->name.n == 0) {
		snprintf(no.code, sizeof(no.code), "malformed");
		snprintf(no.reason, sizeof(no.reason), "no name");
	} else {
		p->log->item[at].input = interact_match(p->app->interact, act);
		p->app->ops->on_action(p->app, p, act, &no);
	}
	if (no.pending)
		return;
	settle(p, at, &no);
	acknowledge(p, json_object_get(act->body, "id"), at);
}

static struct ar_span string_member(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_string(v))
		return AR_SPAN_NONE;
	return (struct ar_span){json_string_value(v), json_string_length(v)};
}

/* An id is a string or a whole number; 7 and "7" are the same action. */
static bool read_id(const json_t *o, char *buf, size_t cap, struct ar_span *out)
{
	const json_t *id = json_object_get(o, "id");

	if (json_is_string(id) && json_string_length(id) > 0 && json_string_length(id) < cap) {
		*out = (struct ar_span){json_string_value(id), json_string_length(id)};
		return true;
	}
	if (!json_is_integer(id))
		return false;
	out->n = (size_t)snprintf(buf, cap, "%lld", (long long)json_integer_value(id));
	out->p = buf;
	return true;
}

/* ---- order ---- */

static void run_now(struct participant *p, json_t *j, struct ar_span id, uint64_t hash)
{
	struct app_action act = {
		.id = id, .name = string_member(j, "name"), .hash = hash, .body = j};
	int at = find_action(p->log, hash);

	apply(p, &act, at >= 0 ? (unsigned)at : enter(p, hash));
}

static void run_held(struct participant *p, struct app_held *h)
{
	char buf[APP_MAX_NAME];
	struct ar_span id = AR_SPAN_NONE;
	json_t *j = h->action;
	uint64_t hash = h->hash;

	*h = (struct app_held){.seq = 0};
	p->log->nheld--;
	if (read_id(j, buf, sizeof(buf), &id))
		run_now(p, j, id, hash);
	json_decref(j);
}

static struct app_held *held_first(struct app_log *l)
{
	struct app_held *first = NULL;

	for (unsigned i = 0; i < APP_ACTION_HELD; i++) {
		if (l->held[i].seq && (!first || l->held[i].seq < first->seq))
			first = &l->held[i];
	}
	return first;
}

/* Everything whose turn has come. */
static void drain(struct participant *p)
{
	struct app_held *h;

	while (p->log->nheld && (h = held_first(p->log)) != NULL && h->seq <= p->log->next_seq) {
		p->log->next_seq = h->seq + 1;
		run_held(p, h);
	}
}

/* What does not fit is not acknowledged: its UE sends it again. */
static void hold(struct participant *p, json_t *j, uint64_t seq, uint64_t hash, uint64_t now)
{
	struct app_log *l = p->log;
	unsigned i;

	for (i = 0; i < APP_ACTION_HELD && l->held[i].seq; i++)
		;
	if (i == APP_ACTION_HELD) {
		p->stats.actions_no_room++;
		return;
	}
	l->held[i] = (struct app_held){seq, hash, now, json_incref(j)};
	l->nheld++;
	enter(p, hash);
	p->stats.actions_held++;
}

static void in_order(
	struct participant *p, json_t *j, struct ar_span id, uint64_t hash, uint64_t now)
{
	struct app_log *l = p->log;
	json_int_t seq = json_integer_value(json_object_get(j, "seq"));
	struct app_refusal late = {.code = "late", .reason = "actions after it were done already"};
	unsigned at;

	if (seq < 1) {
		run_now(p, j, id, hash);
		return;
	}
	if (!l->next_seq)
		l->next_seq = 1;
	if ((uint64_t)seq > l->next_seq) {
		hold(p, j, (uint64_t)seq, hash, now);
	} else if ((uint64_t)seq < l->next_seq) {
		at = enter(p, hash);
		settle(p, at, &late);
		acknowledge(p, json_object_get(j, "id"), at);
	} else {
		l->next_seq++;
		run_now(p, j, id, hash);
		drain(p);
	}
}

void app_action_input(struct participant *p, struct ar_span text, uint64_t now)
{
	struct json_strict_error err;
	struct ar_span id = AR_SPAN_NONE;
	json_t *j = NULL;
	char buf[APP_MAX_NAME];
	uint64_t hash;
	int at;

	if (text.n <= APP_MAX_ACTION)
		j = json_strict_load(text, ACTION_DEPTH, &err);
	if (!p->log)
		p->log = calloc(1, sizeof(*p->log));
	if (!p->log || !json_is_object(j) || !read_id(j, buf, sizeof(buf), &id)) {
		p->stats.meta_bad++;
		json_decref(j);
		return;
	}
	hash = hash_id(id);
	at = find_action(p->log, hash);
	if (at >= 0) {
		p->stats.actions_repeated++;
		acknowledge(p, json_object_get(j, "id"), (unsigned)at);
	} else {
		in_order(p, j, id, hash, now);
	}
	json_decref(j);
}

/* A UE that has given up on an action would stop all that follow: they go on without it. */
uint64_t app_action_due(struct participant *p, uint64_t now)
{
	struct app_held *h = p->log && p->log->nheld ? held_first(p->log) : NULL;

	if (!h)
		return AR_NEVER;
	if (now - h->since < APP_ACTION_GAP)
		return h->since + APP_ACTION_GAP;
	p->stats.actions_skipped += h->seq - p->log->next_seq;
	p->log->next_seq = h->seq;
	drain(p);
	h = p->log->nheld ? held_first(p->log) : NULL;
	if (!h)
		return AR_NEVER;
	return h->since + APP_ACTION_GAP > now ? h->since + APP_ACTION_GAP : now + AR_MS;
}

/* Held ones are forgotten, as if they had not come. */
void app_action_reset(struct participant *p)
{
	struct app_log *l = p->log;

	for (unsigned i = 0; l && i < APP_ACTION_HELD; i++) {
		int at = l->held[i].seq ? find_action(l, l->held[i].hash) : -1;

		if (at >= 0)
			l->item[at].hash = 0;
		if (l->held[i].seq)
			json_decref(l->held[i].action);
		l->held[i] = (struct app_held){.seq = 0};
	}
	if (l)
		l->nheld = 0, l->next_seq = 0;
}
