/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/call_plan.h"
#include "asd/asd.h"
#include "asd/call/call_av.h"
#include "asd/call/call_boot.h"
#include "asd/call/offer.h"
#include "asd/dcsf/mrm_json.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct planner_rules call_plan_rules(const struct asd *a)
{
	return (struct planner_rules){
		.accept = a->conf.accept, .max_stream_id = (unsigned)a->conf.max_stream_id};
}

const struct ar_plan *call_plan_map(const struct call *c)
{
	if (c->map)
		return c->map;
	for (unsigned i = c->nex; i-- > 0;) {
		if (c->ex[i]->state == EXCHANGE_OPEN)
			return c->ex[i]->plan;
	}
	return NULL;
}

int call_plan_leg(struct planner_leg *leg, const struct call *c, enum ar_side side, const char *id,
	const char **why)
{
	struct mrm_local l;
	int err = id ? mrm_local_more(c->ctx.doc, side, id, &l, why)
		     : mrm_local(c->ctx.doc, side, &l, why);

	if (err)
		return err;
	*leg = (struct planner_leg){.present = true,
		.addr = l.addr,
		.port = l.port,
		.sctp_port = l.sctp_port,
		.max_message_size = l.max_message_size,
		.ufrag = l.ufrag,
		.pwd = l.pwd,
		.fingerprint = l.fingerprint,
		.tls_id = l.tls_id};
	for (unsigned i = 0; i < l.ncandidate && i < PLANNER_MAX_CANDIDATES; i++)
		leg->candidate[leg->ncandidate++] = l.candidate[i];
	return 0;
}

static int read_leg(struct planner_leg *leg, const struct call *c, const struct exchange *x,
	enum ar_side side, const struct planner_choice *choice, const char **why)
{
	int err = call_plan_leg(leg, c, side, NULL, why);

	if (err)
		return err;
	leg->setup = side == x->side ? x->setup : c->setup[side];
	leg->stream = choice->accepted;
	leg->nstream = choice->naccepted;
	return 0;
}

struct maker {
	struct offer offer;
	struct planner_in in;
	struct ar_plan plan;
	struct ar_plan_room room;
	struct planner_av_choice av;
	struct planner_boot_choice boot;
	struct ar_buf texts;
	char session[2][24], origin[2][64], ref[AR_PLAN_REF_LEN + 1];
};

/* o= of ours for the call's life: a name that no UE chose, and mediad's address on that leg. */
static void name_legs(struct maker *m, const struct call *c)
{
	unsigned number = (unsigned)strtoul(c->token + CALL_TOKEN_LEN - 8, NULL, 16);

	for (int i = 0; i < 2; i++) {
		const struct planner_leg *l = &m->in.leg[i];
		bool v6 = l->addr.n && memchr(l->addr.p, ':', l->addr.n);

		if (!c->inside) /* else o= passes, until the first answer has shown both */
			snprintf(m->session[i], sizeof(m->session[i]), "- %u%d", number, i + 1);
		if (l->present)
			snprintf(m->origin[i], sizeof(m->origin[i]), "IN IP%c %.*s", v6 ? '6' : '4',
				(int)l->addr.n, l->addr.p);
		else
			snprintf(m->origin[i], sizeof(m->origin[i]), "IN IP4 0.0.0.0");
		m->in.session_id[i] = ar_span_str(m->session[i]);
		m->in.origin_addr[i] = ar_span_str(m->origin[i]);
	}
}

/* The sections that mediad has on both legs. */
static int fill_av(struct maker *m, const struct asd *a, const struct call *c,
	const struct exchange *x, const char **reason)
{
	unsigned wanted;
	int err;

	call_av_choose(a, c, x, &m->offer, m->in.map, &m->av);
	wanted = m->av.n;
	err = call_av_reserved(c, x, &m->av, reason);
	m->in.av = &m->av;
	if (m->av.n < wanted)
		ar_log(AR_LOG_INFO, "call", "%u of %u media do not go to the ARMF: no room at %s",
			wanted - m->av.n, wanted, c->ctx.dcmf_name);
	return err;
}

static int fill(struct maker *m, const struct asd *a, const struct call *c,
	const struct exchange *x, char why[120])
{
	struct planner_rules rules = call_plan_rules(a);
	const struct ar_plan *map = x->initial ? NULL : call_plan_map(c);
	const char *reason = "";
	int err = offer_read(&m->offer, x->sdp, &rules, x->side, map, why);

	if (err)
		return err;
	m->in = (struct planner_in){.offer = &m->offer.sdp,
		.offerer = x->side,
		.choice = &m->offer.choice,
		.map = map,
		.keep = c->keep,
		.ref = ar_span_str(m->ref)};
	for (int i = 0; !err && c->ctx.state == CTX_UP && !x->without && i < 2; i++)
		err = read_leg(&m->in.leg[i], c, x, (enum ar_side)i, &m->offer.choice, &reason);
	if (!err && c->ctx.state == CTX_UP && !x->without) {
		err = fill_av(m, a, c, x, &reason);
		call_boot_choose(a, c, x, &m->offer, map, &m->boot);
		m->in.boot = &m->boot;
		if (!err)
			err = call_boot_reserved(c, x, &m->boot, &reason);
	}
	if (err)
		snprintf(why, 120, "mediad's answer: %s", reason);
	snprintf(m->ref, sizeof(m->ref), "%.8s-%u", c->token, c->plans + 1);
	m->in.ref = ar_span_str(m->ref);
	name_legs(m, c);
	return err;
}

static int make(struct maker *m, struct call *c, struct exchange *x, char why[120])
{
	const char *reason = "no plan";
	int err = planner_plan(&m->in, &m->plan, &m->room, &m->texts, &reason);

	if (err) {
		snprintf(why, 120, "%s", reason);
		return err;
	}
	x->plan = ar_plan_clone(&m->plan, malloc);
	if (!x->plan) {
		snprintf(why, 120, "out of memory");
		return -ENOMEM;
	}
	x->no = ++c->plans;
	x->keep = c->keep;
	c->version[0]++;
	c->version[1]++;
	return 0;
}

int call_plan(const struct asd *a, struct call *c, struct exchange *x, char why[120])
{
	struct maker *m = calloc(1, sizeof(*m));
	int err;

	if (!m) {
		snprintf(why, 120, "out of memory");
		return -ENOMEM;
	}
	ar_buf_init(&m->texts, PLANNER_TEXTS_MAX);
	err = fill(m, a, c, x, why);
	if (!err)
		err = make(m, c, x, why);
	ar_buf_free(&m->texts);
	free(m);
	return err;
}
