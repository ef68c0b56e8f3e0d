/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_pv.h"

#include "../../core/dprint.h"
#include "../../core/pvapi.h"

#include <stdio.h>

enum pv_name {
	PV_CLASS,
	PV_REASONS,
	PV_STATUS,
	PV_ACTION,
	PV_CODE,
	PV_REASON,
	PV_RULE,
	PV_HEADERS,
	PV_CALL,
	PV_ASD,
	PV_MAX,
};

static const char *const names[PV_MAX] = {
	"class", "reasons", "status", "action", "code", "reason", "rule", "headers", "call", "asd"};

/* What is known of one message. */
struct ar_last {
	unsigned id;
	int pid;
	bool job; /* of the resumed route that runs now: its message has the id of another process
		   */
	bool mark;
	bool classed;
	enum ar_class cls;
	unsigned reasons;
	int status, code;
	char action[8], reason[AR_REASON_MAX], rule[AR_REASON_MAX], headers[AR_HEADERS_MAX];
	char call[AR_CALL_ID_LEN + 1];
	const char *asd;
};

static struct ar_last last;

static bool is_last(const struct sip_msg *msg)
{
	return last.job || (last.id == msg->id && last.pid == msg->pid);
}

void ar_pv_begin(struct sip_msg *msg)
{
	if (is_last(msg))
		return;
	memset(&last, 0, sizeof(last));
	last.id = msg->id;
	last.pid = msg->pid;
}

void ar_pv_class(struct sip_msg *msg, enum ar_class cls, unsigned reasons)
{
	ar_pv_begin(msg);
	last.classed = true;
	last.cls = cls;
	last.reasons = reasons;
}

static const char *address(unsigned asd)
{
	return asd < (unsigned)ar_conf.nasd ? ar_conf.asd[asd] : NULL;
}

void ar_pv_call(struct sip_msg *msg, const char *id, unsigned asd)
{
	ar_pv_begin(msg);
	snprintf(last.call, sizeof(last.call), "%s", id);
	last.asd = address(asd);
}

void ar_pv_result(struct sip_msg *msg, int status, const char *action, const char *reason)
{
	ar_pv_begin(msg);
	last.status = status;
	snprintf(last.action, sizeof(last.action), "%s", action);
	snprintf(last.reason, sizeof(last.reason), "%s", reason ? reason : "");
}

static const char *job_action(const struct ar_job *j)
{
	if (j->status == AR_STATUS_OK)
		return j->map && !j->through ? "local" : ar_action_name(j->action);
	if (j->map)
		return "refuse";
	return j->initial ? "away" : "local";
}

void ar_pv_job(const struct ar_job *j)
{
	memset(&last, 0, sizeof(last));
	last.job = true;
	last.mark = j->mark;
	last.classed = true;
	last.cls = j->cls;
	last.reasons = j->reasons;
	last.status = j->status;
	last.code = j->code;
	snprintf(last.action, sizeof(last.action), "%s", job_action(j));
	snprintf(last.reason, sizeof(last.reason), "%s", j->reason);
	snprintf(last.rule, sizeof(last.rule), "%s", j->rule);
	snprintf(last.headers, sizeof(last.headers), "%s", j->headers);
	snprintf(last.call, sizeof(last.call), "%s", j->key.id);
	last.asd = address(j->asd);
}

void ar_pv_job_done(void)
{
	memset(&last, 0, sizeof(last));
}

const char *ar_pv_take_mark(void)
{
	bool mark = last.job && last.mark;

	last.mark = false;
	return mark ? last.call : NULL;
}

void ar_pv_event(struct sip_msg *msg, const char *asd)
{
	memset(&last, 0, sizeof(last));
	last.id = msg->id;
	last.pid = msg->pid;
	last.asd = asd;
}

int ar_pv_parse_name(pv_spec_t *sp, str *in)
{
	for (int i = 0; i < PV_MAX; i++) {
		if (in->len != (int)strlen(names[i]) ||
			strncmp(in->s, names[i], (size_t)in->len) != 0)
			continue;
		sp->pvp.pvn.type = PV_NAME_INTSTR;
		sp->pvp.pvn.u.isname.type = 0;
		sp->pvp.pvn.u.isname.name.n = i;
		return 0;
	}
	LM_ERR("no $ims_ar(%.*s)\n", in->len, in->s);
	return -1;
}

static int get_text(struct sip_msg *msg, pv_param_t *param, pv_value_t *res, const char *s)
{
	str v = {(char *)s, s ? (int)strlen(s) : 0};

	return v.len ? pv_get_strval(msg, param, res, &v) : pv_get_null(msg, param, res);
}

static int get_number(struct sip_msg *msg, pv_param_t *param, pv_value_t *res, int n)
{
	return n ? pv_get_sintval(msg, param, res, n) : pv_get_null(msg, param, res);
}

int ar_pv_get(struct sip_msg *msg, pv_param_t *param, pv_value_t *res)
{
	static char reasons[256];

	if (!msg || !is_last(msg))
		return pv_get_null(msg, param, res);
	switch ((enum pv_name)param->pvn.u.isname.name.n) {
	case PV_CLASS:
		return get_text(msg, param, res, last.classed ? ar_class_name(last.cls) : NULL);
	case PV_REASONS:
		return get_text(
			msg, param, res, ar_reasons_print(last.reasons, reasons, sizeof(reasons)));
	case PV_STATUS:
		return get_number(msg, param, res, last.status);
	case PV_ACTION:
		return get_text(msg, param, res, last.action);
	case PV_CODE:
		return get_number(msg, param, res, last.code);
	case PV_REASON:
		return get_text(msg, param, res, last.reason);
	case PV_RULE:
		return get_text(msg, param, res, last.rule);
	case PV_HEADERS:
		return get_text(msg, param, res, last.headers);
	case PV_CALL:
		return get_text(msg, param, res, last.call);
	default:
		return get_text(msg, param, res, last.asd);
	}
}
