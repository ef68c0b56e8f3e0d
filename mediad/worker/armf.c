/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/worker/armf.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/armf/link/link_msg.h"

#include <errno.h>

#define NTP_1970 2208988800ull /* RFC 5905 6 */

static uint64_t now(void)
{
	return ar_now();
}

uint64_t armf_ntp(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ((uint64_t)t.tv_sec + NTP_1970) << 32 |
	       (((uint64_t)t.tv_nsec << 32) / 1000000000u & UINT32_MAX);
}

static void fill(struct dcmf_conf *dc, const struct mediad_conf *c, struct armf_pool *pool)
{
	dc->transports = c->media_transports;
	dc->av = (struct stream_front_conf){.clock = now,
		.max_legs = (unsigned)c->max_streams,
		.max_kbps = (uint32_t)c->max_kbps,
		.fov_y = (float)c->fov_degrees * 3.14159265f / 180,
		.delay = (uint32_t)c->camera_delay_ms * 1000,
		.low_delay = c->low_delay != 0};
	if (!pool)
		return;
	dc->av.jobs = (struct stream_pool){.pool = pool,
		.open = armf_job_open,
		.close = armf_job_close,
		.frame = armf_job_frame,
		.render = armf_job_render,
		.want_key = armf_job_want_key,
		.set_rate = armf_job_set_rate,
		.set_limits = armf_job_set_limits,
		.stats = armf_job_get_stats,
		.snapshot = armf_job_snapshot};
	dc->armf = (struct feed_pool){.pool = pool,
		.open = armf_scene_open,
		.update = armf_scene_update,
		.pose = armf_scene_pose,
		.close = armf_scene_close};
}

int armf_start(struct armf_pool **pool, const struct mediad_conf *c, struct event_base *base,
	struct dcmf_conf *dc)
{
	struct armf_pool_conf pc = {.program = c->program,
		.processes = (unsigned)c->processes,
		.max_jobs = (unsigned)c->max_jobs,
		.cpu_percent = (unsigned)c->cpu_percent,
		.memory_mb = (unsigned)c->memory_mb,
		.platform = c->platform,
		.device = (int)c->device,
		.cache_dir = c->cache_dir,
		.max_triangles = (unsigned)c->max_triangles,
		.h264 = c->h264,
		.splice = c->splice != 0,
		.assets = c->scenes};
	int err = 0;

	*pool = NULL;
	if (c->processes)
		err = armf_pool_new(pool, &pc, base);
	if (err == -ENOMEM)
		return err;
	if (err) {
		*pool = NULL;
		ar_log(AR_LOG_ERR, "armf", "no media processing: %s: %s", c->program,
			strerror(-err));
	}
	fill(dc, c, *pool);
	return 0;
}

void armf_stop(struct armf_pool *pool)
{
	if (pool)
		armf_pool_free(pool);
}

void armf_stats(const struct armf_pool *pool, json_t *out)
{
	struct armf_pool_stats s = {0};

	if (pool)
		armf_pool_get_stats(pool, &s);
	const struct {
		const char *name;
		uint64_t value;
	} all[] = {{"armfProcesses", s.running}, {"armfJobs", s.jobs}, {"armfScenes", s.scenes},
		{"armfStarted", s.started}, {"armfDied", s.died}, {"armfHung", s.hung},
		{"armfOverMemory", s.over_memory}, {"armfRefused", s.refused},
		{"armfFramesIn", s.frames_in}, {"armfFramesOut", s.frames_out},
		{"armfFramesDropped", s.frames_dropped}, {"armfCpuPermille", s.cpu_permille},
		{"armfFramesSpliced", s.frames_spliced}, {"armfBlocksSpliced", s.blocks},
		{"armfBlocksRecoded", s.blocks_recoded},
		{"armfSpliceEndStep", s.splice_ends[LINK_SPLICE_STEP]},
		{"armfSpliceEndFast", s.splice_ends[LINK_SPLICE_FAST]},
		{"armfSpliceEndRate", s.splice_ends[LINK_SPLICE_RATE]},
		{"armfSpliceEndKey", s.splice_ends[LINK_SPLICE_KEY]},
		{"armfSpliceEndBox", s.splice_ends[LINK_SPLICE_BOX]},
		{"armfSpliceEndLate", s.splice_ends[LINK_SPLICE_LATE]},
		{"armfSpliceEndBroken", s.splice_ends[LINK_SPLICE_WAIT]},
		{"armfSpliceEndUnfit", s.splice_ends[LINK_SPLICE_FAILED]}};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_object_set_new(out, all[i].name, json_integer((json_int_t)all[i].value));
	json_object_set_new(out, "armfRenderer", json_string(s.renderer));
}
