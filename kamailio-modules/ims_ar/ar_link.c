/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_link.h"

#include "ar_conn.h"
#include "ar_evroute.h"
#include "ar_layout.h"
#include "ar_report.h"
#include "ar_resync.h"
#include "ar_stat.h"
#include "ar_through.h"

#include "common/ar_ids.h"

#include "../../core/cfg/cfg_struct.h"
#include "../../core/dprint.h"

#include "common/plan_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK 100 /* ms, longest sleep */
#define SWEEP_PARTS 5 /* the table is swept once in SWEEP_PARTS ticks */
#define MAX_TRIES 2 /* asd that one offer is given to */

struct ar_link {
	struct ar_conn conn[AR_ASD_MAX];
	struct ar_ids asked; /* jobs that wait for an answer */
	struct ar_plan_room room;
	unsigned swept;
	int64_t next_sweep;
	struct ar_resync resync;
};

static struct ar_link link_;

bool ar_link_is_up(void)
{
	return ar_link_state && ar_link_state->nup > 0;
}

unsigned ar_link_asd_of(struct ar_span callid)
{
	return ar_hash32(callid.p, callid.n) % (unsigned)ar_conf.nasd;
}

/* ---- jobs */

static int64_t call_expiry(void)
{
	return ar_now_ms() + (int64_t)ar_conf.call_ttl * 1000;
}

static int64_t ring_expiry(int64_t now)
{
	return now + (int64_t)ar_conf.ring_ttl * 1000;
}

void ar_link_open_through(const struct ar_msg_key *k, enum ar_side side)
{
	struct ar_msg_key a = *k;

	if (side == AR_SIDE_B)
		a.from_tag = k->to_tag;
	/* the call may be over; an answer makes that longer */
	ar_through_reopen(&a, ring_expiry(ar_now_ms()));
}

static void decided(struct ar_job *j, int status, const char *reason)
{
	if (j->through) { /* asd or not, the request goes on as it is */
		ar_link_open_through(&j->key, j->side);
		j->action = AR_ACTION_ELSEWHERE;
		status = AR_STATUS_OK;
	}
	j->status = status;
	if (reason)
		snprintf(j->reason, sizeof(j->reason), "%s", reason);
	if (ar_conf.resume_workers > 0)
		ar_jobs_push_resume(j);
	else
		ar_resume(j);
}

static struct ar_conn *choose(unsigned preferred)
{
	for (int i = 0; i < ar_conf.nasd; i++) {
		struct ar_conn *c = &link_.conn[(preferred + (unsigned)i) % (unsigned)ar_conf.nasd];

		if (c->phase == AR_CONN_UP)
			return c;
	}
	return NULL;
}

static int ask(struct ar_conn *c, struct ar_job *j)
{
	uint32_t id;
	int rc = ar_ids_add(&link_.asked, j, &id);

	if (rc < 0)
		return rc;
	j->asd = c->index;
	j->tries++;
	j->wire_id = id;
	rc = ar_conn_request(c, id, j->json);
	if (rc < 0)
		ar_ids_remove(&link_.asked, id);
	return rc;
}

static void take_offer(struct ar_job *j)
{
	struct ar_conn *c = choose(j->asd);
	int rc = c ? ask(c, j) : -ENOTCONN;

	if (rc == 0) {
		if (j->tries == 1 && !j->map)
			AR_COUNT(offers);
		return;
	}
	if (rc == -ENOTCONN)
		AR_COUNT(offers_away);
	else
		AR_COUNT(offers_failed);
	decided(j, rc == -ENOTCONN ? AR_STATUS_AWAY : AR_STATUS_ERROR,
		rc == -EMSGSIZE   ? "offer too long for the link"
		: rc == -ENOTCONN ? "asd is not connected"
				  : "no memory");
}

static void take_offers(void)
{
	struct ar_job *j = ar_jobs_take_offers(), *next;

	for (; j; j = next) {
		next = j->next;
		take_offer(j);
	}
}

/* The plan goes into shared memory before the route runs, since the route applies it. */
static void store(struct ar_job *j, const struct ar_wire_verdict *v)
{
	const struct ar_plan *plan = v->action == AR_ACTION_AR ? &v->plan : NULL;
	int rc = 0;

	if (v->action == AR_ACTION_DENY)
		ar_calls_drop(&j->key);
	else if (plan || j->initial)
		rc = ar_calls_decide(&j->key, plan, j->asd, ring_expiry(ar_now_ms()));
	if (rc == 0) {
		decided(j, AR_STATUS_OK, v->reason);
		return;
	}
	if (rc == -ENOENT && plan) {
		ar_report_gone(j);
		if (j->initial) { /* the caller has hung up while asd thought */
			AR_COUNT(offers_gone);
			ar_job_free(j);
			return;
		} /* else BYE has come: the transaction still wants an answer */
	}
	decided(j, AR_STATUS_ERROR, rc == -ENOMEM ? "no shared memory" : "transaction has ended");
}

static void count_action(enum ar_wire_action a)
{
	if (a == AR_ACTION_AR)
		AR_COUNT(offers_ar);
	else if (a == AR_ACTION_PLAIN)
		AR_COUNT(offers_plain);
	else
		AR_COUNT(offers_denied);
}

static int map_parse(const json_t *j, struct ar_plan *plan, uint64_t version[2], const char **why)
{
	const json_t *p = json_object_get(j, "plan"), *v = json_object_get(j, "version");

	*why = "no plan or no versions";
	if (!p || json_array_size(v) != 2)
		return -EBADMSG;
	for (size_t i = 0; i < 2; i++)
		version[i] = (uint64_t)json_integer_value(json_array_get(v, i));
	return ar_plan_from_json(plan, &link_.room, p, why);
}

/* An offer that comes later than the request cannot have been given to the relay yet. */
static void restore_lines(const struct ar_job *j, enum ar_layout_pass pass, const json_t *answer)
{
	const char *text =
		json_string_value(json_array_get(json_object_get(answer, "relay"), (size_t)pass));

	if (text)
		ar_layout_restore(j->key.callid, pass, ar_span_str(text), !j->bare, call_expiry());
}

/* What asd says of a call that this Kamailio had before its restart. *side: who sends the offer. */
static int restore(struct ar_conn *c, struct ar_job *j, const json_t *answer, enum ar_side *side)
{
	const char *tag = json_string_value(json_object_get(answer, "from_tag")), *why = "";
	struct ar_msg_key k = j->key;
	struct ar_restore r = {.asd = c->index,
		.inside = json_is_true(json_object_get(answer, "inside")),
		.spiral = json_is_true(json_object_get(answer, "spiral")),
		.expires = call_expiry()};
	struct ar_plan plan;
	int rc = tag ? map_parse(answer, &plan, r.version, &why) : -EBADMSG;

	if (rc == 0) {
		*side = ar_span_eq(j->key.from_tag, ar_span_str(tag)) ? AR_SIDE_A : AR_SIDE_B;
		k.from_tag = ar_span_str(tag);
		if (*side == AR_SIDE_B)
			k.to_tag = j->key.from_tag;
		r.map = &plan;
		rc = ar_calls_restore(&k, &r);
	}
	if (rc == 0)
		restore_lines(j, AR_LAYOUT_ANCHORED, answer);
	if (rc == 0 && json_is_true(json_object_get(answer, "released")))
		ar_calls_release(k.callid, k.id);
	if (rc < 0)
		AR_LIMITED(LM_ERR, "call %s: no map from asd %s: %s\n", k.id, c->address, why);
	return rc;
}

/* Bit for each section to side B that is the media function's, audio or video. */
static uint32_t armf_sections(const struct ar_plan *map)
{
	struct ar_plan_dir d = {.answer = map->offerer == AR_SIDE_B,
		.outcome = map->settled ? map->settled - 1 : AR_OUTCOME_AR_CAPABLE};
	const struct ar_recipe *r = ar_plan_recipe(map, d);
	uint32_t bits = 0;

	for (unsigned i = 0; i < r->n && i < 32; i++)
		if (!r->sec[i].pass && ar_sdp_attr(r->sec[i].text, AR_PLAN_ARMF_ATTR).p)
			bits |= 1u << i;
	return bits;
}

/* What another pass needs of such an answer. False: no map is in it, the call is not known there.
 */
static bool restore_through(const struct ar_job *j, const json_t *answer)
{
	const char *tag = json_string_value(json_object_get(answer, "from_tag")), *why;
	struct ar_msg_key k = j->key;
	struct ar_plan map;
	uint64_t version[2];

	if (!tag || map_parse(answer, &map, version, &why) < 0)
		return false;
	k.from_tag = ar_span_str(tag);
	ar_through_restore(&k, j->asd, armf_sections(&map), call_expiry());
	restore_lines(j, AR_LAYOUT_THROUGH, answer);
	return true;
}

/* Of several asd another one may have the call. */
static void through_answered(struct ar_job *j, const json_t *answer)
{
	if (!restore_through(j, answer) && j->tries < (unsigned)ar_conf.nasd) {
		j->asd = (j->asd + 1) % (unsigned)ar_conf.nasd;
		take_offer(j);
		return;
	}
	decided(j, AR_STATUS_OK, NULL);
}

static void map_answered(struct ar_conn *c, struct ar_job *j, const json_t *answer)
{
	enum ar_side side;
	int rc;

	if (j->through) {
		through_answered(j, answer);
		return;
	}
	if (!json_is_true(json_object_get(answer, "ok"))) {
		decided(j, AR_STATUS_OK, "asd does not know the call");
		return;
	}
	rc = restore(c, j, answer, &side);
	if (rc == 0) /* planned from the map when the script asks for the description */
		rc = ar_calls_offer(&j->key, side, false, ring_expiry(ar_now_ms()));
	decided(j, rc < 0 ? AR_STATUS_ERROR : AR_STATUS_OK, NULL);
}

/* The call has another name than this offer was given. */
static bool take_name(struct ar_job *j, const json_t *answer)
{
	const char *id = json_string_value(json_object_get(answer, "call"));

	if (!id || strlen(id) != AR_CALL_ID_LEN)
		return false;
	memcpy(j->key.id, id, AR_CALL_ID_LEN + 1);
	return true;
}

/*
 * An offer that seemed to make an AR call of an ordinary one, but asd has that call: this Kamailio
 * was restarted, and such a call has nothing in its route set. With both UEs here a request of side
 * B is in its first pass now: it goes on as it is, with the mark, and the last pass is the anchored
 * one (ar_pass.c).
 */
static void known_answered(struct ar_conn *c, struct ar_job *j, const json_t *answer)
{
	enum ar_side side = AR_SIDE_A;
	int rc = -EBADMSG;
	bool spiral;

	ar_calls_drop(&j->key);
	j->initial = false;
	if (take_name(j, answer))
		rc = restore(c, j, answer, &side);
	j->action = AR_ACTION_AR;
	spiral = rc == 0 && json_is_true(json_object_get(answer, "spiral"));
	if (spiral)
		(void)restore_through(j, answer);
	if (spiral && side == AR_SIDE_B) {
		j->action = AR_ACTION_ELSEWHERE;
		j->mark = true;
	} else if (rc == 0) {
		rc = ar_calls_offer(&j->key, side, false, ring_expiry(ar_now_ms()));
	}
	if (rc < 0)
		j->action = AR_ACTION_REFUSE;
	decided(j, AR_STATUS_OK, rc < 0 ? "the call was not known here" : NULL);
}

/* False: it is an ordinary verdict. */
static bool anchored_before(
	struct ar_conn *c, struct ar_job *j, const struct ar_wire_verdict *v, const json_t *answer)
{
	if (v->action == AR_ACTION_KNOWN) {
		known_answered(c, j, answer);
		return true;
	}
	if (v->action != AR_ACTION_ELSEWHERE)
		return false;
	ar_calls_drop(&j->key);
	if (j->key.to_tag.n) {
		if (take_name(j, answer))
			(void)restore_through(j, answer);
		ar_calls_elsewhere(&j->key, call_expiry());
	}
	decided(j, AR_STATUS_OK, v->reason);
	return true;
}

static void offer_answered(struct ar_conn *c, struct ar_job *j, const json_t *answer)
{
	struct ar_wire_verdict v;
	const char *why = "";
	int rc = ar_wire_verdict(answer, &v, &link_.room, &why);

	if (rc < 0) {
		AR_COUNT(offers_failed);
		AR_LIMITED(LM_ERR, "call %s: asd %s %s: %s\n", j->key.id, c->address,
			rc == -ECANCELED ? "could not decide" : "sent a wrong answer", why);
		decided(j, AR_STATUS_ERROR, why);
		return;
	}
	j->action = v.action;
	j->code = v.code;
	snprintf(j->rule, sizeof(j->rule), "%s", v.rule);
	snprintf(j->headers, sizeof(j->headers), "%s", v.headers);
	if (anchored_before(c, j, &v, answer))
		return;
	count_action(v.action);
	store(j, &v);
}

static int on_frame(struct ar_conn *c, const json_t *j, void *arg)
{
	const char *cmd = json_string_value(json_object_get(j, "cmd"));
	const char *call = json_string_value(json_object_get(j, "call"));
	const char *callid = json_string_value(json_object_get(j, "callid"));
	json_int_t id = json_integer_value(json_object_get(j, "id"));
	struct ar_job *job;

	(void)arg;
	if (cmd) { /* asd's own; others may come with later versions */
		if (strcmp(cmd, "release") == 0 && call && callid)
			ar_calls_release(ar_span_str(callid), call);
		return 0;
	}
	if (id <= 0)
		return -EBADMSG;
	if (id > UINT32_MAX)
		return 0; /* resync, or a ping from before */
	job = ar_ids_get(&link_.asked, (uint32_t)id);
	if (!job)
		return 0; /* too late: its deadline has passed, and asd has been told `gone` */
	if (job->asd != c->index)
		return -EBADMSG;
	ar_ids_remove(&link_.asked, (uint32_t)id);
	if (job->map)
		map_answered(c, job, j);
	else
		offer_answered(c, job, j);
	return 0;
}

/* ---- up and down */

static void publish(void)
{
	struct ar_job *j;
	uint32_t pos = 0;
	int64_t due = 0;
	int nup = 0;

	for (int i = 0; i < ar_conf.nasd; i++) {
		struct ar_asd_state *s = &ar_link_state->asd[i];
		const struct ar_conn *c = &link_.conn[i];

		s->inflight = 0;
		s->unacked = c->unacked;
		snprintf(s->why, sizeof(s->why), "%s", c->why);
		nup += c->phase == AR_CONN_UP;
	}
	while ((j = ar_ids_next(&link_.asked, &pos))) {
		ar_link_state->asd[j->asd].inflight++;
		if (!due || j->deadline < due)
			due = j->deadline;
	}
	__atomic_store_n(&ar_link_state->due, due, __ATOMIC_RELAXED);
	ar_link_state->nup = nup;
}

static void on_up(struct ar_conn *c, void *arg)
{
	struct ar_asd_state *s = &ar_link_state->asd[c->index];

	(void)arg;
	AR_COUNT(link_up);
	if (s->downs) /* what happened meanwhile may have been told another asd */
		link_.resync.wanted[c->index] = true;
	s->up = 1;
	s->since = ar_now_ms();
	snprintf(s->instance, sizeof(s->instance), "%s", c->peer_instance);
	snprintf(s->version, sizeof(s->version), "%s", c->peer_version);
	publish();
	ar_event_route("ims_ar:asd-up", c->address);
}

static void ask_again(struct ar_job *j)
{
	if (j->tries < MAX_TRIES) {
		take_offer(j);
		return;
	}
	AR_COUNT(offers_failed);
	decided(j, AR_STATUS_AWAY, "asd went away");
}

/* What waited for this asd goes to another one, once; else the script is told at once. */
static void on_down(struct ar_conn *c, void *arg)
{
	struct ar_asd_state *s = &ar_link_state->asd[c->index];
	struct ar_event *e = NULL, *next;
	struct ar_job *j;
	uint32_t pos = 0;

	(void)arg;
	AR_COUNT(link_down);
	s->up = 0;
	s->since = ar_now_ms();
	s->downs++;
	publish();
	while ((j = ar_ids_next(&link_.asked, &pos)))
		if (j->asd == c->index) {
			ar_ids_remove(&link_.asked, j->wire_id);
			ask_again(j);
		}
	if (choose(c->index))
		e = ar_conn_take_events(c);
	for (; e; e = next) {
		next = e->next;
		ar_conn_event(choose(c->index), e);
	}
	ar_event_route("ims_ar:asd-down", c->address);
}

/* ---- the loop */

static void late(int64_t now)
{
	struct ar_job *j;
	uint32_t pos = 0;

	while ((j = ar_ids_next(&link_.asked, &pos))) {
		if (j->deadline > now)
			continue;
		ar_ids_remove(&link_.asked, j->wire_id);
		AR_COUNT(offers_timeout);
		if (!j->initial)
			AR_LIMITED(LM_ERR, "%.*s: no answer from asd %s in time\n",
				(int)j->key.callid.n, j->key.callid.p, link_.conn[j->asd].address);
		if (!j->map)
			ar_report_gone(j); /* whatever asd reserves for it must be freed */
		decided(j, AR_STATUS_TIMEOUT, "no answer in time");
	}
}

static void take_events(void)
{
	struct ar_event *e = ar_events_take(), *next;

	for (; e; e = next) {
		struct ar_conn *c = choose(e->asd);

		next = e->next;
		/* with no asd there it waits at the one that has the call */
		ar_conn_event(c ? c : &link_.conn[e->asd % (unsigned)ar_conf.nasd], e);
	}
}

static void on_expired(const struct ar_call_info *i, void *arg)
{
	(void)arg;
	AR_COUNT(expired);
	ar_report_expired(i);
}

static void sweep(int64_t now)
{
	unsigned size = 1u << ar_conf.hash_size;

	if (now < link_.next_sweep)
		return;
	link_.next_sweep = now + TICK;
	link_.swept = ar_calls_sweep(
		link_.swept, (size + SWEEP_PARTS - 1) / SWEEP_PARTS, now, on_expired, NULL);
}

static int sleep_ms(int64_t next, int64_t now)
{
	if (next <= now)
		return 0;
	return next - now < TICK ? (int)(next - now) : TICK;
}

static void turn(const struct ar_conn_handler *h)
{
	struct pollfd p[AR_ASD_MAX + 1];
	int64_t now = ar_now_ms(), next = now + TICK;

	for (int i = 0; i < ar_conf.nasd; i++) {
		int64_t due = ar_conn_poll(&link_.conn[i], &p[i]);

		next = due < next ? due : next;
	}
	p[ar_conf.nasd] = (struct pollfd){.fd = ar_jobs_offer_fd(), .events = POLLIN};
	if (poll(p, (nfds_t)ar_conf.nasd + 1, sleep_ms(next, now)) < 0 && errno != EINTR)
		LM_ERR("poll: %s\n", strerror(errno));
	cfg_update();
	now = ar_now_ms();
	take_offers();
	take_events();
	for (int i = 0; i < ar_conf.nasd; i++)
		ar_conn_run(&link_.conn[i], p[i].revents, now, h);
	late(now);
	sweep(now);
	ar_resync_run(&link_.resync, link_.conn, ar_conf.nasd, now);
	publish();
}

void ar_link_run(void)
{
	const struct ar_conn_handler h = {.up = on_up, .down = on_down, .frame = on_frame};

	ar_ids_init(&link_.asked, AR_IDS_MAX);
	ar_link_state->pid = getpid();
	for (int i = 0; i < ar_conf.nasd; i++)
		ar_conn_init(&link_.conn[i], (unsigned)i, ar_conf.asd[i], ar_conf.name,
			ar_link_state->instance);
	for (;;)
		turn(&h);
}
