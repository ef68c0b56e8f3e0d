/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/ice/ice.h"
#include "mediad/net/peer_addr.h"

#include <errno.h>
#include <openssl/rand.h>

/* 64 ice-chars (RFC 8839 5.4), so that six random bits make one. */
static int random_chars(char *out, size_t n)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t r[ICE_PWD_LEN];

	if (n > sizeof(r) || RAND_bytes(r, (int)n) != 1)
		return -EIO;
	for (size_t i = 0; i < n; i++)
		out[i] = set[r[i] & 63];
	out[n] = '\0';
	return 0;
}

static int make_local(struct ice_local *l)
{
	int err = random_chars(l->ufrag, ICE_UFRAG_LEN);

	if (!err)
		err = random_chars(l->pwd, ICE_PWD_LEN);
	return err ? err : stun_key_new(&l->key, ar_span_str(l->pwd));
}

int ice_init(struct ice *ice)
{
	*ice = (struct ice){0};
	return make_local(&ice->local);
}

static void drop_local(struct ice_local *l)
{
	stun_key_free(l->key);
	*l = (struct ice_local){.key = NULL};
}

void ice_free(struct ice *ice)
{
	drop_local(&ice->local);
	drop_local(&ice->old_local);
}

int ice_restart(struct ice *ice)
{
	struct ice_local fresh = {.key = NULL};
	int err = make_local(&fresh);

	if (err)
		return err;
	/* an answer that was never delivered: what the UE uses is the one before */
	if (ice->old_local.key)
		drop_local(&ice->local);
	else
		ice->old_local = ice->local;
	ice->local = fresh;
	return 0;
}

uint64_t ice_remote_hash(struct ar_span s)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3ull;
	return h ? h : 1;
}

bool ice_is_ours(const struct ice *ice, const struct ice_pair *p)
{
	return !ice->remote || p->remote == ice->remote ||
	       (ice->old_remote && p->remote == ice->old_remote);
}

bool ice_has_heard(const struct ice *ice, struct ar_span ufrag)
{
	uint64_t remote = ice_remote_hash(ufrag);

	for (unsigned i = 0; i < ice->npair; i++) {
		if (ice->pair[i].remote == remote)
			return true;
	}
	return false;
}

bool ice_is_reached(const struct ice *ice)
{
	for (unsigned i = 0; i < ice->npair; i++) {
		if (ice->remote && ice->pair[i].remote == ice->remote)
			return true;
	}
	return false;
}

void ice_set_remote(struct ice *ice, struct ar_span ufrag, bool same_ue)
{
	uint64_t remote = ice_remote_hash(ufrag);

	if (remote == ice->remote)
		return;
	ice->old_remote = same_ue ? ice->remote : 0;
	ice->seen = same_ue ? ice->seen : 0;
	ice->remote = remote;
	if (ice->selected && !ice_is_ours(ice, ice->selected))
		ice->selected = NULL;
	for (unsigned i = 0; i < ice->npair; i++) {
		struct ice_pair *p = &ice->pair[i];

		/* a nomination that came before its description counts now */
		if (p->remote != remote)
			continue;
		if (p->nominated && (!ice->selected || ice->selected->remote != remote))
			ice->selected = p;
		if (p->seen > ice->seen)
			ice->seen = p->seen;
	}
}

/* May this one be selected? That of the previous description only until the new one has one. */
static bool counts(const struct ice *ice, const struct ice_pair *p)
{
	return ice->remote && ice_is_ours(ice, p) &&
	       (p->remote == ice->remote || !ice->selected || ice->selected->remote != ice->remote);
}

void ice_on_data(struct ice *ice, struct ice_pair *pair)
{
	if (!ice->selected || pair == ice->selected || !counts(ice, pair) ||
		pair->seen <= ice->selected->seen)
		return;
	pair->nominated = true;
	ice->selected = pair;
}

struct ice_pair *ice_find(struct ice *ice, const struct peer_addr *from)
{
	for (unsigned i = 0; i < ice->npair; i++) {
		if (peer_addr_eq(&ice->pair[i].addr, from))
			return &ice->pair[i];
	}
	return NULL;
}

/* A slot for a new address: a free one, or the stalest that is not selected. */
static struct ice_pair *take_slot(struct ice *ice)
{
	struct ice_pair *old = NULL;

	if (ice->npair < ICE_MAX_PAIRS)
		return &ice->pair[ice->npair++];
	for (unsigned i = 0; i < ICE_MAX_PAIRS; i++) {
		struct ice_pair *p = &ice->pair[i];

		if (p != ice->selected && (!old || p->seen < old->seen))
			old = p;
	}
	return old;
}

/* Splits USERNAME and picks the local credentials it means; NULL when it means none of ours. */
static struct ice_local *which_local(
	struct ice *ice, const struct stun_msg *m, struct ar_span *remote)
{
	const char *colon = memchr(m->username.p, ':', m->username.n);
	struct ar_span local;

	if (!colon)
		return NULL;
	local = (struct ar_span){m->username.p, (size_t)(colon - m->username.p)};
	*remote = (struct ar_span){colon + 1, m->username.n - local.n - 1};
	if (ar_span_eq(local, ar_span_str(ice->local.ufrag)))
		return &ice->local;
	if (ice->old_local.key && ar_span_eq(local, ar_span_str(ice->old_local.ufrag)))
		return &ice->old_local;
	return NULL;
}

static void answer(struct ice_out *out, const struct stun_msg *m, struct stun_key *k,
	enum stun_error error, const struct peer_addr *from)
{
	struct stun_writer w;
	int n;

	stun_begin(&w, out->reply, sizeof(out->reply), error ? STUN_FAILURE : STUN_SUCCESS, m->id);
	if (error)
		stun_add_error(&w, error, m);
	else
		stun_add_xor_mapped(&w, from);
	n = stun_finish(&w, k);
	out->verdict = error ? ICE_ERROR : ICE_OK;
	/* nothing larger out than in */
	out->nreply = n > 0 && (size_t)n <= m->raw.n ? (size_t)n : 0;
}

static void on_valid(struct ice *ice, const struct stun_msg *m, struct ar_span remote,
	const struct peer_addr *from, uint64_t now, struct ice_out *out)
{
	struct ice_pair *p = ice_find(ice, from);

	if (!p) {
		p = take_slot(ice);
		*p = (struct ice_pair){.addr = *from};
		out->fresh = true;
	}
	/* from one address checks of the new and of the previous description may come in turns */
	if (out->fresh || !ice->remote || p->remote != ice->remote)
		p->remote = ice_remote_hash(remote);
	p->seen = now;
	p->priority = m->priority;
	out->pair = p;
	if (ice_is_ours(ice, p))
		ice->seen = now;
	if (!m->use_candidate)
		return;
	out->nominated = true;
	p->nominated = true;
	/* the latest nomination wins: that is how a UE moves (libwebrtc) */
	if (ice->selected != p && counts(ice, p)) {
		ice->selected = p;
		out->moved = true;
	}
}

/* Which error a request with good integrity deserves, 0: none. */
static enum stun_error judge(const struct ice *ice, const struct stun_msg *m, struct ar_span remote)
{
	struct ice_pair probe = {.remote = ice_remote_hash(remote)};

	if (!ice_is_ours(ice, &probe))
		return STUN_UNAUTHENTICATED;
	if (m->nunknown)
		return STUN_UNKNOWN_ATTRIBUTE;
	return m->controlled ? STUN_ROLE_CONFLICT : 0; /* RFC 8445 7.3.1.1: we are lite */
}

void ice_input(struct ice *ice, struct ar_span d, const struct peer_addr *from, uint64_t now,
	struct ice_out *out)
{
	struct ar_span remote = AR_SPAN_NONE;
	struct ice_local *local;
	enum stun_error error;
	struct stun_msg m;

	*out = (struct ice_out){.verdict = ICE_ERROR};
	if (stun_parse(&m, d) != 0)
		return;
	if (m.method != STUN_BINDING || m.cls != STUN_REQUEST) {
		out->verdict =
			m.method == STUN_BINDING && m.cls == STUN_INDICATION ? ICE_DROP : ICE_ERROR;
		return;
	}
	if (!m.username.p || !m.mi_at) {
		answer(out, &m, NULL, STUN_BAD_REQUEST, from);
		return;
	}
	local = which_local(ice, &m, &remote);
	if (!local || !stun_check(&m, local->key)) {
		answer(out, &m, NULL, STUN_UNAUTHENTICATED, from);
		return;
	}
	error = judge(ice, &m, remote);
	answer(out, &m, local->key, error, from);
	if (error)
		return;
	on_valid(ice, &m, remote, from, now, out);
	if (local == &ice->local)
		drop_local(&ice->old_local);
}
