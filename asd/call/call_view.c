/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/call_view.h"
#include "asd/asd.h"
#include "asd/dcsf/dcmf_pool.h"
#include "asd/lookup/lookup.h"

#include <stdio.h>
#include <time.h>

static struct ar_span opt(const char *s)
{
	return s && *s ? ar_span_str(s) : AR_SPAN_NONE;
}

static unsigned parse_reasons(const char *list)
{
	unsigned bits = 0;
	char name[64];

	for (unsigned i = 0; i < 16; i++) {
		size_t n;
		const char *p = list;

		ar_reasons_print(1u << i, name, sizeof(name));
		n = strlen(name);
		while (n && (p = strstr(p, name))) {
			if ((p == list || p[-1] == ',') && (p[n] == ',' || !p[n]))
				bits |= 1u << i;
			p += n;
		}
	}
	return bits;
}

static enum ar_class parse_class(const char *word)
{
	for (int i = AR_CLASS_NONE; i <= AR_CLASS_AR; i++) {
		if (strcmp(word, ar_class_name((enum ar_class)i)) == 0)
			return (enum ar_class)i;
	}
	return AR_CLASS_NONE;
}

static unsigned contact_reasons(const char *contact)
{
	struct ar_recognise_in in = {.contact = opt(contact)};
	struct ar_recognise_out out;

	ar_recognise(&out, NULL, &in);
	return out.reasons;
}

const char *call_view_capability(const char *contact)
{
	unsigned r = contact_reasons(contact);

	if (r & AR_REASON_AR_CAPABLE)
		return "ar-capable";
	return r & AR_REASON_AR_ASSISTED ? "ar-assisted" : "dc-only";
}

static void view_dcmfs(struct call_view *v, const struct asd *a)
{
	unsigned n = a->pool ? dcmf_pool_n(a->pool) : 0;

	for (unsigned i = 0; i < n && i < POLICY_MAX_DCMFS; i++) {
		const struct dcmf *d = dcmf_pool_get(a->pool, i);

		v->dcmfs[i] = (struct policy_dcmf){.name = ar_span_str(d->at.name),
			.healthy = dcmf_usable(d),
			.load = d->load,
			.calls = d->contexts};
		v->call.ndcmfs = i + 1;
	}
	v->call.dcmfs = v->dcmfs;
}

static void view_time(struct policy_call *p)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	p->hour = tm.tm_hour;
	p->minute = tm.tm_min;
	p->weekday = tm.tm_wday ? tm.tm_wday : 7;
}

static void view_media(struct call_view *v, const struct offer *o)
{
	for (unsigned i = 0; i < o->sdp.nmedia && i < POLICY_MAX_MEDIA; i++) {
		const struct ar_sdp_media *m = &o->sdp.media[i];

		v->media[i] = (struct policy_media){.media = m->media,
			.proto = m->proto,
			.kind = m->kind,
			.live = m->port != 0};
		v->call.nmedia = i + 1;
	}
	v->call.media = v->media;
	v->call.channels = o->channels;
	v->call.nchannels = o->nchannels;
	v->call.req_app = o->req_app;
}

static void view_facts(struct call_view *v, const struct lookup_facts *f)
{
	for (unsigned i = 0; f && i < f->n && i < POLICY_MAX_FACTS; i++) {
		const struct lookup_fact *x = &f->fact[i];

		if (x->state == LOOKUP_NONE)
			continue;
		v->facts[v->call.nfacts++] = (struct policy_fact){.name = ar_span_str(x->name),
			.value = x->state == LOOKUP_OK ? (struct ar_span){x->text, x->len}
						       : AR_SPAN_NONE,
			.why = ar_span_str(x->why)};
	}
	v->call.facts = v->facts;
}

static unsigned calls_of(const struct asd *a, const struct call *c)
{
	unsigned n = 0;

	for (const struct call *o = calls_find_caller(&a->calls, c->caller, NULL); o;
		o = calls_find_caller(&a->calls, c->caller, o))
		n += o != c;
	return n;
}

void call_view_make(struct call_view *v, const struct asd *a, const struct call *c,
	const struct front_offer *m, const struct offer *o)
{
	struct policy_call *p = &v->call;

	*p = (struct policy_call){.callid = ar_span_str(c->callid), .role = opt(c->role)};
	policy_party_set(&p->caller, opt(c->caller));
	policy_party_set(&p->callee, opt(c->callee));
	p->caller.caps = c->caps;
	p->calls_of_caller = calls_of(a, c);
	p->calls_total = calls_n(&a->calls) - 1;
	view_time(p);
	view_dcmfs(v, a);
	view_facts(v, c->facts);
	if (!m || !o)
		return;
	p->caller.registered = policy_caps(contact_reasons(m->registered));
	p->callee.registered = policy_caps(contact_reasons(m->registered_callee));
	p->asserted = opt(m->asserted);
	p->side = m->side;
	p->initial = m->initial;
	p->cls = parse_class(m->cls);
	p->reasons = parse_reasons(m->reasons);
	p->source = opt(m->source);
	view_media(v, o);
}
