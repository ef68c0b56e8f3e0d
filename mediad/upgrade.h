/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new mediad in the place of the running one, at SIGUSR2 (systemctl reload): the program file, as
 * it is now, first checks the configuration (mediad -t) in a process of its own; when it is
 * content, this process becomes it. The workers see their parent go and are found by it
 * (worker/orphan.h); it lets them drain. The control sockets stay open meanwhile, so a request
 * waits and is not refused. When the check fails nothing changes. One thread: the parent's loop.
 */
#ifndef UPGRADE_H
#define UPGRADE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define UPGRADE_MAX_SOCKETS 32

/* What was handed over to this process; sockets: -1 where there is none. */
struct upgrade_from {
	bool upgraded;
	uint16_t base; /* first port of the workers there are */
	unsigned nsocket;
	int socket[UPGRADE_MAX_SOCKETS];
};

struct upgrade {
	char *const *argv;
	char program[4096];
	pid_t checker; /* 0: none */
};

/* At the start of main(): which file is it? */
void upgrade_init(struct upgrade *u, char *const *argv);
/* Reads and forgets what the earlier program left in the environment. */
void upgrade_take(struct upgrade_from *f);
/* Starts the check; -EBUSY: one runs. Its end comes as SIGCHLD. */
int upgrade_check(struct upgrade *u) __attribute__((warn_unused_result));
/* Does not return when all is well, else negative errno with nothing changed. */
int upgrade_become(const struct upgrade *u, uint16_t base, const int *socket, unsigned nsocket);

#endif
