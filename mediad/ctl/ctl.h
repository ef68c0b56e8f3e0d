/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nmf_MRM server (docs/mrm.md): finds the worker of a request and passes it on, and answers what
 * the parent knows itself: list, status, events, metrics. DC2. One thread: the parent's loop.
 */
#ifndef CTL_H
#define CTL_H

#include "mediad/conf.h"
#include "mediad/workers.h"

#define CTL_MAX_PENDING 4096
#define CTL_MAX_SUBSCRIBERS 64
#define CTL_ANSWER_S 5 /* a worker must have answered */
#define CTL_LOAD_S 2 /* between two load events */

struct ctl;

int ctl_new(struct ctl **cp, struct event_base *base, const struct mediad_conf *conf)
	__attribute__((warn_unused_result));
void ctl_free(struct ctl *c);
/* Before the first request. */
void ctl_set_workers(struct ctl *c, struct workers *w);
/* Contexts of a worker that outlived an earlier parent: a list of dcmf_list(). */
void ctl_adopt(struct ctl *c, unsigned worker, const json_t *contexts);
/* Takes over a listening socket. */
int ctl_listen(struct ctl *c, int fd) __attribute__((warn_unused_result));
/* New contexts are refused from now on, or taken again. */
void ctl_drain(struct ctl *c, bool on);
bool ctl_draining(const struct ctl *c);
unsigned ctl_contexts(const struct ctl *c);
bool ctl_busy(const struct ctl *c); /* workers have requests */

/* workers_handlers */
void ctl_on_reply(void *arg, unsigned worker, const json_t *head, struct ar_span body);
void ctl_on_event(void *arg, unsigned worker, const json_t *event);
void ctl_on_died(void *arg, unsigned worker, const char *reason);
void ctl_on_drained(void *arg, unsigned worker);

#endif
