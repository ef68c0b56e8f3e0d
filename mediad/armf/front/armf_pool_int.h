/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Insides of the pool of media processors. armf_pool.c holds it together, armf_pool_proc.c the
 * processes, armf_pool_job.c the jobs, armf_pool_scene.c the scenes, armf_pool_load.c what may run.
 */
#ifndef ARMF_POOL_INT_H
#define ARMF_POOL_INT_H

#include "common/ar_ids.h"
#include "common/daemon/ar_clock.h"
#include "mediad/armf/front/armf_pool.h"
#include "mediad/armf/link/link_msg.h"
#include "mediad/armf/link/link_ring.h"

#include <event2/event.h>
#include <sys/types.h>

#define POOL_MAX_PROCS 16
#define POOL_MAX_JOBS 4096
#define POOL_MAX_SCENES 4096
#define POOL_MAX_SCENES_EACH 250 /* known to one process */
#define POOL_MAX_NODES 1024 /* of a scene, whose last poses a new process is told */
/* Messages that a process has not taken; over it, it hangs. A new one is told all scenes at once.
 */
#define POOL_MAX_QUEUE 8192
#define POOL_MAX_WAITING 8 /* frames of one job under way */
#define POOL_TICK_MS 100
#define POOL_SILENT_MS 1200 /* without a sign of life: hung */
#define POOL_START_MS 30000 /* EGL and shaders on a busy machine */
#define POOL_FRAME_MS 15000 /* a frame that long under way: hung, whatever the process says */
#define POOL_SNAPSHOT_MS 2000
#define POOL_RETRY_MS 250 /* between two starts, doubled up to */
#define POOL_RETRY_MAX_MS 8000
#define POOL_STABLE_MS 10000 /* lived that long: started again at once */
#define POOL_REOPEN_MS 500 /* a job that a process could not take */

struct pool_queued {
	struct pool_queued *next;
	int fd; /* of its own, -1 none */
	struct link_msg msg;
};

struct pool_known {
	uint32_t scene, sent, done; /* serials of documents */
};

struct pool_proc {
	struct armf_pool *pool;
	unsigned index;
	pid_t pid; /* 0: does not run */
	int sock;
	struct event *readable, *writable;
	bool ready, dying;
	bool greeted; /* this one was ready once */
	bool told; /* that it does not start: once, until one does */
	uint64_t started, heard, retry_at;
	unsigned retry_ms;
	struct pool_queued *first, **last;
	unsigned nqueue;
	struct pool_known known[POOL_MAX_SCENES_EACH];
	unsigned nknown;
	/* load */
	uint64_t cpu_us, cpu_at; /* as its last sign of life told, and when */
	uint64_t cpu_seen_us, cpu_seen_at; /* the same at the last look */
	unsigned used; /* permille of a core */
	unsigned over, under, hold; /* seconds in a row; hold: leave it alone */
};

struct pool_node {
	uint32_t node, has;
	uint64_t at;
	float t[3], r[4];
};

struct pool_scene {
	uint32_t id, serial, size;
	int document; /* sealed memory */
	uint64_t epoch, at;
	char call_id[128];
	struct pool_node *node;
	unsigned nnode, cap;
};

struct pool_job {
	struct pool_job *grave;
	uint32_t id;
	struct pool_proc *proc;
	struct armf_job_conf conf;
	char call_id[128];
	struct armf_job_handlers h;
	void *arg;
	bool asked, up, wait_key, tell_key;
	uint64_t reopen_at, key_told;
	int fd;
	uint8_t *memory;
	struct link_ring in;
	uint32_t seq_in, seq_out, bps, step;
	uint64_t sent_at; /* of the oldest frame under way, about */
	struct armf_job_stats st;
	/* load: CPU of this second, the time of the stream that it was for, and what a second of
	 * it costs */
	uint64_t spent_us, media_us, credit_us;
	uint32_t stands_us[LINK_RING_SLOTS]; /* by a frame under way: how far from the one before */
	uint32_t last_ts;
	bool has_ts;
	uint32_t splice; /* enum link_splice of the last frame */
	bool leapt; /* down all steps at once, and so it goes up */
	unsigned frames, cost, load; /* permille of a core: this second's, and for how it varies */
	/* snapshot */
	void (*done)(void *arg, int err, struct ar_span png);
	void *done_arg;
	uint64_t done_by;
	int png_fd;
	uint32_t png_serial;
};

struct armf_pool {
	struct armf_pool_conf conf;
	char *program, *platform, *cache_dir, *assets;
	struct event_base *base;
	struct event *tick, *kick;
	uint64_t last_tick, next_second, next_memory;
	struct pool_proc proc[POOL_MAX_PROCS];
	struct ar_ids jobs, scenes;
	struct pool_job *graves; /* closed, freed in a turn of their own */
	struct armf_pool_stats st;
	double ns_per_pixel[2]; /* measured, by codec out */
	char *scratch; /* one encoded frame, out of the reach of the process */
};

/* ---- armf_pool_proc.c ---- */
void pool_proc_init(struct pool_proc *p, struct armf_pool *pool, unsigned index);
/* Starts, watches, replaces. Once a tick. */
void pool_proc_check(struct pool_proc *p, uint64_t now);
void pool_proc_check_memory(struct pool_proc *p);
/* Ends it; its jobs are down. counter: which statistic. */
void pool_proc_kill(struct pool_proc *p, const char *reason, uint64_t *counter);
void pool_proc_hang_up(struct pool_proc *p);
void pool_proc_stop(struct pool_proc *p); /* after hanging up */
/* In order and never lost, unless the process is. fd is borrowed, -1 none. */
void pool_proc_send(struct pool_proc *p, const struct link_msg *m, int fd);
/* Now or never: -EAGAIN. */
int pool_proc_try(struct pool_proc *p, const struct link_msg *m)
	__attribute__((warn_unused_result));

/* ---- armf_pool_job.c ---- */
void pool_job_ask(struct pool_job *j); /* sends scene and job to its process */
void pool_job_state(struct pool_job *j, bool up, const char *reason);
void pool_job_check(struct pool_job *j, uint64_t now);
void pool_job_set_step(struct pool_job *j, unsigned step);
void pool_job_free_graves(struct armf_pool *pool);
void pool_job_tell_keys(struct armf_pool *pool);
/* From a process; NULL, or what is wrong with it. */
const char *pool_job_on_up(struct pool_proc *p, const struct link_msg *m);
const char *pool_job_on_out(struct pool_proc *p, const struct link_msg *m);
const char *pool_job_on_done(struct pool_proc *p, const struct link_msg *m);
const char *pool_job_on_snapped(struct pool_proc *p, const struct link_msg *m);

/* ---- armf_pool_scene.c ---- */
int pool_scene_tell(struct pool_proc *p, struct pool_scene *s) __attribute__((warn_unused_result));
bool pool_scene_known(const struct pool_proc *p, uint32_t scene);
void pool_scene_free(struct armf_pool *pool, struct pool_scene *s);
const char *pool_scene_on_done(struct pool_proc *p, const struct link_msg *m);
const char *pool_scene_on_want_asset(struct pool_proc *p, const struct link_msg *m);

/* ---- armf_pool_load.c ---- */
/* A process with room for such a job, or -EBUSY. load: what it will cost. */
int pool_load_place(struct armf_pool *pool, const struct armf_job_conf *c, struct pool_proc **out,
	unsigned *load) __attribute__((warn_unused_result));
/* A frame goes to the process, seq there and ts in RTP; then what it came to. */
void pool_load_given(struct pool_job *j, uint32_t seq, uint32_t ts);
void pool_load_measure(struct pool_job *j, const struct link_work *w, unsigned pixels);
/* Once a second, us after the last time. */
void pool_load_second(struct armf_pool *pool, uint64_t us);

#endif
