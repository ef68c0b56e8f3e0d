/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How workers outlive mediad's parent. A worker that has lost it serves its calls on and waits at
 * an abstract Unix socket named by its UDP port (so each network namespace has its own); the next
 * parent finds it there, takes its sockets and contexts over, or, when it was made from another
 * configuration or version, ends it. Both sides check who the other is (SO_PEERCRED).
 *
 * The worker's half never blocks longer than ORPHAN_TALK_MS; the parent's runs at start only.
 */
#ifndef ORPHAN_H
#define ORPHAN_H

#include "mediad/conf.h"

#include <jansson.h>
#include <sys/types.h>

#define ORPHAN_WAIT_S 60 /* without a new parent the worker ends after this */
#define ORPHAN_TALK_MS 1000
#define ORPHAN_MAX_GREETING (8 * 1024 * 1024)

/* What must be the same in both: version, networks, index. New reference, NULL: no memory. */
json_t *orphan_identity(const struct mediad_conf *conf, unsigned index);

/* The worker's: a listening socket, or negative errno. */
int orphan_listen(uint16_t port);
/*
 * Somebody has come: greets with identity, contexts and the sockets. The link to the new parent;
 * -EAGAIN: it was nobody of ours, wait on; -ECANCELED: it wants this worker to end.
 */
int orphan_accept(int listener, const json_t *identity, const json_t *contexts, const int *sockets,
	unsigned nsocket);

/* The parent's. */
struct orphan {
	int link; /* -1: none */
	pid_t pid;
	int process; /* pidfd: its number may be another's by now; -1: none */
	unsigned nsocket;
	int socket[NETS_MAX];
	json_t *contexts; /* ours */
};
/* 0: out is filled in, or no orphan is there (link -1). One that does not fit is told to end, and
 * its end is waited for. user: whose it may be beside root. */
int orphan_find(struct orphan *out, const struct mediad_conf *conf, unsigned index, uid_t user)
	__attribute__((warn_unused_result));
/* Has the process of that pidfd ended? True too when it is not yet reaped, whoever is to do that.
 */
bool orphan_ended(int process, int wait_ms);
void orphan_drop(struct orphan *o);

#endif
