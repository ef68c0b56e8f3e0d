/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_sdp.h"

#include "ar_body.h"
#include "ar_conf.h"
#include "ar_dialog.h"
#include "ar_facts.h"
#include "ar_layout.h"
#include "ar_link.h"
#include "ar_mark.h"
#include "ar_pass.h"
#include "ar_pv.h"
#include "ar_report.h"
#include "ar_stat.h"
#include "ar_through.h"

#include "../../core/dprint.h"

#include <errno.h>

enum kind { ORDINARY, PLAIN, PLANNED };

/* One message at work. */
struct work {
	struct ar_view v;
	struct ar_use u;
	struct ar_sdp in;
	bool readable; /* in is filled */
	enum kind kind;
	struct ar_plan_dir dir;
	uint32_t through; /* ORDINARY: sections of another pass's media function */
};

static int64_t after(int seconds)
{
	return ar_now_ms() + (int64_t)seconds * 1000;
}

static bool is_answer(const struct work *w)
{
	if (w->u.late)
		return !w->v.reply;
	return w->v.reply;
}

static enum ar_outcome outcome_of(const struct work *w)
{
	const struct ar_recognise_in in = {.contact = w->v.contact,
		.accept_contact = w->v.accept_contact,
		.asserted_service = w->v.asserted_service,
		.sdp = &w->in};

	return ar_recognise_outcome(&ar_conf.recognise, &in, w->u.offered);
}

/* A late offer, or one that asd was asked about and did not answer: planned from the map now. */
static int plan_now(struct work *w)
{
	int rc = ar_dialog_plan(&w->v, w->u.offerer, &w->in);

	ar_use_done(&w->u);
	if (rc == 0)
		rc = ar_calls_find(&w->v.key, &w->u);
	return rc == 0 && w->u.plan ? 0 : AR_SDP_REFUSED;
}

static void unreadable(const struct work *w)
{
	struct ar_sdp_error err = {0};
	struct ar_sdp again;

	AR_COUNT(bad_sdp);
	if (ar_sdp_parse(&again, w->v.body.p, w->v.body.n, &err) < 0)
		AR_LIMITED(LM_WARN, "call %s: %s: SDP line %u: %s\n", w->u.id,
			w->v.reply ? "answer" : "offer", err.line,
			err.reason ? err.reason : "unreadable");
}

static bool has_dc(const struct work *w)
{
	for (unsigned i = 0; w->readable && i < w->in.nmedia; i++)
		if (w->in.media[i].kind == AR_SDP_DATACHANNEL)
			return true;
	return false;
}

/* An ordinary call: what it offers goes on without its data channels. The offer of a callee that
 * was asked for one has none as a rule, and is not touched then. */
static int plain(struct work *w)
{
	w->dir.answer = is_answer(w);
	w->kind = PLAIN;
	if (!w->u.late || w->dir.answer)
		return 0;
	if (!has_dc(w))
		w->kind = ORDINARY;
	if (w->v.status >= 200)
		ar_calls_late(&w->v.key, w->kind == PLAIN ? after(ar_conf.reply_ttl) : 0);
	return 0;
}

/* RFC 3262 5: the answer to an offer in a reliable 1xx is in the PRACK, as else in the ACK. */
static bool find_late(struct work *w)
{
	struct ar_msg_key k;

	if (!w->v.rack || !ar_view_late_key(&w->v, &k) || ar_calls_find(&k, &w->u) < 0)
		return false;
	w->v.key = k;
	return true;
}

static int find_exchange(struct sip_msg *msg, struct work *w)
{
	enum ar_where where = AR_WHERE_UNKNOWN;

	if (w->v.reply && (w->v.status < 101 || w->v.status > 299))
		return 0;
	if (!w->v.reply && (w->v.key.method == METHOD_ACK || w->v.rack)) {
		where = ar_where_ack(msg, &w->v);
		if (where == AR_WHERE_THERE)
			return 0;
	}
	if (!find_late(w) && ar_calls_find(&w->v.key, &w->u) < 0) {
		/* an answer to nothing: with an offer in the INVITE there is none in the ACK */
		return w->v.key.method == METHOD_ACK && !w->v.reply && where != AR_WHERE_UNKNOWN
			       ? AR_SDP_FAILED
			       : 0;
	}
	if (w->u.state == AR_CALL_PLAIN)
		return plain(w);
	if (!w->readable) {
		unreadable(w);
		return AR_SDP_FAILED;
	}
	w->dir.answer = is_answer(w);
	if (!w->u.plan && (w->dir.answer || plan_now(w) < 0))
		return AR_SDP_REFUSED;
	w->kind = PLANNED;
	if (w->dir.answer)
		w->dir.outcome = outcome_of(w);
	return 0;
}

static bool is_anchored(const struct work *w)
{
	struct ar_use u = {.call = NULL};
	bool found = ar_calls_find(&w->v.key, &u) == 0;

	found = found && u.state != AR_CALL_PLAIN;
	ar_use_done(&u);
	return found;
}

static enum ar_through_kind through_kind(const struct ar_view *v)
{
	if (v->reply)
		return v->status >= 200 ? AR_THROUGH_FINAL : AR_THROUGH_REPLY;
	return v->key.method == METHOD_ACK ? AR_THROUGH_ACK : AR_THROUGH_REQUEST;
}

static int begin(struct sip_msg *msg, struct work *w)
{
	const char *mark;
	int rc;

	memset(w, 0, sizeof(*w));
	if (ar_view_read(msg, &w->v) < 0)
		return AR_SDP_NONE;
	if (w->v.ambiguous && is_anchored(w)) {
		AR_COUNT(bad_sdp);
		return AR_SDP_FAILED;
	}
	if (!w->v.body.p)
		return AR_SDP_NONE;
	w->readable = ar_sdp_parse(&w->in, w->v.body.p, w->v.body.n, NULL) == 0;
	rc = find_exchange(msg, w);
	if (rc == 0 && w->kind == ORDINARY && !w->v.reply && (mark = ar_pv_take_mark()))
		ar_mark_add(msg, &w->v, mark);
	if (rc == 0 && w->kind == ORDINARY && w->readable)
		w->through = ar_through_sections(&w->v.key, through_kind(&w->v), &w->in);
	if (rc < 0)
		ar_use_done(&w->u);
	else if (w->kind == PLANNED)
		ar_pv_call(msg, w->u.id, w->u.asd);
	return rc;
}

static uint64_t version_of(const struct work *w)
{
	return w->u.version[ar_plan_to(w->u.plan, w->dir)];
}

/* ---- what became of it: the map, the roles, and what asd is told */

static void note_offer(const struct work *w, const struct ar_sdp *out)
{
	ar_calls_offered(&w->v.key, ar_facts_live(out), ar_facts(&w->in, w->u.plan, w->u.offerer));
}

static void note_answer(const struct work *w, const struct ar_sdp *out)
{
	enum ar_side offerer = w->u.offerer;
	struct ar_answer a = {.status = w->v.reply ? w->v.status : 200,
		.has_sdp = true,
		.outcome = w->dir.outcome,
		.hash = ar_hash32(w->v.body.p, w->v.body.n),
		.facts = ar_facts(&w->in, w->u.plan, ar_other_side(offerer)),
		.call_expires = after(ar_conf.call_ttl),
		.ack_expires = after(ar_conf.ack_ttl),
		.plan_expires = after(ar_conf.reply_ttl)};

	a.active[offerer] = ar_facts_roles(out, AR_SETUP_ACTIVE);
	a.active[ar_other_side(offerer)] = ar_facts_roles(&w->in, AR_SETUP_PASSIVE);
	if (ar_calls_answered(&w->v.key, &a))
		ar_report_answer(&w->v, &w->u, ar_outcome_name(w->dir.outcome));
}

/* The other edge, should it be another Kamailio or another pass here, leaves the request alone. */
static bool wants_mark(const struct work *w)
{
	return !w->v.reply && w->u.offerer == AR_SIDE_A &&
	       (w->u.initial || w->u.inside || w->u.spiral);
}

static void note(struct sip_msg *msg, const struct work *w, const struct ar_buf *text)
{
	enum ar_side to = ar_plan_to(w->u.plan, w->dir);
	struct ar_sdp_origin origin;
	struct ar_sdp out;

	if (ar_sdp_parse(&out, text->p, text->n, NULL) < 0)
		return;
	if (!w->u.plan->session_id[to].n && ar_sdp_origin(&out, &origin))
		ar_calls_origin(&w->v.key, to, &origin);
	if (w->dir.answer) {
		note_answer(w, &out);
		return;
	}
	note_offer(w, &out);
	if (wants_mark(w))
		ar_mark_add(msg, &w->v, w->u.id);
}

void ar_sdp_saw_answer(struct sip_msg *msg)
{
	struct ar_answer a = {.status = 200,
		.call_expires = after(ar_conf.call_ttl),
		.ack_expires = after(ar_conf.ack_ttl),
		.plan_expires = after(ar_conf.reply_ttl)};
	struct ar_view v;
	struct ar_use u;

	if (ar_view_read(msg, &v) < 0 || ar_calls_find(&v.key, &u) < 0)
		return;
	a.status = v.status;
	if (ar_calls_answered(&v.key, &a))
		ar_report_answer(&v, &u, NULL);
	ar_use_done(&u);
}

/* ---- the script's functions */

static int finish(struct sip_msg *msg, struct work *w, int rc, struct ar_buf *out)
{
	if (rc == 0)
		rc = ar_buf_err(out);
	if (rc == 0)
		rc = ar_body_set(msg, w->v.body, ar_buf_span(out));
	if (rc == 0 && w->kind == PLANNED) {
		AR_COUNT(sdp_applied);
		note(msg, w, out);
	}
	if (rc < 0) {
		AR_COUNT(sdp_failed);
		AR_LIMITED(LM_ERR, "%.*s: the description cannot be made: %s\n",
			(int)w->v.key.callid.n, w->v.key.callid.p, strerror(-rc));
	}
	ar_buf_free(out);
	ar_use_done(&w->u);
	return rc < 0 ? AR_SDP_FAILED : AR_SDP_DONE;
}

int ar_sdp_apply(struct sip_msg *msg)
{
	struct work w;
	struct ar_buf out;
	int rc = begin(msg, &w);

	if (rc < 0)
		return rc;
	if (w.kind == ORDINARY || (w.kind == PLAIN && (w.dir.answer || !w.readable)) ||
		ar_body_is_set(msg, w.v.body)) {
		ar_use_done(&w.u);
		return AR_SDP_DONE;
	}
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	if (w.kind == PLAIN)
		rc = ar_plan_hide(NULL, w.dir, &w.in, &out);
	else
		rc = ar_plan_apply(w.u.plan, w.dir, &w.in, NULL, version_of(&w), &out);
	return finish(msg, &w, rc, &out);
}

static enum ar_layout_pass pass_of(const struct work *w)
{
	return w->kind == PLANNED ? AR_LAYOUT_ANCHORED : AR_LAYOUT_THROUGH;
}

static bool is_offer(const struct work *w)
{
	if (w->kind == ORDINARY)
		return !w->v.reply && w->v.key.method != METHOD_ACK && !w->v.rack;
	return !w->dir.answer;
}

/* The call's name in this pass, and the asd that has it. */
static bool name_of(
	const struct work *w, enum ar_layout_pass pass, char id[AR_CALL_ID_LEN + 1], unsigned *asd)
{
	struct ar_span callid = w->v.key.callid;
	int told;

	*asd = w->u.asd;
	memcpy(id, w->u.id, AR_CALL_ID_LEN + 1);
	if (pass == AR_LAYOUT_ANCHORED)
		return id[0];
	if (!ar_through_call(callid, id, &told))
		return false;
	*asd = told < 0 ? ar_link_asd_of(callid) : (unsigned)told;
	return true;
}

/* What is hidden, as the relay is to get it (ar_layout.h). */
static int to_relay(
	const struct work *w, struct ar_span text, enum ar_layout_pass pass, struct ar_buf *out)
{
	const struct ar_msg_key *key = &w->v.key;
	char id[AR_CALL_ID_LEN + 1];
	unsigned asd;
	bool untold = false, named = name_of(w, pass, id, &asd);
	struct ar_layout_key k = {.callid = key->callid,
		.pass = pass,
		.offer = is_offer(w),
		.keep = w->kind == PLANNED || w->through,
		.exchange = ar_hash32(key->from_tag.p, key->from_tag.n) ^ key->cseq,
		.expires = after(ar_conf.call_ttl),
		.untold = named ? &untold : NULL};
	int rc = w->readable ? ar_layout_to_relay(&k, text, out) : 0;

	if (untold)
		ar_report_relay(key->callid, id, asd, pass);
	return rc;
}

/* An offer inside a dialog before its hand-off. */
static bool is_new_offer(const struct work *w)
{
	return w->kind == ORDINARY && !w->v.reply && w->readable && w->v.key.to_tag.n &&
	       ar_view_offers(&w->v);
}

static int hidden(
	struct sip_msg *msg, const struct work *w, struct ar_buf *out, enum ar_layout_pass *pass)
{
	*pass = pass_of(w);
	if (is_new_offer(w)) {
		int rc = ar_dialog_hide(msg, &w->v, &w->in, out);

		if (rc == 0) {
			*pass = AR_LAYOUT_ANCHORED;
			return 0;
		}
		ar_buf_reset(out);
	}
	if (w->kind != PLANNED && !has_dc(w) && !w->through)
		return ar_buf_add_span(out, w->v.body);
	if (w->kind != PLANNED)
		return ar_plan_hide_also(&w->in, w->through, out);
	return ar_plan_hide(w->u.plan, w->dir, &w->in, out);
}

int ar_sdp_hide(struct sip_msg *msg)
{
	enum ar_layout_pass pass;
	struct ar_buf out, moved;
	struct work w;
	int rc = begin(msg, &w);

	ar_body_pv_clear(msg);
	if (rc < 0)
		return rc;
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	ar_buf_init(&moved, AR_SDP_MAX_LEN);
	rc = hidden(msg, &w, &out, &pass);
	if (rc == 0)
		rc = to_relay(&w, ar_buf_span(&out), pass, &moved);
	if (rc >= 0)
		rc = ar_body_pv_put(msg, ar_buf_span(rc ? &moved : &out));
	ar_buf_free(&moved);
	ar_buf_free(&out);
	ar_use_done(&w.u);
	if (rc < 0) {
		AR_COUNT(sdp_failed);
		return AR_SDP_FAILED;
	}
	AR_COUNT(sdp_hidden);
	return AR_SDP_DONE;
}

static int restore(struct work *w, struct ar_span text, struct ar_buf *out)
{
	struct ar_span callid = w->v.key.callid;
	struct ar_sdp relayed;
	int rc;

	if (w->kind == PLAIN || (w->kind == ORDINARY && !has_dc(w) && !w->through &&
					!ar_layout_moved(callid, AR_LAYOUT_THROUGH)))
		return ar_buf_add_span(out, text);
	rc = ar_sdp_parse(&relayed, text.p, text.n, NULL);
	if (rc == 0)
		rc = ar_layout_from_relay(callid, pass_of(w), &relayed);
	if (rc < 0)
		return rc;
	if (w->kind == ORDINARY)
		return ar_sdp_restore_also(&w->in, &relayed, w->through, out);
	return ar_plan_apply(w->u.plan, w->dir, &w->in, &relayed, version_of(w), out);
}

int ar_sdp_restore_body(struct sip_msg *msg)
{
	struct work w;
	struct ar_buf out;
	struct ar_span text;
	int rc = begin(msg, &w);

	if (rc < 0)
		return rc;
	if (ar_body_is_set(msg, w.v.body)) {
		ar_use_done(&w.u);
		return AR_SDP_DONE;
	}
	text = ar_body_pv_get(msg);
	if (!text.n) {
		AR_COUNT(relay_failed);
		AR_LIMITED(LM_ERR, "%.*s: the media relay gave no description back\n",
			(int)w.v.key.callid.n, w.v.key.callid.p);
		ar_use_done(&w.u);
		return AR_SDP_RELAY;
	}
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	rc = restore(&w, text, &out);
	return finish(msg, &w, rc, &out);
}
