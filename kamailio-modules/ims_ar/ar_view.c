/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_view.h"

#include "common/ar_frame.h"

#include "../../core/dprint.h"
#include "../../core/parser/parse_body.h"
#include "../../core/parser/parse_content.h"
#include "../../core/parser/parse_cseq.h"
#include "../../core/parser/parse_from.h"
#include "../../core/parser/parse_to.h"

#include <errno.h>
#include <stdio.h>

#define JOIN_MAX 8192 /* bytes of all headers of one name */

_Static_assert(METHOD_ACK == 4, "ar_calls.c knows ACK by this number");

/* Headers of one name. One is borrowed; several are joined with commas (RFC 3261 7.3.1) in a
 * buffer of this process. */
struct join {
	struct ar_span out;
	char *buf;
};

static void join_add(struct join *j, struct ar_span body)
{
	if (!j->out.p) {
		j->out = body;
		return;
	}
	if (j->out.n + 2 + body.n > JOIN_MAX)
		return;
	if (j->out.p != j->buf) {
		memcpy(j->buf, j->out.p, j->out.n);
		j->out.p = j->buf;
	}
	memcpy(j->buf + j->out.n, ", ", 2);
	memcpy(j->buf + j->out.n + 2, body.p, body.n);
	j->out.n += 2 + body.n;
}

/* RFC 3262 7.2: RAck: <response-num> <CSeq-num> <Method> */
static void read_rack(const struct sip_msg *msg, struct ar_view *v)
{
	for (const struct hdr_field *h = msg->headers; h; h = h->next) {
		char text[48];
		unsigned rseq, cseq;

		if (!ar_span_caseeq(ar_span_of(&h->name), "RAck") || h->body.len <= 0 ||
			h->body.len >= (int)sizeof(text))
			continue;
		memcpy(text, h->body.s, (size_t)h->body.len);
		text[h->body.len] = 0;
		if (sscanf(text, "%10u %10u INVITE", &rseq, &cseq) == 2)
			v->rack = cseq;
	}
}

static void read_headers(struct sip_msg *msg, struct ar_view *v)
{
	static char buf[4][JOIN_MAX];
	struct join contact = {.buf = buf[0]}, accept = {.buf = buf[1]};
	struct join service = {.buf = buf[2]}, identity = {.buf = buf[3]};

	for (struct hdr_field *h = msg->headers; h; h = h->next) {
		struct ar_span name = ar_span_of(&h->name),
			       body = ar_span_trim(ar_span_of(&h->body));

		if (h->type == HDR_CONTACT_T)
			join_add(&contact, body);
		else if (ar_span_caseeq(name, "Accept-Contact") || ar_span_caseeq(name, "a"))
			join_add(&accept, body);
		else if (ar_span_caseeq(name, "P-Asserted-Service"))
			join_add(&service, body);
		else if (ar_span_caseeq(name, "P-Asserted-Identity"))
			join_add(&identity, body);
	}
	if (!v->reply && v->key.method == METHOD_PRACK)
		read_rack(msg, v);
	v->contact = contact.out;
	v->accept_contact = accept.out;
	v->asserted_service = service.out;
	v->asserted_identity = identity.out;
}

/* Sent-by and branch: what stays of a Via on its way there and back (received and rport are added
 * by us). */
static uint32_t hash_via(const struct via_body *via)
{
	uint32_t h = ar_hash32(via->host.s, (size_t)via->host.len);

	h ^= (uint32_t)via->port * 2654435761u;
	if (via->branch && via->branch->value.len > 0)
		h ^= ar_hash32(via->branch->value.s, (size_t)via->branch->value.len);
	return h;
}

static struct via_body *second_via(struct sip_msg *msg)
{
	if (msg->via1 && msg->via1->next)
		return msg->via1->next;
	if (parse_headers(msg, HDR_VIA2_F, 0) < 0)
		return NULL;
	return msg->via2 && msg->via2->error == PARSE_OK ? msg->via2 : NULL;
}

static int read_names(struct sip_msg *msg, struct ar_view *v)
{
	struct cseq_body *cseq;
	struct to_body *from, *to;
	struct via_body *via;
	unsigned int n;

	if (!msg->callid || !msg->cseq || !msg->to || !msg->from || parse_from_header(msg) < 0 ||
		parse_to_header(msg) < 0)
		return -EBADMSG;
	cseq = get_cseq(msg);
	from = get_from(msg);
	to = get_to(msg);
	via = v->reply ? second_via(msg) : msg->via1;
	if (!cseq || str2int(&cseq->number, &n) < 0 || !via)
		return -EBADMSG;
	v->key.cseq = n;
	v->key.method = (uint32_t)cseq->method_id;
	v->method = ar_span_of(&cseq->method);
	v->key.callid = ar_span_trim(ar_span_of(&msg->callid->body));
	v->key.from_tag = ar_span_of(&from->tag_value);
	v->key.to_tag = ar_span_of(&to->tag_value);
	v->key.via = hash_via(via);
	v->from = ar_span_of(&from->uri);
	v->to = ar_span_of(&to->uri);
	if (!v->key.callid.n)
		return -EBADMSG;
	return v->key.callid.n > AR_NAME_MAX || v->key.from_tag.n > AR_NAME_MAX ||
			       v->key.to_tag.n > AR_NAME_MAX
		       ? -ENAMETOOLONG
		       : 0;
}

static bool one_content_type(const struct sip_msg *msg)
{
	unsigned types = 0, encodings = 0;

	for (const struct hdr_field *h = msg->headers; h; h = h->next) {
		struct ar_span name = ar_span_of(&h->name);

		types += h->type == HDR_CONTENTTYPE_T;
		encodings += ar_span_caseeq(name, "Content-Encoding") || ar_span_caseeq(name, "e");
	}
	return types <= 1 && !encodings;
}

/* A second SDP part, or one of a nested multipart: what a UE takes of them is its own affair. */
static bool says_sdp(const char *p, const char *end)
{
	const size_t n = sizeof("application/sdp") - 1;

	for (; p + n <= end; p++)
		if (strncasecmp(p, "application/sdp", n) == 0)
			return true;
	return false;
}

static void read_body(struct sip_msg *msg, struct ar_view *v)
{
	const char *all = get_body(msg), *end = msg->buf + msg->len;
	int len = 0;
	char *p;

	if (!all || all >= end)
		return;
	v->ambiguous = !one_content_type(msg);
	p = msg->content_type ? get_body_part(msg, TYPE_APPLICATION, SUBTYPE_SDP, &len) : NULL;
	if (p && len > 0) {
		v->body = (struct ar_span){p, (size_t)len};
		v->ambiguous |= p != all && says_sdp(p + len, end);
	} else {
		v->ambiguous |= says_sdp(all, end);
	}
}

int ar_view_read(struct sip_msg *msg, struct ar_view *v)
{
	int rc;

	memset(v, 0, sizeof(*v));
	if (parse_headers(msg, HDR_EOH_F, 0) < 0)
		return -EBADMSG;
	v->reply = msg->first_line.type == SIP_REPLY;
	if (v->reply)
		v->status = (int)msg->first_line.u.reply.statuscode;
	else
		v->ruri = ar_span_of(&msg->first_line.u.request.uri);
	rc = read_names(msg, v);
	if (rc < 0) {
		LM_DBG("a header that names the dialog is missing, broken or too long\n");
		return rc;
	}
	read_headers(msg, v);
	read_body(msg, v);
	return 0;
}

bool ar_view_late_key(const struct ar_view *v, struct ar_msg_key *k)
{
	if (v->reply || !v->rack || !v->body.p)
		return false;
	*k = v->key;
	k->cseq = v->rack;
	k->method = METHOD_ACK;
	return true;
}

bool ar_view_offers(const struct ar_view *v)
{
	return v->key.method & (METHOD_INVITE | METHOD_UPDATE | METHOD_PRACK);
}
