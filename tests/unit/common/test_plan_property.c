/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random dialogs through the planner, the map and the plans, with and without an rtpengine in the
 * middle; after every description both legs are held against RFC 3264, 5888, 8839, 8841, 8842, 8864
 * and 9143.
 *
 *   unit_plan_property [-n dialogs] [-s seed] [-v 1]
 *
 * A failure names the dialog's own seed: -n 1 -s <that> -v 1 repeats it alone and shows all.
 */
#include "asd/call/planner_boot.h"
#include "tests/unit/common/property_check.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define MAX_EXCHANGES 10
#define PWD "mfmfmfmfmfmfmfmfmfmfmfmf"
#define FP "SHA-256 AA:BB"

static void show(const struct dialog *d, const char *what, const struct ar_buf *b)
{
	if (verbose)
		printf("---- exchange %u: %s\n%.*s\n", d->step, what, SHOW(b));
}

/* ---- rtpengine ---- */

/* Its ports and address, no group, what is at port 0 left alone. */
static bool relay(struct dialog *d, const struct ar_sdp *in, struct ar_buf *out)
{
	bool session_c = ar_sdp_line(in->session, 'c').p != NULL;

	ar_buf_reset(out);
	ar_buf_add_str(out, "v=0\r\no=- 1 1 IN IP4 203.0.113.200\r\ns=-\r\nt=0 0\r\n");
	for (unsigned i = 0; i < in->nmedia; i++) {
		const struct ar_sdp_media *m = &in->media[i];
		struct ar_span line;
		size_t pos = 0;

		if (!session_c && !ar_sdp_line(m->text, 'c').p)
			FAIL(d, "rtpengine: no c= in section %u", i);
		if (m->kind == AR_SDP_DATACHANNEL && m->port)
			FAIL(d, "rtpengine sees a data channel");
		if (is_armf(m))
			FAIL(d, "rtpengine sees media of the ARMF");
		ar_buf_printf(out, "m=%.*s %u %.*s %.*s\r\nc=IN IP4 203.0.113.200\r\n",
			(int)m->media.n, m->media.p, m->port ? m->port ^ 1 : 0, (int)m->proto.n,
			m->proto.p, (int)m->fmt.n, m->fmt.p);
		while (ar_sdp_next_line(m->text, &pos, &line)) {
			if (line.p[0] == 'a') {
				ar_buf_add_span(out, line);
				ar_buf_add_str(out, "\r\n");
			}
		}
	}
	if (in->nmedia < d->rtpengine_n && !d->broken)
		FAIL(d, "rtpengine saw %u m-lines, now %u", d->rtpengine_n, in->nmedia);
	d->rtpengine_n = in->nmedia;
	return true;
}

/* In A's layout what does not pass is at port 0. */
static bool check_hidden(struct dialog *d, struct ar_plan_dir dir, const struct ar_sdp *hidden)
{
	const struct ar_recipe *r = ar_plan_recipe(&d->plan, dir);
	bool to_a = ar_plan_to(&d->plan, dir) == AR_SIDE_A;

	for (unsigned i = 0; i < hidden->nmedia; i++) {
		bool passes = to_a && i < r->n && r->sec[i].pass;

		for (unsigned j = 0; !to_a && j < r->n; j++)
			passes |= r->sec[j].pass && r->sec[j].from == (int)i;
		if (!passes && hidden->media[i].port)
			FAIL(d, "rtpengine sees section %u, which does not pass", i);
	}
	return true;
}

/* hide, rtpengine; *relayed NULL when there is none. */
static bool through_rtpengine(struct dialog *d, struct ar_plan_dir dir, const struct ar_sdp *in,
	struct ar_sdp *store, const struct ar_sdp **relayed)
{
	struct ar_sdp hidden;
	struct ar_sdp_error err;
	int rc;

	*relayed = NULL;
	if (!d->rtpengine)
		return true;
	ar_buf_reset(&d->hidden);
	rc = ar_plan_hide(&d->plan, dir, in, &d->hidden);
	if (rc)
		FAIL(d, "hide: %d", rc);
	if (ar_sdp_parse(&hidden, d->hidden.p, d->hidden.n, &err) != 0)
		FAIL(d, "hidden: line %u: %s", err.line, err.reason);
	if (!check_hidden(d, dir, &hidden) || !relay(d, &hidden, &d->relayed))
		return false;
	if (ar_sdp_parse(store, d->relayed.p, d->relayed.n, &err) != 0)
		FAIL(d, "relayed: line %u: %s", err.line, err.reason);
	*relayed = store;
	return true;
}

/* As the module does: the version goes up when the bytes change, and only then. */
static bool send_to(struct dialog *d, struct ar_plan_dir dir, const struct ar_sdp *in, bool lf,
	struct ar_sdp *out)
{
	enum ar_side to = ar_plan_to(&d->plan, dir);
	struct leg *l = &d->leg[to];
	const struct ar_sdp *relayed;
	struct ar_sdp store;
	int rc;

	if (!through_rtpengine(d, dir, in, &store, &relayed))
		return false;
	ar_buf_reset(&d->out);
	rc = ar_plan_apply(&d->plan, dir, in, relayed, l->version, &d->out);
	if (rc)
		FAIL(d, "apply: %d", rc);
	if (!ar_span_eq(ar_buf_span(&d->out), ar_buf_span(&l->last))) {
		ar_buf_reset(&d->out);
		rc = ar_plan_apply(&d->plan, dir, in, relayed, ++l->version, &d->out);
	}
	ar_buf_reset(&d->again);
	if (!rc)
		rc = ar_plan_apply(&d->plan, dir, in, relayed, l->version, &d->again);
	if (rc || !ar_span_eq(ar_buf_span(&d->out), ar_buf_span(&d->again)))
		FAIL(d, "the same input gave other bytes");
	if (!check_version(d, to, &d->out))
		return false;
	ar_buf_reset(&l->last);
	ar_buf_add_span(&l->last, ar_buf_span(&d->out));
	if (!check_description(d, to, &l->last, !dir.answer, out))
		return false;
	if (d->ordinary && !relayed &&
		!ar_span_eq(ar_sdp_line(out->session, 'o'), ar_sdp_line(in->session, 'o')))
		FAIL(d, "o= of a call that was an ordinary one does not pass:\n%.*s",
			SHOW(&l->last));
	if (!check_carried(d, ar_plan_recipe(&d->plan, dir), in, out))
		return false;
	return relayed || lf || check_untouched(d, ar_plan_recipe(&d->plan, dir), in, out);
}

/* ---- planning ---- */

static void fill_leg(struct dialog *d, struct planner_leg *leg, enum ar_side side, bool present)
{
	*leg = (struct planner_leg){.present = present,
		.addr = AR_SPAN("203.0.113.1"),
		.port = 9001,
		.sctp_port = 5000,
		.max_message_size = 1000,
		.ufrag = ar_span_str(d->ufrag[side]),
		.pwd = AR_SPAN(PWD),
		.fingerprint = AR_SPAN(FP),
		.tls_id = AR_SPAN("mfmfmfmfmfmfmfmfmfmfmfmf"),
		.setup = rng_percent(&d->rng, 50) ? AR_SETUP_ACTIVE : AR_SETUP_PASSIVE};
}

static const struct ar_dc_stream mirrored[] = {{.id = 1000,
	.ordered = true,
	.max_retr = -1,
	.max_time = -1,
	.subprotocol = AR_SPAN("mpeg-sd")}};

static void choose_media(struct dialog *d, struct planner_av_choice *av, const struct ar_sdp *offer,
	enum ar_side y, const struct planner_choice *choice)
{
	struct planner_av_rules rules = {.transports = ~0u};

	rules.kind[PLANNER_AV_VIDEO].wanted = rng_percent(&d->rng, 70);
	if (rng_percent(&d->rng, 20))
		rules.offered = rng_percent(&d->rng, 50) ? AR_AV_DTLS : AR_AV_RTP;
	planner_av_choose(av, &rules, offer, y, d->map, choice->max_bundle);
	for (unsigned i = 0; i < av->n; i++) {
		for (int s = 0; s < 2; s++)
			av->av[i].leg[s] = (struct planner_av_leg){.addr = AR_SPAN("203.0.113.2"),
				.ssrc_mask =
					av->av[i].kind == PLANNER_AV_VIDEO ? AR_PLAN_SSRC_MASK : 0,
				.port = 9002,
				.ufrag = ar_span_str(d->ufrag[s]),
				.pwd = AR_SPAN(PWD),
				.fingerprint = AR_SPAN(FP),
				.setup = rng_percent(&d->rng, 50) ? AR_SETUP_ACTIVE
								  : AR_SETUP_PASSIVE};
	}
}

static void choose_boot(struct dialog *d, struct planner_boot_choice *boot,
	const struct ar_sdp *offer, enum ar_side y, const struct planner_choice *choice)
{
	boot->n = 0;
	if (d->terminating && (d->map || choice->index >= 0))
		planner_boot_choose(boot, PLANNER_BOOT_MARKED, offer, y, d->map);
	for (unsigned i = 0; i < boot->n; i++) {
		struct planner_boot *b = &boot->boot[i];

		for (int s = 0; s < 2; s++) {
			fill_leg(d, &b->leg[s], (enum ar_side)s, b->leg[s].present);
			b->leg[s].stream = b->stream;
			b->leg[s].nstream = b->nstream;
		}
		seen.boot++;
	}
}

/* asd is there. */
static int plan_with_asd(struct dialog *d, enum ar_side y, const struct ar_sdp *offer)
{
	static struct planner_choice choice;
	enum ar_side x = ar_other_side(y);
	struct planner_in in = {.offer = offer,
		.offerer = y,
		.choice = &choice,
		.map = d->map,
		.keep = rng_percent(&d->rng, 70) ? PLANNER_KEEP_USUAL
						 : rng_below(&d->rng, 1u << AR_OUTCOMES),
		.ref = AR_SPAN("p"),
		.origin_addr = {AR_SPAN("IN IP4 198.51.100.0"), AR_SPAN("IN IP4 198.51.100.1")}};
	bool plain = rng_percent(&d->rng, 15);
	static struct planner_av_choice av;
	static struct planner_boot_choice boot;
	const char *why = "?";
	int rc;

	for (int i = 0; i < 2; i++) /* n 0: o= passes */
		in.session_id[i] = ar_span_str(d->ordinary ? "" : d->session_id[i]);
	planner_choose(&choice, NULL, offer, y, d->map);
	fill_leg(d, &in.leg[y], y, choice.index >= 0 && rng_percent(&d->rng, 95));
	fill_leg(d, &in.leg[x], x,
		choice.index >= 0 ? rng_percent(&d->rng, 85)
				  : !choice.max_bundle && rng_percent(&d->rng, 10));
	in.leg[y].stream = choice.accepted;
	in.leg[y].nstream = choice.naccepted;
	in.leg[x].stream = mirrored;
	in.leg[x].nstream = 1;
	choose_media(d, &av, offer, y, &choice);
	in.av = &av;
	choose_boot(d, &boot, offer, y, &choice);
	in.boot = &boot;
	rc = (plain ? planner_plain : planner_plan)(&in, &d->plan, &d->room, &d->texts, &why);
	if (rc)
		printf("planner: %s\n", why);
	if (plain || choice.index < 0)
		seen.plain++;
	else
		seen.anchored++;
	return rc;
}

static int make_plan(struct dialog *d, enum ar_side y, const struct ar_sdp *offer)
{
	const struct ar_plan_roles roles = {.active = {rng_next(&d->rng), rng_next(&d->rng)},
		.av_gone = rng_percent(&d->rng, 20)};

	ar_buf_reset(&d->texts);
	if (d->map && rng_percent(&d->rng, 30)) {
		seen.local++;
		seen.gone += roles.av_gone;
		return ar_plan_from_map(d->map, y, offer, &roles, &d->plan, &d->room, &d->texts);
	}
	return plan_with_asd(d, y, offer);
}

/* As kamailio-modules/ims_ar/ar_calls_origin.c: what each side got is gone on with. */
static bool own_origins(struct dialog *d)
{
	for (int i = 0; i < 2; i++) {
		struct ar_sdp_origin o;
		struct ar_sdp sdp;

		if (ar_sdp_parse(&sdp, d->leg[i].last.p, d->leg[i].last.n, NULL) != 0 ||
			!ar_sdp_origin(&sdp, &o))
			FAIL(d, "no o= in\n%.*s", SHOW(&d->leg[i].last));
		snprintf(d->session_id[i], sizeof(d->session_id[i]), "%.*s", (int)o.session_id.n,
			o.session_id.p);
		snprintf(d->origin_addr[i], sizeof(d->origin_addr[i]), "%.*s", (int)o.address.n,
			o.address.p);
		d->leg[i].version = (uint32_t)o.version;
		d->plan.session_id[i] = ar_span_str(d->session_id[i]);
		d->plan.origin_addr[i] = ar_span_str(d->origin_addr[i]);
	}
	d->ordinary = false;
	seen.became++;
	return true;
}

static bool keep_map(struct dialog *d, enum ar_outcome o)
{
	struct ar_plan *c;

	d->plan.settled = rng_percent(&d->rng, 80) ? (uint8_t)(1 + o) : 0;
	if (d->ordinary && !own_origins(d))
		return false;
	c = ar_plan_clone(&d->plan, malloc);
	if (!c)
		FAIL(d, "no memory");
	free(d->map);
	d->map = c;
	return true;
}

/* ---- an answer ---- */

static void settle_leg(struct leg *l, const struct ar_sdp *offer, const struct ar_sdp *answer)
{
	l->n = offer->nmedia;
	for (unsigned i = 0; i < offer->nmedia; i++) {
		l->live[i] = offer->media[i].port && i < answer->nmedia && answer->media[i].port;
		l->kind[i] = offer->media[i].kind;
	}
}

static bool offers_dc(const struct ar_sdp *sdp)
{
	for (unsigned i = 0; i < sdp->nmedia; i++) {
		if (sdp->media[i].kind == AR_SDP_DATACHANNEL && sdp->media[i].port)
			return true;
	}
	return false;
}

static bool answer_part(
	struct dialog *d, enum ar_side y, const struct ar_sdp *offer, const struct ar_sdp *to_x)
{
	enum ar_side x = ar_other_side(y);
	struct ar_plan_dir dir = {.answer = true};
	struct ar_sdp from_x, to_y;
	struct ar_sdp_error err;

	d->broken = rng_percent(&d->rng, 2);
	ar_buf_reset(&d->answer);
	ue_answer(&d->ue[x], &d->rng, to_x, d->broken, &d->answer);
	if (ar_sdp_parse(&from_x, d->answer.p, d->answer.n, &err) != 0)
		FAIL(d, "the test's own answer: line %u: %s", err.line, err.reason);
	dir.outcome = ar_recognise_outcome(
		NULL, &(struct ar_recognise_in){.sdp = &from_x}, offers_dc(to_x));
	if (!send_to(d, dir, &from_x, d->ue[x].lf, &to_y) || !check_answer(d, offer, &to_y))
		return false;
	show(d, "answer", &d->answer);
	show(d, "passed on", &d->out);
	seen.shorts += d->broken;
	settle_leg(&d->leg[y], offer, &to_y);
	settle_leg(&d->leg[x], to_x, &from_x);
	ue_on_answer(&d->ue[y], &to_y);
	return keep_map(d, dir.outcome);
}

/* ---- an ordinary call ---- */

static bool wanted(const struct ar_sdp *offer)
{
	const struct ar_recognise_in in = {.sdp = offer};
	struct ar_recognise_out out;

	ar_recognise(&out, NULL, &in);
	return out.cls == AR_CLASS_DC || out.cls == AR_CLASS_AR;
}

/* As ar_sdp.c does without a plan; without: asd is away, its data channels go on at port 0. */
static int pass_text(struct dialog *d, const struct ar_sdp *in, bool without)
{
	struct ar_sdp sdp;
	int rc;

	ar_buf_reset(&d->hidden);
	ar_buf_reset(&d->out);
	if (!d->rtpengine && !without)
		return ar_buf_add_span(&d->out, in->text);
	rc = ar_plan_hide_also(in, 0, d->rtpengine ? &d->hidden : &d->out);
	if (rc || !d->rtpengine)
		return rc;
	rc = ar_sdp_parse(&sdp, d->hidden.p, d->hidden.n, NULL);
	if (rc || !relay(d, &sdp, &d->relayed))
		return rc ? rc : -EPROTO;
	if (without)
		return ar_buf_add_span(&d->out, ar_buf_span(&d->relayed));
	rc = ar_sdp_parse(&sdp, d->relayed.p, d->relayed.n, NULL);
	return rc ? rc : ar_sdp_restore(in, &sdp, &d->out);
}

static bool pass(struct dialog *d, enum ar_side to, const struct ar_sdp *in, bool without,
	struct ar_sdp *out)
{
	struct leg *l = &d->leg[to];
	int rc = pass_text(d, in, without);

	if (rc)
		FAIL(d, "an ordinary call: %d for\n%.*s", rc, (int)in->text.n, in->text.p);
	ar_buf_reset(&l->last);
	ar_buf_add_span(&l->last, ar_buf_span(&d->out));
	show(d, "passed", &l->last);
	if (ar_sdp_parse(out, l->last.p, l->last.n, NULL) != 0 || out->nmedia != in->nmedia)
		FAIL(d, "an ordinary call's description has become\n%.*s", SHOW(&l->last));
	if (!d->rtpengine && !without && !ar_span_eq(out->text, in->text))
		FAIL(d, "an ordinary call's description was touched:\n%.*s", SHOW(&l->last));
	if (without && offers_dc(out))
		FAIL(d, "a data channel went on without asd:\n%.*s", SHOW(&l->last));
	return true;
}

static bool pass_exchange(struct dialog *d, enum ar_side y, const struct ar_sdp *offer)
{
	enum ar_side x = ar_other_side(y);
	bool without = wanted(offer);
	struct ar_sdp to_x, from_x, to_y;

	seen.passed++;
	if (!pass(d, x, offer, without, &to_x) || !check_later_offer(d, x, &to_x))
		return false;
	ar_buf_reset(&d->answer);
	ue_answer(&d->ue[x], &d->rng, &to_x, false, &d->answer);
	if (ar_sdp_parse(&from_x, d->answer.p, d->answer.n, NULL) != 0)
		FAIL(d, "the test's own answer:\n%.*s", SHOW(&d->answer));
	if (!pass(d, y, &from_x, false, &to_y) || !check_answer(d, offer, &to_y))
		return false;
	settle_leg(&d->leg[y], offer, &to_y);
	settle_leg(&d->leg[x], &to_x, &from_x);
	ue_on_answer(&d->ue[y], &to_y);
	return true;
}

/* Who makes it an AR call is side A from then on. */
static void turn(struct dialog *d)
{
	struct ue ue = d->ue[0];
	struct leg leg = d->leg[0];

	d->ue[0] = d->ue[1];
	d->ue[1] = ue;
	d->leg[0] = d->leg[1];
	d->leg[1] = leg;
}

/* ---- an exchange ---- */

static bool plan_exchange(
	struct dialog *d, enum ar_side y, const struct ue before[2], const struct ar_sdp *offer)
{
	unsigned relayed_before = d->rtpengine_n;
	struct ar_sdp_error err;
	struct ar_sdp to_x;
	int rc = make_plan(d, y, offer);

	if (rc)
		FAIL(d, "plan: %d for\n%.*s", rc, SHOW(&d->offer));
	if (ar_plan_check(&d->plan, &err.reason) != 0)
		FAIL(d, "not a plan: %s", err.reason);
	if (!send_to(d, (struct ar_plan_dir){0}, offer, d->ue[y].lf, &to_x) ||
		!check_later_offer(d, ar_other_side(y), &to_x))
		return false;
	show(d, "offer", &d->offer);
	show(d, "passed on", &d->out);
	seen.exchanges++;
	if ((d->map || d->ordinary) && rng_percent(&d->rng, 10)) { /* 488: all is as before */
		unsigned version = d->ue[y].version;

		seen.refused++;
		d->ue[0] = before[0];
		d->ue[1] = before[1];
		d->ue[y].version = version;
		d->rtpengine_n = relayed_before;
		return true;
	}
	return answer_part(d, y, offer, &to_x);
}

static bool exchange(struct dialog *d, enum ar_side y)
{
	struct ue before[2] = {d->ue[0], d->ue[1]};
	struct ar_sdp_error err;
	struct ar_sdp offer;

	ar_buf_reset(&d->offer);
	ue_offer(&d->ue[y], &d->rng, &d->offer);
	if (ar_sdp_parse(&offer, d->offer.p, d->offer.n, &err) != 0)
		FAIL(d, "the test's own offer: line %u: %s", err.line, err.reason);
	seen.added += offer.nmedia > d->leg[y].n;
	if (d->ordinary && (!wanted(&offer) || rng_percent(&d->rng, 25)))
		return pass_exchange(d, y, &offer);
	if (d->ordinary && y == AR_SIDE_B) {
		struct ue a = before[0];

		before[0] = before[1];
		before[1] = a;
		turn(d);
		y = AR_SIDE_A;
	}
	return plan_exchange(d, y, before, &offer);
}

static void dialog_open(struct dialog *d, uint64_t seed)
{
	d->seed = seed;
	d->rng.x = seed * 2654435761u + 88172645463325252ull;
	rng_next(&d->rng);
	ue_init(&d->ue[0], &d->rng, "alice");
	ue_init(&d->ue[1], &d->rng, "bob");
	d->rtpengine = rng_percent(&d->rng, 40);
	d->rtpengine_n = 0;
	d->broken = false;
	free(d->map);
	d->map = NULL;
	for (int i = 0; i < 2; i++) {
		d->leg[i].version = 0;
		d->leg[i].n = 0;
		ar_buf_reset(&d->leg[i].last);
		snprintf(d->ufrag[i], sizeof(d->ufrag[i]), "mf%d0", i);
		snprintf(d->session_id[i], sizeof(d->session_id[i]), "- 390%d", i);
		snprintf(d->origin_addr[i], sizeof(d->origin_addr[i]), "IN IP4 198.51.100.%d", i);
	}
	d->ordinary = rng_percent(&d->rng, 35);
	d->terminating = !d->ordinary && rng_percent(&d->rng, 50);
	d->exchanges = 1 + rng_below(&d->rng, MAX_EXCHANGES) + (d->ordinary ? 3 : 0);
}

static bool run_dialog(struct dialog *d, uint64_t seed)
{
	dialog_open(d, seed);
	for (d->step = 0; d->step < d->exchanges && !d->broken; d->step++) {
		enum ar_side y =
			(d->map || (d->ordinary && d->leg[1].n)) && rng_percent(&d->rng, 45)
				? AR_SIDE_B
				: AR_SIDE_A;

		if (rng_percent(&d->rng, 10)) /* an ICE restart at the media function */
			d->ufrag[rng_below(&d->rng, 2)][3]++;
		if (!exchange(d, y))
			return false;
	}
	return true;
}

static struct dialog *dialog_new(void)
{
	struct dialog *d = calloc(1, sizeof(*d));
	struct ar_buf *all[] = {&d->offer, &d->answer, &d->hidden, &d->relayed, &d->out, &d->again,
		&d->leg[0].last, &d->leg[1].last};

	if (!d)
		exit(2);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		ar_buf_init(all[i], AR_SDP_MAX_LEN);
	ar_buf_init(&d->texts, PLANNER_TEXTS_MAX);
	return d;
}

static void dialog_free(struct dialog *d)
{
	struct ar_buf *all[] = {&d->offer, &d->answer, &d->hidden, &d->relayed, &d->out, &d->again,
		&d->leg[0].last, &d->leg[1].last, &d->texts};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		ar_buf_free(all[i]);
	free(d->map);
	free(d);
}

int main(int argc, char **argv)
{
	unsigned long n = 20000, i;
	uint64_t seed = (uint64_t)time(NULL);
	struct dialog *d = dialog_new();
	bool ok = true;

	for (int a = 1; a + 1 < argc; a += 2) {
		if (strcmp(argv[a], "-n") == 0)
			n = strtoul(argv[a + 1], NULL, 10);
		else if (strcmp(argv[a], "-s") == 0)
			seed = strtoull(argv[a + 1], NULL, 10);
		else if (strcmp(argv[a], "-v") == 0)
			verbose = true;
	}
	printf("seed %llu, %lu dialogs\n", (unsigned long long)seed, n);
	for (i = 0; i < n && ok; i++)
		ok = run_dialog(d, seed + i);
	printf("%lu exchanges: %lu anchored, %lu plain, %lu from the map (%lu without the ARMF); "
	       "%lu "
	       "refused, %lu short answers, %lu offers with new m-lines, %lu sections of the "
	       "ARMF; %lu exchanges of ordinary calls, %lu of which became AR calls; %lu bootstrap "
	       "sections\n",
		seen.exchanges, seen.anchored, seen.plain, seen.local, seen.gone, seen.refused,
		seen.shorts, seen.added, seen.armf, seen.passed, seen.became, seen.boot);
	/* a walk that never went there proves nothing */
	if (ok && n >= 1000 &&
		(!seen.anchored || !seen.plain || !seen.local || !seen.refused || !seen.armf ||
			!seen.gone || !seen.passed || !seen.became || !seen.boot))
		ok = false;
	dialog_free(d);
	return ok ? 0 : 1;
}
