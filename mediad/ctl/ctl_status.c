/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parent knows itself: list of contexts, status, Prometheus metrics. */
#include "mediad/ctl/ctl_internal.h"

#include "common/daemon/ar_clock.h"

#include <stdio.h>

/* ---- list ---- */

struct listing {
	json_t *list;
	const char *owner; /* NULL: all */
};

static void list_one(void *arg, struct mcontext *m)
{
	struct listing *l = arg;
	json_t *one;

	if (l->owner && strcmp(l->owner, m->owner) != 0)
		return;
	one = json_pack("{s:s, s:{s:s, s:s, s:s, s:i}}", "contextId", m->id, "x-ims-ar", "owner",
		m->owner, "callId", m->call_id, "call", m->call, "worker", (int)m->worker);
	if (m->share[0])
		json_object_set_new(
			json_object_get(one, "x-ims-ar"), "share", json_string(m->share));
	json_array_append_new(l->list, one);
}

void ctl_list(struct ctl *c, const struct ctl_call *q)
{
	char owner[MRM_MAX_TEXT + 1];
	struct listing l = {.list = json_array()};

	if (ctl_query(q->req->query, "owner", owner, sizeof(owner)))
		l.owner = owner;
	contexts_each(c->contexts, list_one, &l);
	ctl_answer_json(c, q->req->id, json_pack("{s:o}", "contexts", l.list));
}

/* ---- load and status ---- */

json_t *ctl_load(const struct ctl *c)
{
	unsigned n = 0, contexts = contexts_count(c->contexts), up = 0, old = 0, open = 0;
	unsigned long max;
	double cpu = 0;
	int load;

	for (unsigned i = 0; i < workers_count(c->workers); i++) {
		struct workers_info w;

		workers_get(c->workers, i, &w);
		old += w.draining && w.pid;
		if (w.draining)
			continue;
		n++;
		up += w.up;
		open += w.up && !ctl_rests(c, i, &w);
		cpu += json_number_value(json_object_get(w.stats, "cpu"));
	}
	max = (unsigned long)c->conf->max_contexts * (n ? n : 1);
	load = (int)(cpu / (n ? n : 1) * 100 + 0.5);
	if ((int)(contexts * 100ul / max) > load)
		load = (int)(contexts * 100ul / max);
	return json_pack("{s:i, s:i, s:I, s:b, s:i, s:i, s:i, s:s}", "load",
		load > 100 ? 100 : load, "contexts", (int)contexts, "maxContexts", (json_int_t)max,
		"draining", c->draining || open == 0, "workers", (int)n, "workersUp", (int)up,
		"workersDraining", (int)old, "instance", c->instance);
}

/* Of all workers: docs/mrm.md. */
static json_t *armf_status(const struct ctl *c)
{
	json_int_t processes = 0, jobs = 0;
	const char *renderer = "";
	double cpu = 0;

	for (unsigned i = 0; i < workers_count(c->workers); i++) {
		struct workers_info w;
		const char *r;
		double one;

		workers_get(c->workers, i, &w);
		processes += json_integer_value(json_object_get(w.stats, "armfProcesses"));
		jobs += json_integer_value(json_object_get(w.stats, "armfJobs"));
		one = json_number_value(json_object_get(w.stats, "armfCpuPermille")) / 1000;
		cpu = one > cpu ? one : cpu;
		r = json_string_value(json_object_get(w.stats, "armfRenderer"));
		renderer = r && *r ? r : renderer;
	}
	return json_pack("{s:I, s:I, s:f, s:s}", "processes", processes, "jobs", jobs, "cpu", cpu,
		"renderer", renderer);
}

void ctl_status(struct ctl *c, const struct ctl_call *q)
{
	json_t *j = ctl_load(c), *list = json_array();

	for (unsigned i = 0; i < workers_count(c->workers); i++) {
		struct workers_info w;
		json_t *one;

		workers_get(c->workers, i, &w);
		if (w.draining && !w.pid)
			continue;
		one = json_pack("{s:i, s:i, s:b, s:b, s:i, s:I, s:I}", "worker", (int)i, "pid",
			(int)w.pid, "up", w.up, "draining", ctl_rests(c, i, &w), "port",
			(int)w.port, "starts", (json_int_t)w.starts, "killedHung",
			(json_int_t)w.killed);
		if (w.stats)
			json_object_update_missing(one, (json_t *)(uintptr_t)w.stats);
		json_array_append_new(list, one);
	}
	json_object_set_new(j, "version", json_string(IMS_AR_VERSION));
	json_object_set_new(
		j, "uptimeSeconds", json_integer((json_int_t)((ar_now() - c->started) / AR_SEC)));
	json_object_set_new(j, "armf", armf_status(c));
	json_object_set_new(j, "worker", list);
	ctl_answer_json(c, q->req->id, j);
}

/* ---- metrics ---- */

#define LABEL 16

/* Members of a worker's statistics. */
static const struct metric {
	const char *member, *name, *type, *help;
} metrics[] = {
	{"contexts", "contexts", "gauge", "Media contexts"},
	{"participants", "participants", "gauge", "UEs in scenes"},
	{"peersConnected", "peers_connected", "gauge", "Connected UEs"},
	{"contextsCreated", "contexts_created_total", "counter", "Contexts created"},
	{"contextsIdle", "contexts_idle_total", "counter", "Contexts ended because their UEs left"},
	{"requestsRefused", "requests_refused_total", "counter", "Requests refused by workers"},
	{"connects", "connects_total", "counter", "Connections that came up"},
	{"peersLost", "peers_lost_total", "counter",
		"Connections that ended before their context did: the UE's doing, or its silence"},
	{"poses", "poses_total", "counter", "Poses applied"},
	{"posesBad", "poses_incomplete_total", "counter", "Poses without what is needed"},
	{"posesLimited", "poses_limited_total", "counter",
		"Poses that came faster than the policy's max_pose_hz"},
	{"kbpsWaits", "kbps_waits_total", "counter",
		"Scene messages that waited because of the policy's max_kbps"},
	{"posesStale", "poses_stale_total", "counter", "Poses whose time went backwards"},
	{"posesRange", "poses_range_total", "counter", "Poses out of range"},
	{"posesQuaternion", "poses_quaternion_total", "counter", "Poses without a unit quaternion"},
	{"posesNotFinite", "poses_not_finite_total", "counter", "Poses with non-finite numbers"},
	{"actions", "actions_total", "counter", "User actions applied"},
	{"actionsRefused", "actions_refused_total", "counter", "User actions refused"},
	{"actionsRepeated", "actions_repeated_total", "counter", "Repetitions of actions"},
	{"actionsHeld", "actions_held_total", "counter",
		"Actions that came before the one they follow"},
	{"actionsSkipped", "actions_skipped_total", "counter",
		"Actions that never came, by their seq"},
	{"actionsNoRoom", "actions_no_room_total", "counter", "Early actions that found no room"},
	{"updates", "scene_updates_total", "counter", "Scene updates sent"},
	{"updateBytes", "scene_update_bytes_total", "counter", "Bytes of scene updates"},
	{"scenes", "scenes_total", "counter", "Whole scenes sent, in messages"},
	{"sceneBytes", "scene_bytes_total", "counter", "Bytes of whole scenes"},
	{"sceneMisfit", "scene_misfit_total", "counter", "Scenes over a UE's message size"},
	{"resyncs", "resyncs_total", "counter", "Whole scenes asked for again"},
	{"metaBad", "metadata_bad_total", "counter", "Metadata messages not understood"},
	{"metaUnknown", "metadata_unknown_total", "counter", "Metadata of unknown type"},
	{"metaTooBig", "metadata_too_big_total", "counter", "Metadata over the size limit"},
	{"scriptHandlers", "script_handlers_total", "counter", "Handlers of application scripts"},
	{"scriptErrors", "script_errors_total", "counter", "of them ended by an error"},
	{"scriptTimeouts", "script_timeouts_total", "counter", "of them ended by the time limit"},
	{"scriptNoMemory", "script_no_memory_total", "counter",
		"of them ended by the memory limit"},
	{"scriptDropped", "script_dropped_total", "counter", "Events that found no room"},
	{"scriptSlices", "script_slices_total", "counter", "Slices that handlers ran in"},
	{"scriptStopped", "script_stopped_total", "counter", "Scripts stopped for their memory"},
	{"behaviors", "scene_behaviors_total", "counter", "Behaviors of scenes that began"},
	{"behaviorActions", "scene_behavior_actions_total", "counter", "Changes they made"},
	{"behaviorDropped", "scene_behavior_dropped_total", "counter",
		"Delayed actions that found no room"},
	{"messagesUnknown", "messages_unknown_total", "counter", "Messages on unknown channels"},
	{"sendFailed", "send_failed_total", "counter", "Messages a connection did not take"},
	{"channelsOverflowed", "channels_overflowed_total", "counter",
		"Reliable channels closed because their UE does not read"},
	{"httpRequests", "bootstrap_requests_total", "counter", "Requests on bootstrap channels"},
	{"httpNotFound", "bootstrap_not_found_total", "counter", "of them not found"},
	{"httpRefused", "bootstrap_refused_total", "counter", "of them refused"},
	{"httpBytes", "bootstrap_bytes_total", "counter", "Bytes of answers"},
	{"datagrams", "datagrams_total", "counter", "Datagrams looked at"},
	{"noPeer", "datagrams_no_peer_total", "counter", "Datagrams for nobody"},
	{"garbage", "datagrams_garbage_total", "counter", "Datagrams of no known kind"},
	{"rateLimited", "datagrams_rate_limited_total", "counter", "Datagrams over a rate limit"},
	{"hellosLimited", "dtls_hellos_limited_total", "counter",
		"ClientHellos over the rate of an address or a peer"},
	{"udpRxBytes", "udp_rx_bytes_total", "counter", "Bytes received"},
	{"udpTxBytes", "udp_tx_bytes_total", "counter", "Bytes sent"},
	{"udpTooLong", "udp_too_long_total", "counter", "Datagrams longer than we take"},
	{"udpTxFailed", "udp_tx_failed_total", "counter", "Datagrams the kernel did not take"},
	{"sctpRepeated", "sctp_repeated_total", "counter",
		"Lost packets of scene updates that were sent again early"},
	{"sctpNotRepeated", "sctp_not_repeated_total", "counter",
		"of them left to SCTP's own pace, being too many"},
	{"sctpNoStream", "sctp_no_stream_total", "counter",
		"Messages on more channel ids than one connection has room for"},
	{"sctpEarly", "sctp_early_dropped_total", "counter",
		"Pieces of messages not taken, too much being ahead of a missing one"},
	{"avStreams", "av_streams", "gauge", "Audio and video connections"},
	{"avRxPackets", "av_rx_packets_total", "counter", "RTP and RTCP packets received"},
	{"avRxBytes", "av_rx_bytes_total", "counter", "their bytes"},
	{"avTxPackets", "av_tx_packets_total", "counter", "RTP and RTCP packets sent"},
	{"avTxBytes", "av_tx_bytes_total", "counter", "their bytes"},
	{"avMalformed", "av_malformed_total", "counter", "RTP packets not understood"},
	{"avUnknownPt", "av_unknown_pt_total", "counter", "of a payload type not negotiated"},
	{"avUnknownSsrc", "av_unknown_ssrc_total", "counter", "of a stream not expected"},
	{"avRtcpBad", "av_rtcp_bad_total", "counter", "RTCP datagrams not understood"},
	{"avReplayed", "av_replayed_total", "counter", "Relayed packets that came twice"},
	{"srtpBad", "srtp_bad_total", "counter", "SRTP packets that are not authentic"},
	{"srtpReplayed", "srtp_replayed_total", "counter", "SRTP packets that came twice"},
	{"rtpEarly", "rtp_early_total", "counter", "RTP before its keys"},
	{"avLost", "av_lost_total", "counter", "RTP packets lost for good"},
	{"avRecovered", "av_recovered_total", "counter", "Lost packets that came again"},
	{"avNacksSent", "av_nacks_sent_total", "counter", "Packets asked for again"},
	{"avNacksReceived", "av_nacks_received_total", "counter", "Packets UEs asked for again"},
	{"avResent", "av_resent_total", "counter", "Packets sent again"},
	{"avKeysAsked", "av_keys_asked_total", "counter", "Key frames asked for"},
	{"avKeysWanted", "av_keys_wanted_total", "counter", "Key frames UEs asked for"},
	{"avFramesIn", "av_frames_in_total", "counter", "Video frames received whole"},
	{"avFramesOut", "av_frames_out_total", "counter", "Video frames sent"},
	{"avFramesDrawn", "av_frames_drawn_total", "counter", "of them with the scene"},
	{"avFramesDropped", "av_frames_dropped_total", "counter", "Video frames dropped"},
	{"avFramesHeld", "av_frames_held_total", "counter", "Frames that waited for a pose"},
	{"avHeldOver", "av_held_over_total", "counter", "of them pushed out by others"},
	{"avJobsRefused", "av_jobs_refused_total", "counter", "Streams not taken for processing"},
	{"avFallbacks", "av_fallbacks_total", "counter", "Streams that lost their processor"},
	{"avReturns", "av_returns_total", "counter", "Streams processed again"},
	{"avFecSent", "av_fec_sent_total", "counter", "Parity packets sent"},
	{"avFecReceived", "av_fec_received_total", "counter", "Parity packets received"},
	{"avFecRecovered", "av_fec_recovered_total", "counter", "Packets that parity brought back"},
	{"armfProcesses", "armf_processes", "gauge", "Media processors running"},
	{"armfJobs", "armf_jobs", "gauge", "Streams that they process"},
	{"armfStarted", "armf_started_total", "counter", "Media processors started"},
	{"armfDied", "armf_died_total", "counter", "of them died"},
	{"armfHung", "armf_hung_total", "counter", "of them ended because they hung"},
	{"armfOverMemory", "armf_over_memory_total", "counter", "of them grew too large"},
	{"armfRefused", "armf_refused_total", "counter", "Streams that found no room"},
	{"armfFramesIn", "armf_frames_in_total", "counter", "Frames given to processors"},
	{"armfFramesOut", "armf_frames_out_total", "counter", "Frames that came back"},
	{"armfFramesDropped", "armf_frames_dropped_total", "counter", "Frames that did not"},
	{"armfCpuPermille", "armf_cpu_permille", "gauge", "of what streams may use"},
	{"cpu", "cpu_share", "gauge", "Share of one core, 0 to 1"},
};

/* The next worker in the metrics, from *i on; those of before are "old-0", ... */
static bool next_worker(const struct ctl *c, unsigned *i, struct workers_info *w, char *label)
{
	for (; *i < workers_count(c->workers); (*i)++) {
		workers_get(c->workers, *i, w);
		if (w->draining && !w->pid)
			continue;
		snprintf(label, LABEL, w->draining ? "old-%u" : "%u", w->draining ? w->index : *i);
		(*i)++;
		return true;
	}
	return false;
}

static void worker_metrics(const struct ctl *c, const struct metric *m, struct ar_buf *b)
{
	struct workers_info w;
	char label[LABEL];

	for (unsigned i = 0; next_worker(c, &i, &w, label);) {
		const json_t *v = json_object_get(w.stats, m->member);

		if (v)
			ar_buf_printf(b, "mediad_%s{worker=\"%s\"} %.10g\n", m->name, label,
				json_number_value(v));
	}
}

static void header(struct ar_buf *b, const char *name, const char *type, const char *help)
{
	ar_buf_printf(b, "# HELP mediad_%s %s\n# TYPE mediad_%s %s\n", name, help, name, type);
}

static void process_metrics(const struct ctl *c, struct ar_buf *b)
{
	static const struct {
		const char *name, *type, *help;
	} all[] = {{"worker_up", "gauge", "Whether the worker runs"},
		{"worker_draining", "gauge",
			"Whether it takes no new contexts; one of before an upgrade ends with its "
			"last"},
		{"worker_starts_total", "counter", "Times a worker was started"},
		{"worker_killed_total", "counter", "Workers killed because they hung"}};
	struct workers_info w;
	char label[LABEL];

	for (unsigned k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
		header(b, all[k].name, all[k].type, all[k].help);
		for (unsigned i = 0; next_worker(c, &i, &w, label);) {
			uint64_t v[] = {w.up, ctl_rests(c, i - 1, &w), w.starts, w.killed};

			ar_buf_printf(b, "mediad_%s{worker=\"%s\"} %llu\n", all[k].name, label,
				(unsigned long long)v[k]);
		}
	}
}

static void control_metrics(const struct ctl *c, struct ar_buf *b)
{
	struct h2_stats h;

	h2_server_get_stats(c->h2, &h);
	const struct {
		const char *name, *help;
		uint64_t value;
	} all[] = {{"control_connections_total", "HTTP connections", h.connections},
		{"control_refused_total", "HTTP connections over the limit", h.refused},
		{"control_garbage_total", "HTTP connections with something else on them",
			h.garbage},
		{"control_requests_total", "HTTP requests", h.requests},
		{"control_timeouts_total", "HTTP requests that did not finish", h.timeouts},
		{"control_slow_total", "HTTP clients that did not read", h.slow},
		{"control_answers_2xx_total", "Answers", c->stats.answers[2]},
		{"control_answers_4xx_total", "Answers", c->stats.answers[4]},
		{"control_answers_5xx_total", "Answers", c->stats.answers[5]},
		{"worker_timeouts_total", "Requests a worker did not answer", c->stats.timeouts},
		{"worker_deaths_total", "Workers that ended", c->stats.worker_deaths},
		{"worker_drained_total",
			"Workers of before an upgrade that ended with their last context",
			c->stats.worker_drained},
		{"leases_expired_total", "Contexts nobody renewed", c->stats.leases},
		{"events_lost_total", "Events a subscriber did not take", c->stats.events_lost}};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		header(b, all[i].name, "counter", all[i].help);
		ar_buf_printf(b, "mediad_%s %llu\n", all[i].name, (unsigned long long)all[i].value);
	}
}

void ctl_metrics(struct ctl *c, const struct ctl_call *q)
{
	struct ar_buf b;

	ar_buf_init(&b, 1 << 20);
	header(&b, "info", "gauge", "Version");
	ar_buf_printf(
		&b, "mediad_info{version=\"%s\",instance=\"%s\"} 1\n", IMS_AR_VERSION, c->instance);
	process_metrics(c, &b);
	control_metrics(c, &b);
	for (unsigned i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		header(&b, metrics[i].name, metrics[i].type, metrics[i].help);
		worker_metrics(c, &metrics[i], &b);
	}
	if (ar_buf_err(&b))
		ctl_problem(c, q->req->id, 500, "SYSTEM_FAILURE", "out of memory");
	else
		ctl_answer(c, q->req->id, 200, "text/plain; version=0.0.4", ar_buf_span(&b));
	ar_buf_free(&b);
}
