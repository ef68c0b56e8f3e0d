/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_offer.h"

#include "ar_body.h"
#include "ar_dialog.h"
#include "ar_link.h"
#include "ar_mark.h"
#include "ar_pass.h"
#include "ar_pv.h"
#include "ar_stat.h"
#include "ar_through.h"
#include "ar_tm.h"

#include "../../core/cfg/cfg.h"
#include "../../core/dprint.h"
#include "../../core/dset.h"
#include "../../core/kemi.h"
#include "../../core/route.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* One request with an offer. */
struct offer {
	struct sip_msg *msg;
	const str *route;
	const char *role;
	bool map; /* ask for the map of a forgotten call, not about the offer */
	bool through; /* the same in a pass that is not the anchored one */
	bool initial; /* of a call that is not known yet */
	struct ar_view v;
	struct ar_sdp sdp;
	struct ar_recognise_out seen;
	enum ar_side side;
	unsigned asd;
};

static const char *side_name(enum ar_side s)
{
	return s == AR_SIDE_A ? "a" : "b";
}

static int64_t after_ms(int64_t ms)
{
	return ar_now_ms() + ms;
}

static int result(struct sip_msg *msg, int rc, int status, const char *action, const char *reason)
{
	ar_pv_result(msg, status, action, reason);
	return rc;
}

/* ---- the hand-off itself */

static char *request_text(const struct offer *o)
{
	char source[80], reasons[256], method[16];
	size_t n = o->v.method.n < sizeof(method) - 1 ? o->v.method.n : sizeof(method) - 1;
	bool v6 = o->msg->rcv.src_ip.af == AF_INET6;

	memcpy(method, o->v.method.p, n);
	method[n] = 0;
	snprintf(source, sizeof(source), "%s%s%s:%u", v6 ? "[" : "", ip_addr2a(&o->msg->rcv.src_ip),
		v6 ? "]" : "", o->msg->rcv.src_port);
	return ar_wire_offer(&(struct ar_wire_offer){.call = o->v.key.id,
		.side = side_name(o->side),
		.role = o->role,
		.method = method,
		.cls = ar_class_name(o->seen.cls),
		.reasons = ar_reasons_print(o->seen.reasons, reasons, sizeof(reasons)),
		.source = source,
		.initial = o->initial,
		.cseq = o->v.key.cseq,
		.callid = o->v.key.callid,
		.from_tag = o->v.key.from_tag,
		.to_tag = o->v.key.to_tag,
		.ruri = o->v.ruri,
		.from = o->v.from,
		.to = o->v.to,
		.asserted = o->v.asserted_identity,
		.contact = o->v.contact,
		.registered = ar_body_registered(o->msg, AR_SIDE_A),
		.registered_callee = ar_body_registered(o->msg, AR_SIDE_B),
		.sdp = o->v.body});
}

static int fill_route(struct ar_job *j, const str *name)
{
	if (name->len <= 0 || name->len >= AR_ROUTE_NAME_MAX)
		return -EINVAL;
	memcpy(j->route_name, name->s, (size_t)name->len);
	j->route_name[name->len] = 0;
	if (sr_kemi_eng_get())
		return 0;
	j->route = route_lookup(&main_rt, j->route_name);
	return j->route < 0 || !main_rt.rlist[j->route] ? -EINVAL : 0;
}

/* Takes the reserved slot over: NULL has given it back. */
static struct ar_job *make_job(const struct offer *o, const char *text)
{
	struct ar_job *j = text ? ar_job_new(&o->v.key, text) : NULL;

	if (!j) {
		ar_job_unreserve();
		return NULL;
	}
	j->map = o->map;
	j->through = o->through;
	j->side = o->side;
	j->cls = o->seen.cls;
	j->reasons = o->seen.reasons;
	j->initial = o->initial;
	j->bare = !o->v.body.p;
	j->asd = o->asd;
	j->deadline = after_ms(cfg_get(ims_ar, ims_ar_cfg, offer_timeout));
	if (fill_route(j, o->route) == 0)
		return j;
	LM_ERR("no route[%.*s] to go on in\n", o->route->len, o->route->s);
	ar_job_free(j);
	return NULL;
}

/* 1: the transaction is there; 0: a retransmission, tm has dealt with it; < 0: error. */
static int transaction(struct sip_msg *msg)
{
	struct cell *t = ar_tm.t_gett();
	int rc;

	if (t && t != T_UNDEFINED)
		return 1;
	rc = ar_tm.t_newtran(msg);
	return rc < 0 ? -EIO : rc;
}

/*
 * 5.6.3 keeps the transaction marked as suspended after t_cancel_suspend() and then swallows all
 * its replies (fixed in 5.7); so nothing here may fail once t_suspend() has succeeded.
 */
static int suspend(const struct offer *o, struct ar_job *j)
{
	int rc = ar_tm.t_suspend(o->msg, &j->tindex, &j->tlabel);

	if (rc == 0) {
		ar_jobs_push_offer(j);
		return AR_OFFER_SUSPENDED;
	}
	if (rc > 0) /* cancelled already: tm answers 487 */
		LM_DBG("%.*s was cancelled before the hand-off\n", (int)o->v.key.callid.n,
			o->v.key.callid.p);
	else
		AR_LIMITED(LM_ERR, "tm cannot suspend the transaction: %d\n", rc);
	ar_job_free(j);
	return rc > 0 ? AR_OFFER_SUSPENDED : AR_OFFER_ERROR;
}

static int hand_over(const struct offer *o)
{
	char *text = o->map ? ar_wire_map(o->v.key.id) : request_text(o);
	struct ar_job *j = make_job(o, text);

	free(text);
	if (!j)
		return AR_OFFER_ERROR;
	if (!o->through && ar_tm_watch(o->msg, &o->v) < 0) {
		ar_job_free(j);
		return AR_OFFER_ERROR;
	}
	return suspend(o, j);
}

/*
 * The transaction keeps a copy of the request from t_newtran() on: what the script changes between
 * that and here would be lost, and so would branches (seen on 5.6.3).
 */
static bool misplaced(const struct sip_msg *msg)
{
	struct cell *t = ar_tm.t_gett();
	const struct sip_msg *kept;

	if (nr_branches > 0 || (t && t != T_UNDEFINED && t->nr_of_outgoings > 0))
		return true;
	if (!t || t == T_UNDEFINED || !(kept = t->uas.request))
		return false;
	return !ar_span_eq(ar_span_of(&kept->dst_uri), ar_span_of(&msg->dst_uri)) ||
	       !ar_span_eq(ar_span_of(&kept->new_uri), ar_span_of(&msg->new_uri));
}

static bool refuse_misplaced(const struct sip_msg *msg)
{
	if (!misplaced(msg))
		return false;
	AR_COUNT(offers_misplaced);
	LM_ERR("ims_ar_offer() comes too late: branches exist or $du/$ru changed after "
	       "t_newtran(); "
	       "call it before lookup(), append_branch() and t_newtran()\n");
	return true;
}

/* A copy of a request that was dealt with: a second exchange would raise the versions. *rc is what
 * the script gets; tm absorbs it here, since it may be suspended. */
static bool repeated(const struct offer *o, int *rc)
{
	struct ar_use u;

	if (ar_calls_find(&o->v.key, &u) < 0)
		return false;
	if (u.state == AR_CALL_PLAIN)
		*rc = result(o->msg, AR_OFFER_AWAY, AR_STATUS_AWAY, "away", "as before");
	else if (transaction(o->msg) == 0)
		*rc = AR_OFFER_SUSPENDED;
	else
		*rc = result(o->msg, AR_OFFER_LOCAL, 0, "local", "");
	ar_use_done(&u);
	return true;
}

/* ---- initial INVITE */

static void recognise(struct offer *o, bool readable)
{
	const struct ar_recognise_in in = {.contact = o->v.contact,
		.accept_contact = o->v.accept_contact,
		.asserted_service = o->v.asserted_service,
		.ruri = o->v.ruri,
		.sdp = readable ? &o->sdp : NULL};

	ar_recognise(&o->seen, &ar_conf.recognise, &in);
	ar_pv_class(o->msg, o->seen.cls, o->seen.reasons);
}

static bool wanted(const struct offer *o)
{
	return o->seen.cls == AR_CLASS_AR || o->seen.cls == AR_CLASS_DC;
}

/* The call goes on as an ordinary one: its exchange is kept so that every copy of the offer, and
 * the dialog, is treated alike. */
static int go_plain(struct offer *o, const char *reason)
{
	char id[AR_CALL_ID_LEN + 1];

	if (!o->v.key.id[0] &&
		ar_calls_open(&o->v.key, after_ms((int64_t)ar_conf.ring_ttl * 1000), id) == 0) {
		memcpy(o->v.key.id, id, sizeof(id));
		if (ar_tm_watch(o->msg, &o->v) < 0)
			LM_DBG("no memory to watch the transaction\n");
		ar_mark_route(o->msg, &o->v, id, o->asd);
	}
	if (ar_calls_decide(&o->v.key, NULL, o->asd, after_ms((int64_t)ar_conf.ring_ttl * 1000)) <
		0)
		LM_DBG("%.*s is not kept\n", (int)o->v.key.callid.n, o->v.key.callid.p);
	AR_LIMITED(LM_WARN, "%.*s: no AR service for this call: %s\n", (int)o->v.key.callid.n,
		o->v.key.callid.p, reason);
	return result(o->msg, AR_OFFER_AWAY, AR_STATUS_AWAY, "away", reason);
}

static int offer_initial(struct offer *o)
{
	int rc;

	if (!ar_link_is_up()) {
		AR_COUNT(offers_away);
		return go_plain(o, "asd is not connected");
	}
	if (ar_jobs_behind(cfg_get(ims_ar, ims_ar_cfg, offer_timeout))) {
		AR_COUNT(offers_behind);
		return go_plain(o, "asd is behind");
	}
	if (!ar_job_reserve()) {
		AR_COUNT(offers_full);
		return go_plain(o, "too many offers wait for asd");
	}
	rc = transaction(o->msg);
	if (rc <= 0) {
		ar_job_unreserve();
		return rc == 0 ? AR_OFFER_SUSPENDED : AR_OFFER_ERROR;
	}
	rc = ar_calls_open(&o->v.key, after_ms((int64_t)ar_conf.ring_ttl * 1000), o->v.key.id);
	if (rc < 0) {
		ar_job_unreserve();
		AR_COUNT(offers_full);
		AR_LIMITED(LM_ERR, "no room for one more call (%s)\n", strerror(-rc));
		return result(
			o->msg, AR_OFFER_AWAY, AR_STATUS_AWAY, "away", "no room for one more call");
	}
	ar_mark_route(o->msg, &o->v, o->v.key.id, o->asd);
	rc = hand_over(o);
	if (rc < 0) {
		AR_COUNT(offers_failed);
		return go_plain(o, "the offer cannot be handed over");
	}
	return rc;
}

static int offer_new(struct offer *o)
{
	int rc;

	o->asd = ar_link_asd_of(o->v.key.callid);
	if (repeated(o, &rc))
		return rc;
	if (refuse_misplaced(o->msg)) {
		go_plain(o, "called too late");
		return AR_OFFER_MISPLACED;
	}
	return offer_initial(o);
}

/* The callee will make the offer, in its 18x or 2xx, the caller answers in PRACK or ACK: nothing
 * can be decided on the way. Data channels in it are shown to the caller at port 0; the first offer
 * with one that either side makes afterwards begins the AR call. */
static int initial_late(struct offer *o)
{
	int rc;

	AR_COUNT(offers_late);
	if (repeated(o, &rc))
		return AR_OFFER_ORDINARY;
	if (ar_calls_open_late(&o->v.key, after_ms((int64_t)ar_conf.ring_ttl * 1000)) == 0 &&
		ar_tm_watch(o->msg, &o->v) < 0)
		LM_DBG("no memory to watch the transaction\n");
	return AR_OFFER_ORDINARY;
}

static int initial(struct offer *o)
{
	struct ar_sdp_error err = {0};
	char id[AR_CALL_ID_LEN + 1];
	bool readable;

	o->initial = true;
	if (ar_mark_check(o->msg, &o->v, id) == AR_MARK_OURS) {
		ar_calls_spiral(o->v.key.callid, id);
		memcpy(o->v.key.id, id, sizeof(id));
		ar_through_open(&o->v.key, after_ms((int64_t)ar_conf.ring_ttl * 1000));
		ar_mark_route_other(o->msg, &o->v, id);
		return result(o->msg, AR_OFFER_ELSEWHERE, 0, "", "anchored elsewhere");
	}
	if (!o->v.body.p)
		return initial_late(o);
	readable = ar_sdp_parse(&o->sdp, o->v.body.p, o->v.body.n, &err) == 0;
	if (!readable) {
		AR_COUNT(bad_sdp);
		AR_LIMITED(LM_INFO, "%.*s: SDP line %u: %s\n", (int)o->v.key.callid.n,
			o->v.key.callid.p, err.line, err.reason ? err.reason : "unreadable");
	}
	recognise(o, readable);
	if (o->seen.cls == AR_CLASS_AR)
		AR_COUNT(recognised_ar);
	else if (o->seen.cls == AR_CLASS_DC)
		AR_COUNT(recognised_dc);
	else
		AR_COUNT(ordinary);
	if (!wanted(o))
		return AR_OFFER_ORDINARY;
	if (o->v.ambiguous)
		return result(
			o->msg, AR_OFFER_REFUSED, 0, "refuse", "the body can be read in two ways");
	return offer_new(o);
}

/* ---- inside a dialog */

static int hand_over_dialog(struct offer *o)
{
	int rc;

	if (!ar_link_is_up() || !ar_job_reserve())
		return -EAGAIN;
	rc = transaction(o->msg);
	if (rc <= 0) {
		ar_job_unreserve();
		return rc == 0 ? AR_OFFER_SUSPENDED : -EIO;
	}
	rc = hand_over(o);
	return rc < 0 ? -EIO : rc;
}

static int plan_local(struct offer *o)
{
	int rc = ar_dialog_plan(&o->v, o->side, &o->sdp);

	if (rc == 0) {
		if (ar_tm_watch(o->msg, &o->v) < 0)
			LM_DBG("no memory to watch the transaction\n");
		return result(o->msg, AR_OFFER_LOCAL, 0, "local", "");
	}
	ar_calls_drop(&o->v.key);
	if (rc == -ENOENT)
		return result(
			o->msg, AR_OFFER_PENDING, 0, "refuse", "the first offer is still open");
	return result(o->msg, AR_OFFER_REFUSED, 0, "refuse", "the offer does not fit the dialog");
}

static int offer_late(struct offer *o)
{
	enum ar_side answerer = o->side;

	if (ar_calls_offer(&o->v.key, ar_other_side(answerer), true,
		    after_ms((int64_t)ar_conf.ring_ttl * 1000)) < 0 ||
		ar_tm_watch(o->msg, &o->v) < 0)
		return AR_OFFER_ERROR;
	return result(o->msg, AR_OFFER_LOCAL, 0, "local", "");
}

/* A PRACK with the answer to the offer that came in a 183. */
static bool answers_late(const struct offer *o)
{
	struct ar_msg_key k;
	struct ar_use u;
	bool late;

	if (!ar_view_late_key(&o->v, &k) || ar_calls_find(&k, &u) < 0)
		return false;
	late = u.late && !u.answered;
	ar_use_done(&u);
	return late;
}

static int known(struct offer *o, const struct ar_use *dialog)
{
	bool ask;
	int rc;

	memcpy(o->v.key.id, dialog->id, sizeof(o->v.key.id));
	o->side = dialog->offerer;
	o->asd = dialog->asd;
	ar_pv_call(o->msg, dialog->id, dialog->asd);
	if (repeated(o, &rc))
		return rc;
	if (o->v.ambiguous)
		return result(
			o->msg, AR_OFFER_REFUSED, 0, "refuse", "the body can be read in two ways");
	if (answers_late(o))
		return result(o->msg, AR_OFFER_LOCAL, 0, "local", "");
	if (!o->v.body.p) /* UPDATE and PRACK may carry nothing; an INVITE asks for an offer */
		return o->v.key.method == METHOD_INVITE ? offer_late(o) : AR_OFFER_ORDINARY;
	if (ar_sdp_parse(&o->sdp, o->v.body.p, o->v.body.n, NULL) < 0) {
		AR_COUNT(bad_sdp);
		return result(o->msg, AR_OFFER_REFUSED, 0, "refuse", "the offer cannot be read");
	}
	if (dialog->state == AR_CALL_ASKED) /* RFC 3261 14.2 */
		return result(
			o->msg, AR_OFFER_PENDING, 0, "refuse", "the first offer is still open");
	recognise(o, true);
	ask = !dialog->released && ar_dialog_changes(dialog, &o->sdp) && !refuse_misplaced(o->msg);
	if (ar_calls_offer(&o->v.key, o->side, false, after_ms((int64_t)ar_conf.ring_ttl * 1000)) <
		0)
		return AR_OFFER_ERROR;
	rc = ask ? hand_over_dialog(o) : -EAGAIN;
	return rc < 0 ? plan_local(o) : rc;
}

/* The parameter is ours and the call is not there: this Kamailio was restarted. asd knows the map;
 * without it nothing may pass, since the legs have different layouts. */
static int forgotten(struct offer *o)
{
	int rc;

	o->map = true;
	rc = hand_over_dialog(o);
	if (rc >= 0)
		return rc;
	AR_COUNT(offers_refused);
	return result(o->msg, AR_OFFER_REFUSED, AR_STATUS_AWAY, "refuse",
		"the call is not known here and asd cannot be asked");
}

/*
 * The call is anchored in another pass, or by another Kamailio, and this one was restarted: which
 * sections the media relay must not see, asd knows. Without asd the request goes on; what comes
 * from the anchored side names them itself.
 */
static int lost(struct offer *o)
{
	int rc;

	o->map = o->through = true;
	o->asd = ar_link_asd_of(o->v.key.callid);
	rc = misplaced(o->msg) ? -EIO : hand_over_dialog(o);
	if (rc >= 0)
		return rc;
	ar_link_open_through(&o->v.key, o->side);
	return AR_OFFER_ORDINARY;
}

/* An ordinary call, until now: with data channels in this offer it is to become an AR call. */
static int unknown(struct offer *o)
{
	if (!cfg_get(ims_ar, ims_ar_cfg, enabled) || o->v.key.method == METHOD_PRACK)
		return AR_OFFER_ORDINARY;
	if (!o->v.body.p && o->v.key.method == METHOD_INVITE)
		return initial_late(o);
	if (!o->v.body.p || ar_sdp_parse(&o->sdp, o->v.body.p, o->v.body.n, NULL) < 0)
		return AR_OFFER_ORDINARY;
	recognise(o, true);
	if (!wanted(o))
		return AR_OFFER_ORDINARY;
	if (o->v.ambiguous)
		return result(
			o->msg, AR_OFFER_REFUSED, 0, "refuse", "the body can be read in two ways");
	AR_COUNT(offers_inside);
	o->initial = true;
	return offer_new(o);
}

static int in_dialog(struct offer *o)
{
	struct ar_use dialog;
	int rc;

	switch (ar_where(o->msg, &o->v, &dialog, &o->asd, true)) {
	case AR_WHERE_THERE:
		return AR_OFFER_ORDINARY;
	case AR_WHERE_LOST:
		o->side = dialog.offerer;
		return lost(o);
	case AR_WHERE_FORGOTTEN:
		return forgotten(o);
	case AR_WHERE_UNKNOWN:
		return unknown(o);
	case AR_WHERE_HERE:
		break;
	}
	rc = known(o, &dialog);
	ar_use_done(&dialog);
	return rc;
}

int ar_offer(struct sip_msg *msg, const str *route, const char *role)
{
	static struct offer o;
	int rc;

	if (get_route_type() != REQUEST_ROUTE)
		return AR_OFFER_DECIDED;
	memset(&o, 0, sizeof(o));
	o.msg = msg;
	o.route = route;
	o.role = role;
	ar_pv_begin(msg);
	if (msg->first_line.type != SIP_REQUEST)
		return AR_OFFER_ERROR;
	rc = ar_view_read(msg, &o.v);
	if (rc == -ENAMETOOLONG) { /* an ordinary call, whatever it offers */
		AR_COUNT(names_long);
		return AR_OFFER_ORDINARY;
	}
	if (rc < 0)
		return AR_OFFER_ERROR;
	if (!ar_view_offers(&o.v))
		return AR_OFFER_ORDINARY;
	if (o.v.key.to_tag.n)
		return in_dialog(&o);
	if (!cfg_get(ims_ar, ims_ar_cfg, enabled) || o.v.key.method != METHOD_INVITE)
		return AR_OFFER_ORDINARY;
	return initial(&o);
}
