/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent's view of its workers: starts them, hears their signs of life, kills one that hangs,
 * starts one that died again (later and later while it keeps dying). One thread: the parent's loop.
 *
 * Numbers below the configured count are of those that take new contexts; the others, up to
 * workers_count(), are of those of an earlier mediad that drain: they are not started again.
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
#define WORKERS_MAX_NUMBERS (3 * MEDIAD_MAX_WORKERS)

struct workers_handlers {
	/* an answer; head and body are valid during the call */
	void (*on_reply)(void *arg, unsigned worker, const json_t *head, struct ar_span body);
	void (*on_event)(void *arg, unsigned worker, const json_t *event);
	/* drained: as it should, with its last context gone */
	void (*on_ended)(void *arg, unsigned worker, const char *reason, bool drained);
	void (*on_ready)(void *arg); /* once: all have given a sign of life */
};

struct workers_info {
	pid_t pid; /* 0: not running */
	bool up; /* has given a sign of life */
	bool draining; /* of an earlier mediad */
	unsigned index; /* draining: its number then */
	uint16_t port; /* UDP */
	uint64_t starts, killed;
	const json_t *stats; /* of the last sign of life; NULL: none yet */
};

struct workers;

struct workers_place { /* where a worker is met */
	uint16_t port;
	int socket[NETS_MAX];
};

/* The sockets stay the parent's, so that a worker's port outlives it. */
int workers_new(struct workers **wp, struct event_base *base, const struct worker_start *common,
	const struct workers_place *place, const struct workers_handlers *h, void *arg)
	__attribute__((warn_unused_result));
/* Before workers_start(): this one outlived an earlier parent. Takes the link of *o over; its
 * number is in *number. */
int workers_adopt(struct workers *w, struct orphan *o, unsigned *number)
	__attribute__((warn_unused_result));
/* Forks the others. */
int workers_start(struct workers *w) __attribute__((warn_unused_result));
/* Ends them and waits, with a limit. */
void workers_free(struct workers *w);
/* A child has ended (SIGCHLD, waitpid()); false: it is none of these. */
bool workers_reaped(struct workers *w, pid_t pid, int status);

/* 0, -ENOENT (not running), or wlink_send()'s. */
int workers_send(struct workers *w, unsigned i, const json_t *head, struct ar_span body)
	__attribute__((warn_unused_result));
unsigned workers_count(const struct workers *w); /* numbers in use */
unsigned workers_draining(const struct workers *w); /* how many there are still */
void workers_get(const struct workers *w, unsigned i, struct workers_info *out);

#endif
