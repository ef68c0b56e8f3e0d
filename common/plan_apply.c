/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/plan_emit.h"

#include <errno.h>

static bool live_with_ice(const struct ar_sdp_media *m)
{
	return m->port && ar_sdp_attr(m->text, "ice-ufrag").p;
}

/* A section from the plan's texts; false when the text is none (ar_plan_check() refuses those). */
static bool set_text(struct plan_piece *piece, struct ar_span text)
{
	*piece = (struct plan_piece){.ours = true};
	return text.n && ar_sdp_parse_section(&piece->m, text, NULL) == 0;
}

/* Section `sec` wants that text of ours which the other side's section calls for. */
static struct ar_span our_text(const struct ar_plan_section *sec, const struct ar_sdp *in)
{
	unsigned k = (unsigned)sec->from;
	bool refused = sec->from >= 0 && (k >= in->nmedia || in->media[k].port == 0);

	return refused && sec->alt.p ? sec->alt : sec->text;
}

/* The ordinary section: of relayed at index `at` when there is one. */
static int pass_section(struct plan_piece *piece, const struct ar_plan_section *sec,
	const struct ar_sdp *in, const struct ar_sdp *relayed, unsigned at)
{
	unsigned k = (unsigned)sec->from;
	const struct ar_sdp *source = in;

	if (sec->from < 0 || k >= in->nmedia)
		return set_text(piece, sec->alt) ? 0 : -EBADMSG;
	if (in->media[k].kind == AR_SDP_DATACHANNEL) {
		*piece = (struct plan_piece){.m = in->media[k], .from = in};
		return 0;
	}
	if (relayed) {
		source = relayed;
		k = at;
	}
	if (k >= source->nmedia)
		return set_text(piece, sec->alt) ? 0 : -EBADMSG;
	*piece = (struct plan_piece){.m = source->media[k]};
	return 0;
}

/* rtpengine knows A's indices: those of the input when A sent it, ours when A gets it. */
static unsigned relayed_index(
	const struct ar_plan *p, struct ar_plan_dir d, const struct ar_recipe *r, unsigned j)
{
	if (ar_plan_to(p, d) == AR_SIDE_A || r->sec[j].from < 0)
		return j;
	return (unsigned)r->sec[j].from;
}

static int make_parts(struct plan_parts *parts, const struct ar_plan *p, struct ar_plan_dir d,
	const struct ar_sdp *in, const struct ar_sdp *relayed, bool *ice_lite)
{
	const struct ar_recipe *r = ar_plan_recipe(p, d);

	if (r->n > AR_PLAN_MAX_SECTIONS)
		return -EBADMSG;
	parts->n = r->n;
	for (unsigned j = 0; j < r->n; j++) {
		const struct ar_plan_section *sec = &r->sec[j];
		struct plan_piece *piece = &parts->piece[j];
		int err;

		if (sec->pass) {
			err = pass_section(piece, sec, in, relayed, relayed_index(p, d, r, j));
			if (err)
				return err;
			/* a lite UE's data channel must not look full behind rtpengine's session */
			*ice_lite |= piece->from && live_with_ice(&piece->m) &&
				     ar_sdp_attr(in->session, "ice-lite").p;
		} else {
			if (!set_text(piece, our_text(sec, in)))
				return -EBADMSG;
			if (sec->carry && piece->m.port && (unsigned)sec->from < in->nmedia) {
				piece->carry = in->media[sec->from].text;
				piece->carry_session = in->session;
				piece->ssrc_mask = sec->ssrc_mask;
			}
			*ice_lite |= r->ice_lite && live_with_ice(&piece->m);
		}
	}
	return 0;
}

static bool has_tcc(struct ar_span section)
{
	struct ar_span line;
	size_t pos = 0;

	while (ar_sdp_next_line(section, &pos, &line)) {
		if (plan_av_is_tcc(line))
			return true;
	}
	return false;
}

static bool recipe_has_tcc(const struct ar_recipe *r)
{
	for (unsigned j = 0; j < r->n && r->n <= AR_PLAN_MAX_SECTIONS; j++) {
		if (r->sec[j].carry && has_tcc(r->sec[j].text))
			return true;
	}
	return false;
}

/*
 * A UE numbers the packets of all its transports together. Where the media function takes part, it
 * sees one transport only, and the gaps that the other media make there look like loss to the
 * sender, which then starves its video. So no other section has it, on neither leg.
 */
static bool owns_tcc(const struct ar_plan *p)
{
	for (unsigned i = 0; i < p->nanswer; i++) {
		if (recipe_has_tcc(&p->answer[i]))
			return true;
	}
	return recipe_has_tcc(&p->offer);
}

int ar_plan_apply(const struct ar_plan *p, struct ar_plan_dir d, const struct ar_sdp *in,
	const struct ar_sdp *relayed, uint64_t version, struct ar_buf *out)
{
	enum ar_side to = ar_plan_to(p, d);
	struct plan_session s = {.text = relayed ? relayed->session : in->session,
		.drop_group = p->drop_group,
		.group = p->group[to],
		.session_id = p->session_id[to],
		.origin_addr = p->origin_addr[to],
		.version = version,
		.own_tcc = owns_tcc(p),
		.address = p->origin_addr[to]};
	struct plan_parts parts;
	int err;

	err = make_parts(&parts, p, d, in, relayed, &s.ice_lite);
	if (err)
		return err;
	plan_emit(out, &s, &parts);
	return ar_buf_err(out);
}

/* Whether the recipe takes section i of its input along; without a recipe everything is. */
static bool passes(const struct ar_recipe *r, unsigned i)
{
	for (unsigned j = 0; r && j < r->n; j++) {
		if (r->sec[j].pass && r->sec[j].from == (int)i)
			return true;
	}
	return !r;
}

/* A's own description, or any in an ordinary call: as it is, data channels and what is ours as
 * stubs. */
static void hide_input(
	struct plan_parts *parts, const struct ar_recipe *r, const struct ar_sdp *in, uint32_t also)
{
	parts->n = in->nmedia;
	for (unsigned i = 0; i < in->nmedia; i++)
		parts->piece[i] = (struct plan_piece){.m = in->media[i],
			.port0 = in->media[i].kind == AR_SDP_DATACHANNEL || !passes(r, i) ||
				 also & 1u << i};
}

/* B's description in A's layout: sections of ours as stubs too. */
static int hide_mapped(struct plan_parts *parts, const struct ar_recipe *r, const struct ar_sdp *in)
{
	if (r->n > AR_PLAN_MAX_SECTIONS)
		return -EBADMSG;
	parts->n = r->n;
	for (unsigned j = 0; j < r->n; j++) {
		const struct ar_plan_section *sec = &r->sec[j];
		struct plan_piece *piece = &parts->piece[j];

		if (sec->pass && sec->from >= 0 && (unsigned)sec->from < in->nmedia)
			*piece = (struct plan_piece){.m = in->media[sec->from]};
		else if (!set_text(piece, sec->pass ? sec->alt : our_text(sec, in)))
			return -EBADMSG;
		piece->port0 = !sec->pass || piece->m.kind == AR_SDP_DATACHANNEL;
	}
	return 0;
}

static int hide(const struct ar_plan *p, struct ar_plan_dir d, const struct ar_sdp *in,
	uint32_t also, struct ar_buf *out)
{
	struct plan_session s = {.text = in->session,
		.drop_group = p && p->drop_group,
		.address = plan_origin_address(in)};
	struct plan_parts parts;
	int err;

	if (p && ar_plan_to(p, d) == AR_SIDE_A) {
		err = hide_mapped(&parts, ar_plan_recipe(p, d), in);
		if (err)
			return err;
	} else {
		hide_input(&parts, p ? ar_plan_recipe(p, d) : NULL, in, also);
	}
	plan_emit(out, &s, &parts);
	return ar_buf_err(out);
}

int ar_plan_hide(
	const struct ar_plan *p, struct ar_plan_dir d, const struct ar_sdp *in, struct ar_buf *out)
{
	return hide(p, d, in, 0, out);
}

int ar_plan_hide_also(const struct ar_sdp *in, uint32_t also, struct ar_buf *out)
{
	return hide(NULL, (struct ar_plan_dir){.answer = false}, in, also, out);
}

int ar_sdp_restore(const struct ar_sdp *in, const struct ar_sdp *relayed, struct ar_buf *out)
{
	return ar_sdp_restore_also(in, relayed, 0, out);
}

int ar_sdp_restore_also(
	const struct ar_sdp *in, const struct ar_sdp *relayed, uint32_t also, struct ar_buf *out)
{
	struct plan_session s = {.text = relayed->session, .address = plan_origin_address(relayed)};
	struct plan_parts parts = {.n = in->nmedia};

	if (relayed->nmedia != in->nmedia)
		return -EBADMSG;
	for (unsigned i = 0; i < in->nmedia; i++) {
		if (in->media[i].kind != AR_SDP_DATACHANNEL && !(also & 1u << i)) {
			parts.piece[i] = (struct plan_piece){.m = relayed->media[i]};
			continue;
		}
		parts.piece[i] = (struct plan_piece){.m = in->media[i], .from = in};
		s.ice_lite |=
			live_with_ice(&in->media[i]) && ar_sdp_attr(in->session, "ice-lite").p;
	}
	plan_emit(out, &s, &parts);
	return ar_buf_err(out);
}
