/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_pass.h"

#include "ar_conf.h"
#include "ar_mark.h"
#include "ar_through.h"

static bool is_live(const struct ar_use *u)
{
	return u->state != AR_CALL_PLAIN && u->state != AR_CALL_DEAD;
}

static int64_t call_expiry(void)
{
	return ar_now_ms() + (int64_t)ar_conf.call_ttl * 1000;
}

/* A request of side A, anchored before it came here. again: in the call's other pass, so all is
 * known. */
static void open_through(const struct ar_view *v, const char *id, bool again)
{
	struct ar_msg_key a = v->key;

	memcpy(a.id, id, sizeof(a.id));
	if (again)
		ar_through_open(&a, call_expiry());
	else
		ar_through_reopen(&a, call_expiry());
}

/* Or asks for one. */
static bool offers(const struct ar_view *v)
{
	return v->key.method == METHOD_INVITE || (v->key.method == METHOD_UPDATE && v->body.p);
}

/* The first pass of a request sets the mark, the second one sees and removes it. */
static enum ar_where by_mark(
	struct sip_msg *msg, const struct ar_view *v, const struct ar_use *u, bool act)
{
	char id[AR_CALL_ID_LEN + 1];
	bool again = ar_mark_check(msg, v, id) == AR_MARK_OURS && strcmp(id, u->id) == 0;
	bool here = u->offerer == AR_SIDE_A ? !again : again || !u->spiral;

	if (!act)
		return here ? AR_WHERE_HERE : AR_WHERE_THERE;
	if (again)
		ar_mark_strip(msg);
	if (here)
		return AR_WHERE_HERE;
	if (again) {
		ar_calls_spiral(v->key.callid, u->id);
		open_through(v, u->id, true);
	} else {
		ar_mark_add(msg, v, u->id);
	}
	return AR_WHERE_THERE;
}

/* No call here: a mark, which only requests of side A have, says that another Kamailio has it. */
static enum ar_where by_other_mark(struct sip_msg *msg, struct ar_view *v, bool act)
{
	char id[AR_CALL_ID_LEN + 1];

	if (ar_mark_check(msg, v, id) != AR_MARK_OURS)
		return AR_WHERE_UNKNOWN;
	if (act) {
		ar_mark_strip(msg);
		open_through(v, id, false);
		ar_calls_elsewhere(&v->key, call_expiry());
	}
	if (!act || !offers(v) || ar_through_is_whole(v->key.callid))
		return AR_WHERE_THERE;
	memcpy(v->key.id, id, sizeof(v->key.id));
	return AR_WHERE_LOST;
}

/* Fills *u only when the answer is HERE. */
static enum ar_where by_tags(struct sip_msg *msg, struct ar_view *v, struct ar_use *u, bool act)
{
	enum ar_where w;

	if (ar_calls_find_dialog(&v->key, u) < 0)
		return by_other_mark(msg, v, act);
	if (is_live(u))
		w = by_mark(msg, v, u, act);
	else if (u->elsewhere || u->bye)
		w = AR_WHERE_THERE;
	else
		w = by_other_mark(msg, v, act);
	if (w != AR_WHERE_HERE)
		ar_use_done(u);
	return w;
}

static bool is_tag(struct ar_span tag, const struct ar_other *other)
{
	return ar_hash32(tag.p, tag.n) == other->tag;
}

/* The parameter says so. Should it be missing in the anchored pass, the mark will help there. */
static enum ar_where there(struct sip_msg *msg, struct ar_view *v, const struct ar_other *other,
	enum ar_side *side, bool act)
{
	struct ar_use u;

	if (!act)
		return AR_WHERE_THERE;
	if (ar_calls_find_dialog(&v->key, &u) == 0) {
		if (is_live(&u) && u.spiral)
			by_mark(msg, v, &u, true);
		ar_use_done(&u);
	}
	if (!offers(v) || ar_through_is_whole(v->key.callid))
		return AR_WHERE_THERE;
	if (is_tag(v->key.from_tag, other))
		*side = AR_SIDE_A;
	else if (is_tag(v->key.to_tag, other))
		*side = AR_SIDE_B;
	else
		return AR_WHERE_THERE;
	memcpy(v->key.id, other->id, sizeof(v->key.id));
	return AR_WHERE_LOST;
}

static enum ar_where find(struct sip_msg *msg, struct ar_view *v, struct ar_use *u, unsigned *asd,
	enum ar_side *side, bool act)
{
	struct ar_other other;
	enum ar_pass pass = ar_mark_pass(msg, v, asd, &other);
	char id[AR_CALL_ID_LEN + 1];
	enum ar_where w;

	if (pass == AR_PASS_OTHER)
		return there(msg, v, &other, side, act);
	if (pass == AR_PASS_NONE)
		return by_tags(msg, v, u, act);
	if (ar_calls_find_dialog(&v->key, u) == 0) {
		if (is_live(u))
			return AR_WHERE_HERE;
		w = u->bye ? AR_WHERE_THERE : AR_WHERE_UNKNOWN;
		ar_use_done(u);
		if (w == AR_WHERE_THERE)
			return w;
		v->key.id[0] = 0;
		return by_tags(msg, v, u, act);
	}
	memcpy(id, v->key.id, sizeof(id));
	v->key.id[0] = 0;
	w = by_tags(msg, v, u, act);
	if (w != AR_WHERE_UNKNOWN)
		return w;
	memcpy(v->key.id, id, sizeof(id));
	return AR_WHERE_FORGOTTEN;
}

/* What was found out when the marks were there. */
static unsigned last_id;
static int last_pid;
static enum ar_where last;

enum ar_where ar_where(
	struct sip_msg *msg, struct ar_view *v, struct ar_use *u, unsigned *asd, bool act)
{
	enum ar_side side = AR_SIDE_A;
	enum ar_where w;

	/* the mark that told it may be gone by now */
	if (!act && last_id == msg->id && last_pid == msg->pid && last != AR_WHERE_HERE)
		return last;
	w = find(msg, v, u, asd, &side, act);
	if (w == AR_WHERE_LOST)
		*u = (struct ar_use){.offerer = side};
	if (act) {
		last_id = msg->id;
		last_pid = msg->pid;
		last = w;
	}
	return w;
}

enum ar_where ar_where_ack(struct sip_msg *msg, const struct ar_view *v)
{
	struct ar_view named = *v;
	struct ar_use u;
	unsigned asd;

	if (last_id != msg->id || last_pid != msg->pid) {
		if (ar_where(msg, &named, &u, &asd, true) == AR_WHERE_HERE)
			ar_use_done(&u);
	}
	return last;
}
