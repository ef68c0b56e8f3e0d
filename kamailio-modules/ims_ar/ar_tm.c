/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_tm.h"

#include "ar_conf.h"
#include "ar_layout.h"
#include "ar_mark.h"
#include "ar_report.h"
#include "ar_through.h"
#include "ar_sdp.h"

#include "../../core/cfg/cfg_struct.h"
#include "../../core/dprint.h"
#include "../../core/script_cb.h"
#include "../../core/timer_ticks.h"
#include "../../core/mem/shm_mem.h"

#include <errno.h>

struct tm_binds ar_tm;

/* The exchange of a watched transaction; freed by tm with the transaction. */
struct watch {
	struct ar_msg_key key; /* spans into text[] */
	char method[16];
	char text[];
};

static int64_t after(int seconds)
{
	return ar_now_ms() + (int64_t)seconds * 1000;
}

static void final_failed(const struct watch *w, int code)
{
	struct ar_ended e;

	if (ar_calls_failed(&w->key, after(ar_conf.reply_ttl), &e) && e.planned)
		ar_report_failed(&w->key, w->method, code, &e);
}

static void cancelled(const struct watch *w)
{
	struct ar_ended e;

	if (ar_calls_open_exchange(&w->key, &e) && e.planned)
		ar_report_cancelled(&w->key, &e);
}

/* No lock of tm is held in these (tm/t_hooks.h: TMCB_RESPONSE_OUT, TMCB_E2ECANCEL_IN). */
static void on_transaction(struct cell *t, int type, struct tmcb_params *p)
{
	const struct watch *w = *p->param;

	(void)t;
	if (!ar_calls_ready())
		return; /* Kamailio ends: tm drops what it has after our tables are gone */
	if (type & TMCB_E2ECANCEL_IN)
		cancelled(w);
	else if (type & TMCB_DESTROY)
		final_failed(
			w, 0); /* dropped without a final reply; else this finds nothing open */
	else if (p->code >= 300)
		final_failed(w, p->code);
	else if (p->code >= 200 && p->rpl && p->rpl != FAKED_REPLY)
		ar_sdp_saw_answer(p->rpl); /* a 2xx without SDP reaches no function of the script */
}

static void release(void *param)
{
	shm_free(param);
}

static void copy(char **to, struct ar_span *s)
{
	if (s->n)
		memcpy(*to, s->p, s->n);
	s->p = *to;
	*to += s->n;
}

int ar_tm_watch(struct sip_msg *msg, const struct ar_view *v)
{
	const struct ar_msg_key *k = &v->key;
	struct watch *w = shm_malloc(sizeof(*w) + k->callid.n + k->from_tag.n + k->to_tag.n);
	char *p;
	size_t n = v->method.n;

	if (!w)
		return -ENOMEM;
	w->key = *k;
	n = n < sizeof(w->method) - 1 ? n : sizeof(w->method) - 1;
	memcpy(w->method, v->method.p, n);
	w->method[n] = 0;
	p = w->text;
	copy(&p, &w->key.callid);
	copy(&p, &w->key.from_tag);
	copy(&p, &w->key.to_tag);
	if (ar_tm.register_tmcb(msg, 0, TMCB_RESPONSE_OUT | TMCB_E2ECANCEL_IN | TMCB_DESTROY,
		    on_transaction, w, release) > 0)
		return 0;
	shm_free(w);
	return -ENOMEM;
}

/* Our parameter, but no call: it is from before a restart. Nobody else would tell asd. */
static void bye_of_forgotten(struct sip_msg *msg, struct ar_view *v)
{
	struct ar_ended e = {.planned = true};
	struct ar_other other;
	struct ar_use u;

	if (ar_mark_pass(msg, v, &e.asd, &other) != AR_PASS_OURS)
		return;
	if (ar_calls_find_dialog(&v->key, &u) == 0) {
		ar_use_done(&u);
		return;
	}
	memcpy(e.id, v->key.id, sizeof(e.id));
	ar_report_bye(&v->key, &e);
}

/* tm's hash lock is held: find, mark, queue, return. */
static void on_request(struct cell *t, int type, struct tmcb_params *p)
{
	struct ar_ended e = {.planned = false};
	struct ar_other other;
	struct ar_view v;
	unsigned asd;

	(void)t;
	(void)type;
	if (!p->req || p->req->first_line.type != SIP_REQUEST || p->req->REQ_METHOD != METHOD_BYE)
		return;
	if (ar_view_read(p->req, &v) < 0)
		return;
	ar_through_close(v.key.callid);
	ar_layout_close(v.key.callid);
	/* the parameter names one of several calls with the same tags (a retry, a copy that was
	   damaged); a call that became an AR call later has it of the ordinary call before, or none
	 */
	if (ar_mark_pass(p->req, &v, &asd, &other) == AR_PASS_OURS &&
		ar_calls_bye(&v.key, after(ar_conf.reply_ttl), &e) && e.planned) {
		ar_report_bye(&v.key, &e);
		return;
	}
	v.key.id[0] = 0;
	if (!ar_calls_bye(&v.key, after(ar_conf.reply_ttl), &e))
		bye_of_forgotten(p->req, &v);
	else if (e.planned)
		ar_report_bye(&v.key, &e);
}

/* Before the script: the ACK to a 2xx is no transaction's, and a script need not show it to us. */
static int on_ack(struct sip_msg *msg, unsigned flags, void *arg)
{
	struct ar_view v;

	(void)flags;
	(void)arg;
	if (msg->first_line.type == SIP_REQUEST && msg->REQ_METHOD == METHOD_ACK &&
		ar_calls_any() && ar_view_read(msg, &v) == 0 && v.key.to_tag.n)
		ar_calls_acked(&v.key, after(ar_conf.call_ttl));
	return 1;
}

/* tm's own answer to whoever wants to know is "changed by a fixup": read where it reads. */
static int fr_timer_ms(void)
{
	str group = str_init("tm"), name = str_init("fr_timer");
	cfg_group_t *g;
	cfg_mapping_t *m;

	if (cfg_lookup_var(&group, &name, &g, &m) != 0)
		return 0;
	return (int)TICKS_TO_MS(*(const unsigned int *)((char *)*g->handle + m->offset));
}

/* tm answers 408 to a suspended transaction when its own timer is first. */
static int check_timeout(void)
{
	int fr = fr_timer_ms(), ours = ar_cfg_default.offer_timeout;

	if (fr <= 0 || ours < fr)
		return 0;
	LM_ERR("offer_timeout is %d ms, fr_timer of tm %d ms: an AR call would end with 408 before "
	       "it can go on without asd. Set offer_timeout lower or fr_timer higher\n",
		ours, fr);
	return -1;
}

int ar_tm_init(void)
{
	if (load_tm_api(&ar_tm) < 0) {
		LM_ERR("ims_ar needs module tm: load it before\n");
		return -1;
	}
	if (check_timeout() < 0)
		return -1;
	if (ar_tm.register_tmcb(0, 0, TMCB_REQUEST_IN, on_request, 0, 0) <= 0 ||
		ar_tm.register_tmcb(0, 0, TMCB_LOCAL_REQUEST_IN, on_request, 0, 0) <= 0) {
		LM_ERR("cannot listen for BYE\n");
		return -1;
	}
	if (register_script_cb(on_ack, PRE_SCRIPT_CB | REQUEST_CB, 0) < 0) {
		LM_ERR("cannot listen for ACK\n");
		return -1;
	}
	return 0;
}
