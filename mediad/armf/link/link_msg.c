/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/link/link_msg.h"

#include "mediad/armf/codec/codec.h"
#include "mediad/armf/link/link_ring.h"

#include <math.h>

#define HEAD sizeof(struct link_head)

enum fd_rule { NO_FD, ONE_FD, MAYBE_FD };

static bool terminated(const char *s, size_t cap)
{
	return memchr(s, 0, cap) != NULL;
}

static bool finite_all(const float *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(f[i]))
			return false;
	}
	return true;
}

bool link_uri_ok(const char *uri)
{
	if (!*uri || *uri == '/' || strchr(uri, '\\') || strchr(uri, ':') || strstr(uri, ".."))
		return false;
	for (; *uri; uri++) {
		if ((unsigned char)*uri < 0x20 || *uri == 0x7f)
			return false;
	}
	return true;
}

const char *link_splice_name(uint32_t splice)
{
	static const char *const names[LINK_SPLICES] = {[LINK_SPLICE_OFF] = "off",
		[LINK_SPLICED] = "spliced",
		[LINK_SPLICE_STEP] = "step",
		[LINK_SPLICE_FAST] = "fast",
		[LINK_SPLICE_RATE] = "rate",
		[LINK_SPLICE_KEY] = "key",
		[LINK_SPLICE_BOX] = "box",
		[LINK_SPLICE_LATE] = "late",
		[LINK_SPLICE_WAIT] = "wait",
		[LINK_SPLICE_FAILED] = "unfit"};

	return splice < LINK_SPLICES ? names[splice] : "";
}

/* ---- one check a type: NULL or what is wrong ---- */

static const char *check_scene(const struct link_msg *m)
{
	return m->u.scene.size && m->u.scene.size <= LINK_MAX_DOCUMENT ? NULL : "document size";
}

static const char *check_pose(const struct link_msg *m)
{
	const struct link_pose *p = &m->u.pose;

	if (p->node >= LINK_MAX_NODES || p->has > 3)
		return "node";
	return finite_all(p->t, 3) && finite_all(p->r, 4) ? NULL : "pose";
}

static const char *check_asset(const struct link_msg *m)
{
	return m->u.asset.err <= 0 && m->u.asset.size <= LINK_MAX_ASSET ? NULL : "asset size";
}

static const char *check_job_open(const struct link_msg *m)
{
	const struct link_job_open *j = &m->u.job_open;

	if (j->op > ARMF_SPLIT_RENDER || j->in > DEPAY_H264 || j->out > DEPAY_H264)
		return "operation or codec";
	if (j->max_width > 65535 || j->max_height > 65535 || j->max_fps > 1000)
		return "limits";
	if (j->step > LINK_MAX_STEP)
		return "step";
	if (j->splice > 1)
		return "splice";
	return terminated(j->own, sizeof(j->own)) && terminated(j->call_id, sizeof(j->call_id))
		       ? NULL
		       : "text";
}

static const char *check_job_set(const struct link_msg *m)
{
	const struct link_job_set *j = &m->u.job_set;

	if (j->max_fps > 1000)
		return "limits";
	return j->step <= LINK_MAX_STEP && j->want_key <= 1 ? NULL : "step";
}

static const char *check_frame(const struct link_msg *m)
{
	const struct link_frame *f = &m->u.frame;

	if (!link_ring_place_ok(f->offset, f->size))
		return "place";
	if (f->views > 2 || f->key > 1)
		return "views";
	for (uint32_t i = 0; i < f->views; i++) {
		const struct link_camera *c = &f->camera[i];

		if (!finite_all(c->position, 3) || !finite_all(c->orientation, 4) ||
			!finite_all(&c->fov_y, 1) || !finite_all(c->projection, 16))
			return "camera";
	}
	return NULL;
}

static const char *check_none(const struct link_msg *m)
{
	(void)m;
	return NULL;
}

static const char *check_hello(const struct link_msg *m)
{
	const struct link_hello *h = &m->u.hello;

	if (h->version != LINK_VERSION)
		return "another version: front and processor are not of one build";
	return terminated(h->renderer, sizeof(h->renderer)) ? NULL : "text";
}

static const char *check_want_asset(const struct link_msg *m)
{
	const struct link_want_asset *w = &m->u.want_asset;

	return terminated(w->uri, sizeof(w->uri)) && link_uri_ok(w->uri) ? NULL
									 : "name of an asset";
}

static const char *check_scene_done(const struct link_msg *m)
{
	const struct link_scene_done *s = &m->u.scene_done;

	return s->err <= 0 && s->err > -4096 && terminated(s->why, sizeof(s->why)) ? NULL : "text";
}

static const char *check_job_up(const struct link_msg *m)
{
	const struct link_job_up *j = &m->u.job_up;

	return j->err <= 0 && j->err > -4096 && terminated(j->why, sizeof(j->why)) ? NULL : "text";
}

static const char *check_work(const struct link_work *w)
{
	if (w->splice >= LINK_SPLICES || w->recoded > w->blocks)
		return "splice";
	return w->fate < LINK_FATES && w->need_key <= 1 && w->ask_key <= 1 && w->cached <= 1
		       ? NULL
		       : "fate";
}

static const char *check_out(const struct link_msg *m)
{
	const struct link_out *o = &m->u.out;

	if (!o->size || !link_ring_place_ok(o->offset, o->size))
		return "place";
	if (o->key > 1 || o->drawn > 1 || !codec_size_ok(o->width, o->height))
		return "picture";
	if (!finite_all(o->pose, 7))
		return "pose";
	return o->work.fate == LINK_FATE_OUT ? check_work(&o->work) : "fate";
}

static const char *check_done(const struct link_msg *m)
{
	return m->u.done.work.fate == LINK_FATE_OUT ? "fate" : check_work(&m->u.done.work);
}

static const char *check_snapped(const struct link_msg *m)
{
	const struct link_snapped *s = &m->u.snapped;

	return s->err <= 0 && s->err > -4096 && s->size <= LINK_MAX_PNG ? NULL : "picture";
}

/* clang-format off */
static const struct rule {
	size_t size;
	enum link_side from;
	enum fd_rule fd;
	bool id; /* has to name a scene or a job */
	const char *(*check)(const struct link_msg *m);
} rules[] = {
	[LINK_SCENE] = {HEAD + sizeof(struct link_scene), LINK_FROM_FRONT, ONE_FD, true, check_scene},
	[LINK_SCENE_CLOSE] = {HEAD, LINK_FROM_FRONT, NO_FD, true, check_none},
	[LINK_POSE] = {HEAD + sizeof(struct link_pose), LINK_FROM_FRONT, NO_FD, true, check_pose},
	[LINK_ASSET] = {HEAD + sizeof(struct link_asset), LINK_FROM_FRONT, MAYBE_FD, false, check_asset},
	[LINK_JOB_OPEN] = {HEAD + sizeof(struct link_job_open), LINK_FROM_FRONT, ONE_FD, true, check_job_open},
	[LINK_JOB_CLOSE] = {HEAD, LINK_FROM_FRONT, NO_FD, true, check_none},
	[LINK_JOB_SET] = {HEAD + sizeof(struct link_job_set), LINK_FROM_FRONT, NO_FD, true, check_job_set},
	[LINK_FRAME] = {HEAD + sizeof(struct link_frame), LINK_FROM_FRONT, NO_FD, true, check_frame},
	[LINK_TAKEN] = {HEAD + sizeof(struct link_taken), LINK_FROM_FRONT, NO_FD, true, check_none},
	[LINK_SNAPSHOT] = {HEAD + sizeof(struct link_snapshot), LINK_FROM_FRONT, ONE_FD, true, check_none},
	[LINK_HELLO] = {HEAD + sizeof(struct link_hello), LINK_FROM_PROC, NO_FD, false, check_hello},
	[LINK_BEAT] = {HEAD + sizeof(struct link_beat), LINK_FROM_PROC, NO_FD, false, check_none},
	[LINK_WANT_ASSET] = {HEAD + sizeof(struct link_want_asset), LINK_FROM_PROC, NO_FD, false, check_want_asset},
	[LINK_SCENE_DONE] = {HEAD + sizeof(struct link_scene_done), LINK_FROM_PROC, NO_FD, true, check_scene_done},
	[LINK_JOB_UP] = {HEAD + sizeof(struct link_job_up), LINK_FROM_PROC, NO_FD, true, check_job_up},
	[LINK_OUT] = {HEAD + sizeof(struct link_out), LINK_FROM_PROC, NO_FD, true, check_out},
	[LINK_DONE] = {HEAD + sizeof(struct link_done), LINK_FROM_PROC, NO_FD, true, check_done},
	[LINK_SNAPPED] = {HEAD + sizeof(struct link_snapped), LINK_FROM_PROC, NO_FD, true, check_snapped},
};
/* clang-format on */
#define NRULE (sizeof(rules) / sizeof(rules[0]))

size_t link_msg_size(uint32_t type)
{
	return type < NRULE ? rules[type].size : 0;
}

static bool fds_ok(enum fd_rule rule, unsigned nfd)
{
	return rule == MAYBE_FD ? nfd <= 1 : nfd == (rule == ONE_FD ? 1u : 0u);
}

const char *link_msg_check(const struct link_msg *m, size_t n, unsigned nfd, enum link_side from)
{
	const struct rule *r;

	if (n < HEAD || m->h.type >= NRULE || !rules[m->h.type].size)
		return "type";
	r = &rules[m->h.type];
	if (r->from != from)
		return "direction";
	if (n != r->size)
		return "length";
	if (!fds_ok(r->fd, nfd))
		return "file descriptors";
	if (r->id && m->h.id == 0)
		return "id";
	return r->check(m);
}
