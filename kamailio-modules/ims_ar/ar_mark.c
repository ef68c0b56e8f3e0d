/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_mark.h"

#include "ar_conf.h"
#include "ar_stat.h"

#include "../../core/data_lump.h"
#include "../../core/dprint.h"
#include "../../core/mem/mem.h"
#include "../../modules/rr/api.h"

#include <stdio.h>
#include <sys/random.h>

static struct ar_span secret;
static struct rr_binds rr;
static bool have_rr;
/* The message whose mark the script had removed, so that it is not read afterwards. */
static unsigned stripped_id, to_ue_id;
static int stripped_pid, to_ue_pid;

int ar_mark_init(void)
{
	static char made[32];

	if (ar_conf.secret && ar_conf.secret[0]) {
		secret = ar_span_str(ar_conf.secret);
	} else {
		if (getrandom(made, sizeof(made), 0) != (ssize_t)sizeof(made)) {
			LM_ERR("no random numbers for a secret\n");
			return -1;
		}
		secret = (struct ar_span){made, sizeof(made)};
		LM_NOTICE(
			"no secret given, made one: other Kamailios, and this one after a restart, "
			"will not know its marks\n");
	}
	have_rr = find_export("load_rr", 0, 0) && load_rr_api(&rr) == 0;
	if (!have_rr)
		LM_NOTICE(
			"module rr is not loaded: a request inside a dialog that passes here twice "
			"cannot be told apart\n");
	return 0;
}

static struct hdr_field *next_mark(struct hdr_field *h)
{
	for (; h; h = h->next)
		if (h->name.len == ar_conf.mark_header.len &&
			strncasecmp(h->name.s, ar_conf.mark_header.s, (size_t)h->name.len) == 0)
			return h;
	return NULL;
}

/* What the script calls, and what we find out ourselves, may both want it gone. */
static bool is_removed(const struct sip_msg *msg, int offset)
{
	for (const struct lump *l = msg->add_rm; l; l = l->next)
		if (l->op == LUMP_DEL && (int)l->u.offset == offset)
			return true;
	return false;
}

static void remove_header(struct sip_msg *msg, const struct hdr_field *h)
{
	if (is_removed(msg, (int)(h->name.s - msg->buf)))
		return;
	if (!del_lump(msg, (int)(h->name.s - msg->buf), h->len, HDR_OTHER_T))
		LM_ERR("no memory to remove a header\n");
}

enum ar_mark ar_mark_check(
	struct sip_msg *msg, const struct ar_view *v, char id[AR_CALL_ID_LEN + 1])
{
	enum ar_mark found = AR_MARK_NONE;

	id[0] = 0;
	if (stripped_id == msg->id && stripped_pid == msg->pid)
		return AR_MARK_NONE;
	for (struct hdr_field *h = next_mark(msg->headers); h; h = next_mark(h->next)) {
		struct ar_span mark = ar_span_trim(ar_span_of(&h->body));

		if (ar_token_mark_ok(mark, secret, v->key.callid, v->key.from_tag)) {
			found = AR_MARK_OURS;
			memcpy(id, mark.p, AR_CALL_ID_LEN);
			id[AR_CALL_ID_LEN] = 0;
			continue;
		}
		AR_COUNT(marks_bad);
		LM_DBG("a mark that is not ours from %s removed\n", ip_addr2a(&msg->rcv.src_ip));
		remove_header(msg, h);
		if (found == AR_MARK_NONE)
			found = AR_MARK_FORGED;
	}
	return found;
}

void ar_mark_strip(struct sip_msg *msg)
{
	if (parse_headers(msg, HDR_EOH_F, 0) < 0)
		return;
	for (struct hdr_field *h = next_mark(msg->headers); h; h = next_mark(h->next))
		remove_header(msg, h);
	stripped_id = msg->id;
	stripped_pid = msg->pid;
}

void ar_mark_to_ue(struct sip_msg *msg)
{
	ar_mark_strip(msg);
	to_ue_id = msg->id;
	to_ue_pid = msg->pid;
}

void ar_mark_add(struct sip_msg *msg, const struct ar_view *v, const char *id)
{
	char mark[AR_MARK_MAX], *text;
	struct lump *anchor;
	int n;

	if (to_ue_id == msg->id && to_ue_pid == msg->pid)
		return;
	ar_token_mark(mark, secret, v->key.callid, v->key.from_tag, id, ar_conf.name);
	n = ar_conf.mark_header.len + 2 + (int)strlen(mark) + CRLF_LEN;
	text = pkg_malloc((size_t)n + 1);
	anchor = text ? anchor_lump(msg, (int)(msg->unparsed - msg->buf), 0, HDR_OTHER_T) : NULL;
	if (!anchor) {
		LM_ERR("no memory for the mark\n");
		pkg_free(text);
		return;
	}
	snprintf(text, (size_t)n + 1, "%.*s: %s\r\n", ar_conf.mark_header.len,
		ar_conf.mark_header.s, mark);
	if (!insert_new_lump_before(anchor, text, n, HDR_OTHER_T))
		pkg_free(text);
}

static bool has_record_route(const struct sip_msg *msg)
{
	for (const struct lump *l = msg->add_rm; l; l = l->next)
		for (const struct lump *b = l->before; b; b = b->before)
			if (b->type == HDR_RECORDROUTE_T)
				return true;
	return false;
}

static void add_parameter(struct sip_msg *msg, const char *token)
{
	char text[AR_ROUTE_MAX + 16];
	str s;

	s.s = text;
	s.len = snprintf(text, sizeof(text), ";ims_ar=%s", token);
	if (rr.add_rr_param(msg, &s) < 0)
		LM_ERR("cannot add the Record-Route parameter\n");
}

/* A call that becomes an AR call later keeps its Record-Routes (RFC 3261 12.2). */
void ar_mark_route(struct sip_msg *msg, const struct ar_view *v, const char *id, unsigned asd)
{
	char token[AR_ROUTE_MAX];

	if (!have_rr || v->key.to_tag.n)
		return;
	if (!has_record_route(msg))
		LM_WARN("ims_ar_offer() before record_route(): requests inside the dialog will not "
			"show "
			"that it is anchored\n");
	ar_token_route(token, secret, v->key.callid, id, asd);
	add_parameter(msg, token);
}

void ar_mark_route_other(struct sip_msg *msg, const struct ar_view *v, const char *id)
{
	struct ar_other o = {.tag = ar_hash32(v->key.from_tag.p, v->key.from_tag.n)};
	char token[AR_ROUTE_MAX];

	if (!have_rr || !has_record_route(msg))
		return;
	memcpy(o.id, id, sizeof(o.id));
	ar_token_other(token, secret, v->key.callid, &o);
	add_parameter(msg, token);
}

enum ar_pass ar_mark_pass(
	struct sip_msg *msg, struct ar_view *v, unsigned *asd, struct ar_other *other)
{
	str name = str_init("ims_ar"), value = STR_NULL;

	if (!have_rr || rr.get_route_param(msg, &name, &value) < 0)
		return AR_PASS_NONE;
	if (ar_token_route_ok(ar_span_of(&value), secret, v->key.callid, v->key.id, asd))
		return AR_PASS_OURS;
	if (ar_token_other_ok(ar_span_of(&value), secret, v->key.callid, other))
		return AR_PASS_OTHER;
	AR_COUNT(routes_bad);
	LM_DBG("%.*s: a Record-Route parameter that is not ours\n", (int)v->key.callid.n,
		v->key.callid.p);
	return AR_PASS_NONE;
}
