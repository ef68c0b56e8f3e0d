/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/scene/scene_internal.h"

#include <errno.h>
#include <stdlib.h>

/* Both guards of a patch and their brackets, with revisions of 20 digits. */
#define GUARDS 160

int scene_view_open(struct scene *s, struct scene_view *v)
{
	if (s->nview == SCENE_MAX_VIEWS)
		return -ENOSPC;
	*v = (struct scene_view){.whole = true, .own = -1};
	ar_buf_init(&v->backlog, 2 * SCENE_MAX_BYTES);
	s->view[s->nview++] = v;
	return 0;
}

void scene_view_close(struct scene *s, struct scene_view *v)
{
	for (unsigned i = 0; i < s->nview; i++) {
		if (s->view[i] == v) {
			s->view[i] = s->view[--s->nview];
			break;
		}
	}
	ar_buf_free(&v->backlog);
}

void scene_view_reset(struct scene_view *v)
{
	v->whole = true;
	ar_buf_reset(&v->backlog);
	v->backlog_pos = 0;
}

static uint64_t dirty_word(const struct scene_view *v, unsigned w, bool with_own)
{
	uint64_t bits = v->dirty[w] & ~v->hold[w];

	if (!with_own && v->own >= 0 && (unsigned)v->own / 64 == w)
		bits &= ~(1ull << (v->own % 64));
	return bits;
}

bool scene_view_pending(const struct scene *s, const struct scene_view *v, bool with_own)
{
	if (v->whole || v->backlog_pos < v->backlog.n || v->journal != s->journal)
		return true;
	if (with_own && v->sent_rev != s->rev)
		return true;
	for (unsigned w = 0; w <= s->nnode / 64 && w < SCENE_WORDS; w++) {
		if (dirty_word(v, w, with_own))
			return true;
	}
	return false;
}

static int backlog_next(struct scene_view *v, struct ar_buf *out)
{
	uint32_t n;

	memcpy(&n, v->backlog.p + v->backlog_pos, sizeof(n));
	ar_buf_add(out, v->backlog.p + v->backlog_pos + sizeof(n), n);
	v->backlog_pos += sizeof(n) + n;
	if (v->backlog_pos == v->backlog.n) {
		ar_buf_free(&v->backlog);
		v->backlog_pos = 0;
	}
	return ar_buf_err(out) ? ar_buf_err(out) : 1;
}

static int whole_next(struct scene *s, struct scene_view *v, size_t max, struct ar_buf *out)
{
	size_t limit = max < SCENE_ONE_MESSAGE ? max : SCENE_ONE_MESSAGE;
	int err = scene_write(s, out);

	if (!err && out->n > limit) {
		ar_buf_reset(out);
		err = scene_pieces(s, v, max < SCENE_PIECE ? max : SCENE_PIECE);
	}
	if (err)
		return err;
	memset(v->dirty, 0, sizeof(v->dirty));
	v->journal = s->journal;
	v->sent_rev = s->rev;
	v->whole = false;
	return v->backlog.n ? backlog_next(v, out) : 1;
}

struct build {
	struct ar_buf *out;
	size_t room; /* out->n may grow up to this before the closing guard */
	bool any, full;
};

static void add_ops(struct build *b, struct ar_span ops)
{
	if (b->out->n + ops.n + 1 > b->room) {
		b->full = true;
		return;
	}
	ar_buf_add_span(b->out, ops);
	ar_buf_add(b->out, ",", 1);
	b->any = true;
}

static void add_journal(const struct scene *s, struct scene_view *v, struct build *b)
{
	while (!b->full && v->journal != s->journal) {
		const struct scene_change *c = &s->change[v->journal % SCENE_MAX_JOURNAL];

		add_ops(b, (struct ar_span){c->text, c->n});
		if (!b->full)
			v->journal++;
	}
}

static void add_poses(struct scene *s, struct scene_view *v, bool with_own, struct build *b)
{
	for (unsigned w = 0; w <= s->nnode / 64 && w < SCENE_WORDS; w++) {
		uint64_t bits = dirty_word(v, w, with_own);

		for (; bits && !b->full; bits &= bits - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(bits);

			add_ops(b, scene_node_ops(s, w * 64 + bit));
			if (!b->full)
				v->dirty[w] &= ~(1ull << bit);
		}
	}
}

/* Revisions are unique within what one view is sent, so that a missed patch is noticed. */
static uint64_t next_rev(struct scene *s, const struct scene_view *v, const struct build *b)
{
	if (b->full) {
		if (v->sent_rev + 1 >= s->rev)
			s->rev = v->sent_rev + 2;
		return v->sent_rev + 1;
	}
	if (b->any && v->sent_rev == s->rev)
		s->rev++;
	return s->rev;
}

static void guard(struct ar_buf *out, const char *head, uint64_t rev, const char *tail)
{
	char text[96], *p = text;

	ar_buf_add_str(out, head);
	p = scene_print_uint(p, rev);
	ar_buf_add(out, text, (size_t)(p - text));
	ar_buf_add_str(out, tail);
}

static int patch_next(
	struct scene *s, struct scene_view *v, size_t max, bool with_own, struct ar_buf *out)
{
	struct build b = {.out = out, .room = max - GUARDS / 2};

	guard(out, "[{\"op\":\"test\",\"path\":\"" SCENE_REV_PATH "\",\"value\":", v->sent_rev,
		"},");
	add_journal(s, v, &b);
	if (!b.full)
		add_poses(s, v, with_own, &b);
	if (b.full && !b.any)
		return -EMSGSIZE;
	if (!b.any && (!with_own || v->sent_rev == s->rev)) {
		ar_buf_reset(out);
		return 0;
	}
	v->sent_rev = next_rev(s, v, &b);
	guard(out, "{\"op\":\"replace\",\"path\":\"" SCENE_REV_PATH "\",\"value\":", v->sent_rev,
		"}]");
	return ar_buf_err(out) ? ar_buf_err(out) : 1;
}

int scene_view_next(
	struct scene *s, struct scene_view *v, size_t max, bool with_own, struct ar_buf *out)
{
	int rc;

	ar_buf_reset(out);
	if (max < SCENE_MIN_MESSAGE)
		return -EMSGSIZE;
	if (v->backlog_pos < v->backlog.n)
		return backlog_next(v, out);
	if (s->journal - v->journal > SCENE_MAX_JOURNAL)
		v->whole = true;
	if (!v->whole) {
		rc = patch_next(s, v, max, with_own, out);
		if (rc != -EMSGSIZE)
			return rc;
		/* one change alone is too long: the pieces of a whole document are smaller */
		ar_buf_reset(out);
		v->whole = true;
	}
	return whole_next(s, v, max, out);
}

unsigned scene_view_moved(const struct scene *s, struct scene_view *v, unsigned *node, unsigned max)
{
	unsigned n = 0;

	for (unsigned w = 0; w <= s->nnode / 64 && w < SCENE_WORDS && n < max; w++) {
		for (; v->dirty[w] && n < max; v->dirty[w] &= v->dirty[w] - 1)
			node[n++] = w * 64 + (unsigned)__builtin_ctzll(v->dirty[w]);
	}
	return n;
}

int scene_view_keepalive(const struct scene_view *v, struct ar_buf *out)
{
	ar_buf_reset(out);
	guard(out, "[{\"op\":\"test\",\"path\":\"" SCENE_REV_PATH "\",\"value\":", v->sent_rev,
		"}]");
	return ar_buf_err(out);
}
