/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent's view of its workers: starts them, hears their signs of life, kills one that hangs,
 * starts one that died again (later and later while it keeps dying). One thread: the parent's loop.
 */
#ifndef WORKERS_H
#define WORKERS_H

#include "mediad/worker/orphan.h"
#include "mediad/worker/worker.h"

#include <event2/event.h>
#include <jansson.h>
#include <sys/types.h>

#define WORKERS_HUNG_MS 3000 /* without a sign of life */
#define WORKERS_RETRY_MS 500 /* doubled after every early death */
#define WORKERS_RETRY_MAX_MS 30000

struct workers_handlers {
	/* an answer; head and body are valid during the call */
	void (*on_reply)(void *arg, unsigned worker, const json_t *head, struct ar_span body);
	void (*on_event)(void *arg, unsigned worker, const json_t *event);
	void (*on_died)(void *arg, unsigned worker, const char *reason);
	void (*on_ready)(void *arg); /* once: all have given a sign of life */
};

struct workers_info {
	pid_t pid; /* 0: not running */
	bool up; /* has given a sign of life */
	uint64_t starts, killed;
	const json_t *stats; /* of the last sign of life; NULL: none yet */
};

struct workers;

/* sockets[worker][network] stay the parent's, so that a worker's port outlives it. */
int workers_new(struct workers **wp, struct event_base *base, const struct worker_start *common,
	int (*sockets)[NETS_MAX], const struct workers_handlers *h, void *arg)
	__attribute__((warn_unused_result));
/* Before workers_start(): this one outlived an earlier parent. Takes the link of *o over. */
int workers_adopt(struct workers *w, unsigned i, struct orphan *o)
	__attribute__((warn_unused_result));
/* Forks the others. */
int workers_start(struct workers *w) __attribute__((warn_unused_result));
/* Ends them and waits, with a limit. */
void workers_free(struct workers *w);
/* A child has ended (SIGCHLD). */
void workers_reap(struct workers *w);

/* 0, -ENOENT (not running), or wlink_send()'s. */
int workers_send(struct workers *w, unsigned i, const json_t *head, struct ar_span body)
	__attribute__((warn_unused_result));
unsigned workers_count(const struct workers *w);
void workers_get(const struct workers *w, unsigned i, struct workers_info *out);

#endif
