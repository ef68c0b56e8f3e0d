/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A medium of type AR: the peer below, the stream through the ARMF above, its partner beside it. */
#include "mediad/dcmf/dcmf_internal.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdio.h>

#define MAX_PER_CONTEXT 8 /* media of type AR */

static int send_rtp(void *arg, uint8_t *packet, size_t n, size_t cap, bool rtcp)
{
	const struct medium *m = arg;

	return peer_send_rtp(m->peer, packet, n, cap, rtcp);
}

static void wake(void *arg)
{
	const struct medium *m = arg;
	struct dcmf *d = m->term->ctx->d;

	context_wake(m->term->ctx);
	if (d->h.wake)
		d->h.wake(d->arg);
}

static void on_pose(void *arg, const struct capture_pose *pose, uint64_t now)
{
	const struct medium *m = arg;

	stream_leg_pose(m->leg, pose, now);
}

/* The call's scene in the pool, and this UE's poses from now on. */
static int scene(void *arg, uint32_t *out)
{
	struct medium *m = arg;
	struct feed *f;
	int err = context_feed(m->term->ctx, &f);

	if (!err && !m->listens) {
		err = feed_listen(f, m->term->part, on_pose, m);
		m->listens = !err;
	}
	if (!err)
		*out = feed_scene(f);
	return err;
}

static unsigned av_media(const struct context *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->nterm; i++) {
		for (unsigned k = 0; k < c->term[i]->nmedia; k++)
			n += c->term[i]->media[k]->leg != NULL;
	}
	return n;
}

static int refuse(struct mrm_error *err, const struct mrm_media *spec, int rc, const char *why)
{
	mrm_fail(err, 503, "INSUFFICIENT_RESOURCES", "%s", why);
	snprintf(err->param, sizeof(err->param), "%s", spec->path);
	return rc;
}

static int check_transport(
	const struct dcmf *d, const struct mrm_media *spec, struct mrm_error *err)
{
	unsigned allowed = d->conf.transports ? d->conf.transports : 1u << PEER_DTLS_SRTP;

	if (allowed & 1u << spec->av->transport)
		return 0;
	mrm_fail(err, 400, "MANDATORY_IE_INCORRECT",
		"this transport is not allowed here: mediad.conf, [armf] transports");
	snprintf(err->param, sizeof(err->param), "%s/x-ims-ar/transport", spec->path);
	return -EINVAL;
}

static struct stream_conf conf_of(const struct medium *m, const struct mrm_media *spec)
{
	struct stream_conf conf = spec->av->conf;

	conf.call_id = m->term->ctx->call_id;
	return conf;
}

static const char *why_full(int rc)
{
	switch (rc) {
	case -EBUSY:
		return "the media processors have no room";
	case -ENOSYS:
		return "media processing is off";
	default:
		return "the media processors cannot take it";
	}
}

int medium_av_new(struct medium *m, const struct mrm_media *spec, struct mrm_error *err)
{
	static const struct stream_handlers handlers = {send_rtp, wake, scene};
	struct context *c = m->term->ctx;
	struct stream_conf conf = conf_of(m, spec);
	int rc = check_transport(c->d, spec, err);

	if (rc)
		return rc;
	if (av_media(c) >= MAX_PER_CONTEXT)
		return refuse(err, spec, -ENOSPC, "too many media of type AR in this context");
	rc = stream_leg_new(&m->leg, c->d->front, &conf, &handlers, m, c->d->now);
	if (rc == -ENOSPC)
		return refuse(err, spec, rc, "too many media streams in this worker");
	if (rc) {
		mrm_fail(err, 500, "SYSTEM_FAILURE", "%s", strerror(-rc));
		return rc;
	}
	m->video = conf.video;
	rc = stream_leg_reserve(m->leg, c->d->now);
	if (rc) {
		medium_av_free(m);
		return refuse(err, spec, rc, why_full(rc));
	}
	return 0;
}

void medium_av_free(struct medium *m)
{
	struct context *c = m->term->ctx;

	if (m->listens)
		feed_unlisten(c->room->feed, m);
	m->listens = false;
	stream_leg_free(m->leg, c->d->now);
	m->leg = NULL;
}

int medium_av_check(const struct medium *m, const struct mrm_media *spec, struct mrm_error *err)
{
	if (m->leg && spec->type == MRM_AR && m->video == spec->av->conf.video)
		return check_transport(m->term->ctx->d, spec, err);
	mrm_fail(err, 400, "MODIFICATION_NOT_ALLOWED",
		"%s/%s cannot become another kind of medium: remove it and add a new one",
		m->term->id, m->id);
	snprintf(err->param, sizeof(err->param), "%s", spec->path);
	return -EINVAL;
}

void medium_av_set(struct medium *m, const struct mrm_media *spec)
{
	struct stream_conf conf = conf_of(m, spec);

	stream_leg_set(m->leg, &conf, m->term->ctx->d->now);
	context_wake(m->term->ctx);
}

void medium_av_state(struct medium *m)
{
	stream_leg_up(m->leg, m->state == PEER_CONNECTED, m->term->ctx->d->now);
}

void medium_av_rtp(void *arg, uint8_t *packet, size_t n, bool rtcp)
{
	struct medium *m = arg;

	if (!m->leg)
		return;
	stream_leg_input(m->leg, packet, n, rtcp, m->term->ctx->d->now);
	context_wake(m->term->ctx);
}

/* ---- the context ---- */

static struct medium *partner(const struct context *c, const struct medium *m)
{
	for (unsigned i = 0; i < c->nterm; i++) {
		struct medium *o;

		if (c->term[i] == m->term)
			continue;
		o = termination_medium(c->term[i], ar_span_str(m->id));
		if (o && o->leg && o->video == m->video)
			return o;
	}
	return NULL;
}

void context_av_pair(struct context *c)
{
	for (unsigned i = 0; i < c->nterm; i++) {
		for (unsigned k = 0; k < c->term[i]->nmedia; k++) {
			struct medium *m = c->term[i]->media[k], *o;

			if (!m->leg || stream_leg_partner(m->leg))
				continue;
			o = partner(c, m);
			if (o && !stream_leg_partner(o->leg))
				stream_leg_pair(m->leg, o->leg, c->d->now);
		}
	}
}

uint64_t context_av_run(struct context *c, uint64_t now)
{
	uint64_t due = AR_NEVER;

	for (unsigned i = 0; i < c->nterm; i++) {
		for (unsigned k = 0; k < c->term[i]->nmedia; k++) {
			struct stream_leg *l = c->term[i]->media[k]->leg;
			uint64_t at = l ? stream_leg_run(l, now) : AR_NEVER;

			due = at < due ? at : due;
		}
	}
	return due;
}

/* ---- what is seen from outside ---- */

void medium_av_live(const struct medium *m, json_t *x, uint64_t now)
{
	struct stream_facts f;
	json_t *o;

	stream_leg_get_facts(m->leg, &f, now);
	o = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:f, s:i, s:i, s:i, s:s, s:s, s:i, s:f}",
		"state", f.state, "reason", f.reason, "codecIn", f.codec_in, "codecOut",
		f.codec_out, "width", (int)f.width, "height", (int)f.height, "fps", f.fps, "kbpsIn",
		(int)f.kbps_in, "kbpsOut", (int)f.kbps_out, "targetKbps", (int)f.target_kbps,
		"poseSource", f.pose_source, "splice", f.splice, "step", (int)f.step, "rttMs",
		(double)f.rtt_us / 1000);
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {{"lost", f.lost}, {"nacks", f.nacks}, {"plis", f.plis}, {"frames", f.frames},
		{"drawn", f.drawn}, {"dropped", f.dropped}, {"decodeUs", f.decode_us},
		{"drawUs", f.draw_us}, {"encodeUs", f.encode_us}, {"spliced", f.spliced},
		{"blocks", f.blocks}, {"blocksRecoded", f.recoded}};

	for (unsigned i = 0; o && i < sizeof(counts) / sizeof(counts[0]); i++)
		json_object_set_new(o, counts[i].name, json_integer((json_int_t)counts[i].value));
	json_object_set_new(x, "armf", o);
}

void dcmf_av_stats(const struct dcmf *d, json_t *out)
{
	struct stream_totals t;

	stream_front_get_totals(d->front, &t);
	const struct {
		const char *name;
		uint64_t value;
	} all[] = {{"avStreams", stream_front_legs(d->front)}, {"avRxPackets", t.rx_packets},
		{"avRxBytes", t.rx_bytes}, {"avTxPackets", t.tx_packets}, {"avTxBytes", t.tx_bytes},
		{"avMalformed", t.malformed}, {"avUnknownPt", t.unknown_pt},
		{"avUnknownSsrc", t.unknown_ssrc}, {"avRtcpBad", t.rtcp_bad},
		{"avReplayed", t.replayed}, {"avLost", t.lost}, {"avRecovered", t.recovered},
		{"avNacksSent", t.nacks_sent}, {"avNacksReceived", t.nacks_received},
		{"avResent", t.resent}, {"avKeysAsked", t.key_asked},
		{"avKeysWanted", t.key_wanted}, {"avFramesIn", t.frames_in},
		{"avFramesOut", t.frames_out}, {"avFramesDrawn", t.frames_drawn},
		{"avFramesDropped", t.frames_dropped}, {"avFramesHeld", t.frames_held},
		{"avHeldOver", t.held_over}, {"avJobsRefused", t.refused},
		{"avFallbacks", t.fallbacks}, {"avReturns", t.returns}, {"avFecSent", t.fec_sent},
		{"avFecReceived", t.fec_received}, {"avFecRecovered", t.fec_recovered}};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_object_set_new(out, all[i].name, json_integer((json_int_t)all[i].value));
}
