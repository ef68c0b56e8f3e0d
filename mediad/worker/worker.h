/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One media worker: a process of its own with one loop, one SCTP stack, one UDP port on every
 * network, and the contexts the parent gives it. Its death costs its own calls only.
 */
#ifndef WORKER_H
#define WORKER_H

#include "mediad/conf.h"
#include "mediad/dcmf/assets.h"
#include "mediad/dcmf/scripts.h"
#include "mediad/scene/library.h"

#define WORKER_BEAT_MS 1000 /* between two signs of life to the parent */

struct worker_start {
	unsigned index;
	const struct mediad_conf *conf;
	const struct library *scenes;
	const struct assets *assets;
	struct scripts *scripts; /* of the process's own, from the fork on */
	int link; /* to the parent; taken over */
	uint16_t port; /* on every network */
	int socket[NETS_MAX]; /* one a network; taken over */
};

/* Runs until the parent goes away. Returns the process's exit status. */
int worker_main(const struct worker_start *s);

#endif
