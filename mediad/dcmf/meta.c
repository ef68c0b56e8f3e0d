/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/meta.h"

#include "mediad/dcmf/js.h"

#include <errno.h>

struct scan {
	struct js j;
	meta_handler *h;
	void *arg;
	unsigned n; /* messages so far */
};

/* {"x":..,"y":..,...} into v by letter; *seen has a bit for each. */
static int read_axes(struct js *j, const char *letters, double *v, unsigned *seen)
{
	struct ar_span key;
	bool first = true;
	int rc;

	if (js_enter(j, '{') != 0)
		return -1;
	while ((rc = js_member(j, &first, &key)) == 1) {
		const char *at = key.n == 1 ? strchr(letters, key.p[0]) : NULL;

		if (!at || !*at) {
			rc = js_skip(j);
		} else {
			rc = js_number(j, &v[at - letters]);
			*seen |= 1u << (at - letters);
		}
		if (rc != 0)
			return -1;
	}
	return rc;
}

struct one_pose {
	double p[3], q[4];
	unsigned p_seen, q_seen;
	bool trackable;
	struct ar_span fov, projection;
};

static int read_span(struct js *j, struct ar_span *text)
{
	js_peek(j);
	text->p = j->p;
	if (js_skip(j) != 0)
		return -1;
	text->n = (size_t)(j->p - text->p);
	return 0;
}

static int read_one(struct js *j, struct one_pose *o)
{
	struct ar_span key;
	bool first = true;
	int rc;

	if (js_enter(j, '{') != 0)
		return -1;
	while ((rc = js_member(j, &first, &key)) == 1) {
		if (ar_span_eq(key, AR_SPAN("orientation"))) {
			rc = read_axes(j, "xyzw", o->q, &o->q_seen);
		} else if (ar_span_eq(key, AR_SPAN("position"))) {
			rc = read_axes(j, "xyz", o->p, &o->p_seen);
		} else if (ar_span_eq(key, AR_SPAN("fov"))) {
			rc = read_span(j, &o->fov);
		} else if (ar_span_eq(key, AR_SPAN("projectionMatrix"))) {
			rc = read_span(j, &o->projection);
		} else {
			o->trackable = o->trackable || ar_span_eq(key, AR_SPAN("trackableSpaceId"));
			rc = js_skip(j);
		}
		if (rc != 0)
			return -1;
	}
	return rc;
}

static void take_view(struct meta_pose *m, const struct one_pose *o)
{
	if (o->trackable || m->views == 2)
		return;
	m->fov[m->views] = o->fov;
	m->projection[m->views] = o->projection;
	m->views++;
	if (m->views == 1) {
		m->has_position = o->p_seen == 7;
		m->has_orientation = o->q_seen == 15;
		memcpy(m->p, o->p, sizeof(m->p));
		memcpy(m->q, o->q, sizeof(m->q));
		return;
	}
	m->has_eyes = m->has_position && m->has_orientation && o->p_seen == 7 && o->q_seen == 15;
	memcpy(m->eye[0].p, m->p, sizeof(m->p));
	memcpy(m->eye[0].q, m->q, sizeof(m->q));
	memcpy(m->eye[1].p, o->p, sizeof(o->p));
	memcpy(m->eye[1].q, o->q, sizeof(o->q));
	for (unsigned i = 0; i < 3 && m->has_position && o->p_seen == 7; i++)
		m->p[i] = (m->p[i] + o->p[i]) / 2;
}

/* A whole number of 32 bits; another is as good as none. */
static int read_u32(struct js *j, uint32_t *v, bool *has)
{
	double d;

	if (js_number(j, &d) != 0)
		return -1;
	*has = d >= 0 && d <= UINT32_MAX && d == (double)(uint32_t)d;
	*v = *has ? (uint32_t)d : 0;
	return 0;
}

static int read_poses(struct js *j, struct meta_pose *m)
{
	bool first = true;
	int rc;

	if (js_enter(j, '[') != 0)
		return -1;
	while ((rc = js_item(j, &first)) == 1) {
		struct one_pose o = {.trackable = false};

		if (read_one(j, &o) != 0)
			return -1;
		take_view(m, &o);
	}
	return rc;
}

static int read_entry(struct js *j, struct meta_pose *m)
{
	struct ar_span key;
	bool first = true;
	int rc;

	if (js_enter(j, '{') != 0)
		return -1;
	while ((rc = js_member(j, &first, &key)) == 1) {
		if (ar_span_eq(key, AR_SPAN("poseTime"))) {
			rc = js_number(j, &m->time);
			m->has_time = true;
		} else if (ar_span_eq(key, AR_SPAN("poses"))) {
			rc = read_poses(j, m);
		} else if (ar_span_eq(key, AR_SPAN("rtpTimestamp"))) {
			rc = read_u32(j, &m->rtp, &m->has_rtp);
		} else if (ar_span_eq(key, AR_SPAN("ssrc"))) {
			rc = read_u32(j, &m->ssrc, &m->has_ssrc);
		} else {
			rc = js_skip(j);
		}
		if (rc != 0)
			return -1;
	}
	return rc;
}

/* The first entry with a viewer's pose counts; later ones are predictions for other times. */
static int read_pose_info(struct js *j, struct meta_message *m)
{
	bool first = true;
	int rc;

	if (js_enter(j, '[') != 0)
		return -1;
	m->has_pose = true;
	while ((rc = js_item(j, &first)) == 1) {
		rc = m->pose.views ? js_skip(j) : read_entry(j, &m->pose);
		if (rc != 0)
			return -1;
		if (!m->pose.views)
			m->pose = (struct meta_pose){.views = 0};
	}
	return rc;
}

/* Members that say what a message is, at its top or inside its `message`. 1: none of them. */
static int read_known(struct js *j, struct ar_span key, struct meta_message *m)
{
	if (ar_span_eq(key, AR_SPAN("poseInfo")))
		return read_pose_info(j, m);
	if (ar_span_eq(key, AR_SPAN("action")) && js_peek(j) == '{')
		return read_span(j, &m->action);
	if (ar_span_eq(key, AR_SPAN("resync"))) {
		m->resync = true;
		return js_skip(j);
	}
	return 1;
}

static int read_payload(struct js *j, struct meta_message *m)
{
	struct ar_span key;
	bool first = true;
	int rc;

	if (js_peek(j) != '{')
		return js_skip(j);
	m->body.p = j->p;
	if (js_enter(j, '{') != 0)
		return -1;
	while ((rc = js_member(j, &first, &key)) == 1) {
		rc = read_known(j, key, m);
		if (rc == 1)
			rc = js_skip(j);
		if (rc != 0)
			return -1;
	}
	m->body.n = (size_t)(j->p - m->body.p);
	return rc;
}

static int read_messages(struct scan *s);

static int read_member(
	struct scan *s, struct ar_span key, struct meta_message *m, bool top, bool *envelope)
{
	int rc = read_known(&s->j, key, m);

	if (rc != 1)
		return rc;
	if (ar_span_eq(key, AR_SPAN("type")) && js_peek(&s->j) == '"')
		return js_string(&s->j, &m->type);
	if (ar_span_eq(key, AR_SPAN("message")))
		return read_payload(&s->j, m);
	if (top && ar_span_eq(key, AR_SPAN("messages"))) {
		*envelope = true;
		return read_messages(s);
	}
	return js_skip(&s->j);
}

static int read_message(struct scan *s, bool top)
{
	struct meta_message m = {.type = AR_SPAN_NONE};
	struct ar_span key;
	bool first = true, envelope = false;
	int rc;

	if (js_enter(&s->j, '{') != 0)
		return -1;
	while ((rc = js_member(&s->j, &first, &key)) == 1) {
		rc = read_member(s, key, &m, top, &envelope);
		if (rc != 0)
			return rc;
	}
	if (rc != 0 || envelope)
		return rc;
	if (top && !js_done(&s->j))
		return -1;
	if (++s->n > META_MAX_MESSAGES)
		return -E2BIG;
	s->h(s->arg, &m);
	return 0;
}

static int read_messages(struct scan *s)
{
	bool first = true;
	int rc;

	if (js_enter(&s->j, '[') != 0)
		return -1;
	while ((rc = js_item(&s->j, &first)) == 1) {
		rc = read_message(s, false);
		if (rc != 0)
			return rc;
	}
	return rc;
}

int meta_scan(struct ar_span text, meta_handler *h, void *arg)
{
	struct scan s = {.j = {text.p, text.p + text.n, 0}, .h = h, .arg = arg};
	int rc;

	if (text.n > META_MAX_BYTES)
		return -E2BIG;
	if (text.n == 0)
		return -EBADMSG;
	rc = read_message(&s, true);
	if (rc == 0 && !js_done(&s.j))
		rc = -1;
	return rc == 0 ? 0 : rc == -E2BIG ? rc : -EBADMSG;
}

/* ---- lenses ---- */

bool meta_read_fov(struct ar_span text, float angle[4])
{
	static const char *const name[4] = {"angleLeft", "angleRight", "angleUp", "angleDown"};
	struct js j = {text.p, text.p + text.n, 0};
	bool first = true;
	unsigned seen = 0;
	struct ar_span key;

	if (!text.p || js_enter(&j, '{') != 0)
		return false;
	while (js_member(&j, &first, &key) == 1) {
		unsigned i = 0;
		double v;

		while (i < 4 && !ar_span_eq(key, ar_span_str(name[i])))
			i++;
		if (i == 4 && js_skip(&j) == 0)
			continue;
		if (i == 4 || js_number(&j, &v) != 0)
			return false;
		angle[i] = (float)v;
		seen |= 1u << i;
	}
	return seen == 15;
}

bool meta_read_projection(struct ar_span text, float m[16])
{
	struct js j = {text.p, text.p + text.n, 0};
	bool first = true;
	unsigned n = 0;
	double v;

	if (!text.p || js_enter(&j, '[') != 0)
		return false;
	while (js_item(&j, &first) == 1) {
		if (n == 16 || js_number(&j, &v) != 0)
			return false;
		m[n++] = (float)v;
	}
	return n == 16;
}
