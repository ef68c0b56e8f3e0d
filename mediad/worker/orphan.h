/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How workers outlive mediad's parent. A worker that has lost it serves its calls on and waits at
 * an abstract Unix socket (so each network namespace has its own); the next parent finds it there.
 * One that was made from the same program and settings is taken over with its sockets and contexts;
 * another one drains: the new parent speaks for its contexts, new ones go to new workers, and it
 * ends with its last call. One that speaks another language than we do is ended.
 *
 * The name has 128 random bits, so nobody can hold it beforehand; the parent reads the names that
 * there are from /proc/net/unix, and both sides check who the other is (SO_PEERCRED).
 *
 * The worker's half never blocks longer than ORPHAN_TALK_MS; the parent's runs at start only, and
 * waits ORPHAN_GREET_MS.
 */
#ifndef ORPHAN_H
#define ORPHAN_H

#include "mediad/conf.h"

#include <jansson.h>
#include <sys/types.h>

#define ORPHAN_WAIT_S 60 /* without a new parent the worker ends after this */
#define ORPHAN_TALK_MS 1000
#define ORPHAN_GREET_MS                                                                            \
	5000 /* a worker that gets no CPU for a while is none to give up: it has calls */
#define ORPHAN_MAX_GREETING (8 * 1024 * 1024)
#define ORPHAN_MAX_NAMES 1024 /* looked at; strangers may have made some */
#define ORPHAN_LANGUAGE 1 /* of greeting and link: one up when an older one cannot be spoken to */

struct orphan_self { /* what a worker says of itself */
	unsigned index;
	uint16_t port;
	bool draining;
	uint64_t since; /* draining since, monotonic */
};

/* New reference, NULL: no memory. */
json_t *orphan_identity(const struct mediad_conf *conf, const struct orphan_self *self);

/* The worker's: a listening socket, or negative errno. base: the first worker's port. */
int orphan_listen(uint16_t base);

enum orphan_verdict { ORPHAN_ADOPT = 'A', ORPHAN_DRAIN = 'D', ORPHAN_RETIRE = 'R' };

/*
 * Somebody has come: greets with identity, contexts and the sockets. The link to the new parent,
 * with *verdict what it wants (retire: the link is -ECANCELED); -EAGAIN: it was nobody of ours.
 */
int orphan_accept(int listener, const json_t *identity, const json_t *contexts, const int *sockets,
	unsigned nsocket, enum orphan_verdict *verdict);

/* The parent's. */
struct orphan {
	int link; /* -1: none */
	pid_t pid;
	int process; /* pidfd: its number may be another's by now; -1: none */
	struct orphan_self self; /* draining: it was told to, by us or before */
	unsigned nsocket;
	int socket[NETS_MAX];
	json_t *contexts; /* ours */
};

struct orphan_list {
	unsigned n;
	struct orphan at[2 * MEDIAD_MAX_WORKERS];
};

/*
 * Adds those that are there and not in the list yet; base: of which mediad. user: whose they may be
 * beside root. drain: none is to be taken over as it is. Those that cannot be spoken to are ended,
 * and of several that drain with one index all but the latest.
 */
int orphan_find(struct orphan_list *l, const struct mediad_conf *conf, uint16_t base, uid_t user,
	bool drain) __attribute__((warn_unused_result));
/* Has the process of that pidfd ended? True too when it is not yet reaped, whoever is to do that.
 */
bool orphan_ended(int process, int wait_ms);
void orphan_drop(struct orphan *o);

#endif
