/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_report.h"

#include <stdlib.h>

static const char *side_name(enum ar_side s)
{
	return s == AR_SIDE_A ? "a" : "b";
}

/* Only a hint may wait for the next tick. */
static void push(unsigned asd, const struct ar_wire_event *e, bool urgent)
{
	char *text = ar_wire_event(e);

	ar_event_push(asd, text, urgent);
	free(text);
}

static void from_key(struct ar_wire_event *e, const struct ar_msg_key *k)
{
	e->callid = k->callid;
	e->from_tag = k->from_tag;
	e->to_tag = k->to_tag;
	e->cseq = k->cseq;
	e->has_cseq = true;
}

static void method_text(char *buf, size_t cap, struct ar_span m)
{
	size_t n = m.n < cap - 1 ? m.n : cap - 1;

	memcpy(buf, m.p ? m.p : "", n);
	buf[n] = 0;
}

static void from_view(struct ar_wire_event *e, const struct ar_view *v, char *method, size_t cap)
{
	from_key(e, &v->key);
	method_text(method, cap, v->method);
	e->method = method;
	e->contact = v->contact;
	e->sdp = v->body;
	e->has_hash = v->body.n > 0;
	e->hash = ar_hash32(v->body.p, v->body.n);
}

void ar_report_answer(const struct ar_view *v, const struct ar_use *u, const char *outcome)
{
	char method[16];
	struct ar_wire_event e = {.ev = v->status >= 200 ? "answered" : "early",
		.call = u->id,
		.initial = u->initial,
		.status = v->status,
		.side = side_name(ar_other_side(u->offerer)),
		.outcome = outcome};
	char origin[2][AR_ORIGIN_MAX];

	if (u->inside) {
		ar_calls_origin_text(&v->key, origin);
		e.origin_a = origin[0];
		e.origin_b = origin[1];
		e.spiral = u->spiral;
	}
	from_view(&e, v, method, sizeof(method));
	push(u->asd, &e, true);
}

void ar_report_offer(const struct ar_view *v, const struct ar_use *u)
{
	char method[16];
	struct ar_wire_event e = {.ev = "offer", .call = u->id, .side = side_name(u->offerer)};

	from_view(&e, v, method, sizeof(method));
	push(u->asd, &e, true);
}

void ar_report_failed(
	const struct ar_msg_key *k, const char *method, int status, const struct ar_ended *ended)
{
	struct ar_wire_event e = {.ev = "failed",
		.call = ended->id,
		.method = method,
		.status = status,
		.initial = ended->initial};

	from_key(&e, k);
	push(ended->asd, &e, true);
}

void ar_report_cancelled(const struct ar_msg_key *k, const struct ar_ended *ended)
{
	struct ar_wire_event e = {.ev = "cancelled",
		.call = ended->id,
		.method = "INVITE",
		.initial = ended->initial};

	from_key(&e, k);
	push(ended->asd, &e, false);
}

void ar_report_bye(const struct ar_msg_key *k, const struct ar_ended *ended)
{
	struct ar_wire_event e = {.ev = "bye", .call = ended->id};

	from_key(&e, k);
	e.has_cseq = false;
	push(ended->asd, &e, true);
}

void ar_report_gone(const struct ar_job *j)
{
	struct ar_wire_event e = {
		.ev = "gone", .call = j->key.id, .initial = j->initial, .side = side_name(j->side)};

	from_key(&e, &j->key);
	push(j->asd, &e, true);
}

void ar_report_relay(struct ar_span callid, const char *id, unsigned asd, enum ar_layout_pass pass)
{
	char text[AR_LAYOUT_TEXT];
	struct ar_wire_event e = {.ev = "relay",
		.call = id,
		.callid = callid,
		.pass = pass == AR_LAYOUT_ANCHORED ? "anchored" : "through",
		.relay = text};

	ar_layout_text(callid, pass, text);
	push(asd, &e, true);
}

void ar_report_expired(const struct ar_call_info *i)
{
	struct ar_wire_event e = {
		.ev = "gone", .call = i->id, .callid = i->callid, .from_tag = i->tag_a};

	push(i->asd, &e, true);
}
