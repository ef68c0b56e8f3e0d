/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/plan_json.h"

#include <errno.h>

/* ---- writing ---- */

static json_t *span_json(struct ar_span s)
{
	return json_stringn(s.p ? s.p : "", s.n);
}

/* Takes over value; 0 or -1. */
static int put(json_t *o, const char *key, json_t *value)
{
	return value ? json_object_set_new(o, key, value) : -1;
}

static json_t *pair_json(const struct ar_span s[2])
{
	json_t *a = json_array();

	if (!a || json_array_append_new(a, span_json(s[0])) != 0 ||
		json_array_append_new(a, span_json(s[1])) != 0) {
		json_decref(a);
		return NULL;
	}
	return a;
}

static json_t *section_json(const struct ar_plan_section *sec)
{
	json_t *o = json_object();
	int err = o ? 0 : -1;

	if (!err)
		err = put(o, sec->pass ? "pass" : "from", json_integer(sec->from));
	if (!err && !sec->pass)
		err = put(o, "text", span_json(sec->text));
	if (!err && sec->alt.p)
		err = put(o, "alt", span_json(sec->alt));
	if (!err && sec->carry)
		err = put(o, "carry", json_true());
	if (!err && sec->carry && sec->ssrc_mask)
		err = put(o, "ssrc_mask", json_integer(sec->ssrc_mask));
	if (err) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *recipe_json(const struct ar_recipe *r)
{
	json_t *o = json_object(), *a = json_array();
	int err = o && a ? 0 : -1;

	for (unsigned i = 0; i < r->n && !err; i++)
		err = json_array_append_new(a, section_json(&r->sec[i]));
	if (!err && r->ice_lite)
		err = put(o, "ice_lite", json_true());
	if (!err)
		err = json_object_set(o, "sec", a);
	json_decref(a);
	if (err) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *answers_json(const struct ar_plan *p)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < p->nanswer && a; i++) {
		if (json_array_append_new(a, recipe_json(&p->answer[i])) != 0) {
			json_decref(a);
			return NULL;
		}
	}
	return a;
}

static json_t *answer_for_json(const struct ar_plan *p)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < AR_OUTCOMES && o; i++) {
		if (put(o, ar_outcome_name(i), json_integer(p->answer_for[i])) != 0) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

static const char *const side_names[] = {"a", "b"};

json_t *ar_plan_to_json(const struct ar_plan *p)
{
	json_t *o = json_object();
	int err = o ? 0 : -1;

	if (!err)
		err = put(o, "ref", json_string(p->ref));
	if (!err)
		err = put(o, "offerer", json_string(side_names[p->offerer == AR_SIDE_B]));
	if (!err)
		err = put(o, "drop_group", json_boolean(p->drop_group));
	if (!err && p->settled)
		err = put(o, "settled", json_string(ar_outcome_name(p->settled - 1)));
	if (!err)
		err = put(o, "session_id", pair_json(p->session_id));
	if (!err)
		err = put(o, "origin_addr", pair_json(p->origin_addr));
	if (!err && (p->group[0].n || p->group[1].n))
		err = put(o, "group", pair_json(p->group));
	if (!err)
		err = put(o, "offer", recipe_json(&p->offer));
	if (!err)
		err = put(o, "answers", answers_json(p));
	if (!err)
		err = put(o, "answer_for", answer_for_json(p));
	if (err) {
		json_decref(o);
		return NULL;
	}
	return o;
}

/* ---- reading: a NULL result is fine, else static text of what is wrong ---- */

static bool get_span(const json_t *j, struct ar_span *out)
{
	if (!json_is_string(j))
		return false;
	*out = (struct ar_span){json_string_value(j), json_string_length(j)};
	return true;
}

static const char *read_pair(const json_t *j, struct ar_span out[2], const char *why)
{
	if (!json_is_array(j) || json_array_size(j) != 2 ||
		!get_span(json_array_get(j, 0), &out[0]) ||
		!get_span(json_array_get(j, 1), &out[1]))
		return why;
	return NULL;
}

static const char *read_index(const json_t *j, int16_t *out)
{
	json_int_t v = json_integer_value(j);

	if (!json_is_integer(j) || v < -1 || v >= AR_PLAN_MAX_SECTIONS)
		return "section index is no number in range";
	*out = (int16_t)v;
	return NULL;
}

static const char *read_section(const json_t *j, struct ar_plan_section *sec)
{
	const json_t *pass = json_object_get(j, "pass"), *from = json_object_get(j, "from");
	const json_t *text = json_object_get(j, "text"), *alt = json_object_get(j, "alt");
	json_int_t mask = json_integer_value(json_object_get(j, "ssrc_mask"));

	if (!json_is_object(j) || !pass == !text)
		return "a section has either pass or text";
	sec->pass = pass != NULL;
	if (mask < 0 || mask > UINT32_MAX)
		return "ssrc_mask is out of range";
	sec->carry = json_is_true(json_object_get(j, "carry"));
	sec->ssrc_mask = (uint32_t)mask;
	sec->from = -1;
	if (alt && !get_span(alt, &sec->alt))
		return "alt is no string";
	if (pass)
		return read_index(pass, &sec->from);
	if (!get_span(text, &sec->text))
		return "text is no string";
	return from ? read_index(from, &sec->from) : NULL;
}

static const char *read_recipe(const json_t *j, struct ar_recipe *r, struct ar_plan_room *room)
{
	const json_t *sec = json_object_get(j, "sec");
	const char *why = NULL;

	if (!json_is_array(sec))
		return "recipe without its list sec";
	if (json_array_size(sec) > AR_PLAN_MAX_SECTIONS)
		return "too many sections";
	r->n = (unsigned)json_array_size(sec);
	r->ice_lite = json_is_true(json_object_get(j, "ice_lite"));
	r->sec = ar_plan_room_take(room, r->n);
	if (!r->sec)
		return "too many sections";
	for (unsigned i = 0; i < r->n && !why; i++)
		why = read_section(json_array_get(sec, i), &r->sec[i]);
	return why;
}

static const char *read_answers(const json_t *j, struct ar_plan *p, struct ar_plan_room *room)
{
	const char *why = NULL;

	if (!json_is_array(j) || json_array_size(j) < 1 || json_array_size(j) > AR_OUTCOMES)
		return "answers is no list, empty or too long";
	p->nanswer = (unsigned)json_array_size(j);
	for (unsigned i = 0; i < p->nanswer && !why; i++)
		why = read_recipe(json_array_get(j, i), &p->answer[i], room);
	return why;
}

static const char *read_answer_for(const json_t *j, struct ar_plan *p)
{
	for (unsigned i = 0; i < AR_OUTCOMES; i++) {
		const json_t *v = json_object_get(j, ar_outcome_name(i));
		json_int_t n = json_integer_value(v);

		if (!json_is_integer(v) || n < 0 || n >= p->nanswer)
			return "answer_for lacks an outcome or names an answer that is not there";
		p->answer_for[i] = (uint8_t)n;
	}
	return NULL;
}

static const char *read_settled(const json_t *j, struct ar_plan *p)
{
	struct ar_span name;

	if (!j)
		return NULL;
	for (unsigned i = 0; i < AR_OUTCOMES && get_span(j, &name); i++) {
		if (ar_span_eq(name, ar_span_str(ar_outcome_name(i))))
			p->settled = (uint8_t)(1 + i);
	}
	return p->settled ? NULL : "settled is no outcome";
}

static const char *read_head(const json_t *j, struct ar_plan *p)
{
	struct ar_span ref, offerer;

	if (!json_is_object(j))
		return "plan is no object";
	if (!get_span(json_object_get(j, "ref"), &ref) || ref.n > AR_PLAN_REF_LEN)
		return "ref is no string or too long";
	memcpy(p->ref, ref.p, ref.n);
	if (!get_span(json_object_get(j, "offerer"), &offerer) ||
		(!ar_span_eq(offerer, AR_SPAN("a")) && !ar_span_eq(offerer, AR_SPAN("b"))))
		return "offerer is neither a nor b";
	p->offerer = offerer.p[0] == 'b' ? AR_SIDE_B : AR_SIDE_A;
	p->drop_group = json_is_true(json_object_get(j, "drop_group"));
	return read_settled(json_object_get(j, "settled"), p);
}

static const char *read_plan(const json_t *j, struct ar_plan *p, struct ar_plan_room *room)
{
	const json_t *group = json_object_get(j, "group");
	const char *why = read_head(j, p);

	if (!why)
		why = read_pair(json_object_get(j, "session_id"), p->session_id,
			"session_id is no pair of strings");
	if (!why)
		why = read_pair(json_object_get(j, "origin_addr"), p->origin_addr,
			"origin_addr is no pair of strings");
	if (!why && group)
		why = read_pair(group, p->group, "group is no pair of strings");
	if (!why)
		why = read_recipe(json_object_get(j, "offer"), &p->offer, room);
	if (!why)
		why = read_answers(json_object_get(j, "answers"), p, room);
	if (!why)
		why = read_answer_for(json_object_get(j, "answer_for"), p);
	return why;
}

int ar_plan_from_json(
	struct ar_plan *p, struct ar_plan_room *room, const json_t *j, const char **why)
{
	const char *fault;

	memset(p, 0, sizeof(*p));
	room->used = 0;
	fault = read_plan(j, p, room);
	if (fault) {
		if (why)
			*why = fault;
		return -EBADMSG;
	}
	return ar_plan_check(p, why);
}
