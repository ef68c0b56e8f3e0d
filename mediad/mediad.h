/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mediad's parent process: opens the sockets, gives up privileges, forks the workers, serves the
 * control interface, supervises, and ends all of it on SIGTERM. SIGUSR1 starts and ends draining,
 * SIGUSR2 puts a new mediad in its place (upgrade.h).
 */
#ifndef MEDIAD_H
#define MEDIAD_H

#include "mediad/conf.h"
#include "mediad/upgrade.h"

/* Loads what the configuration names (scenes, folders). For --check. */
int mediad_check(const struct mediad_conf *conf, struct ar_buf *why)
	__attribute__((warn_unused_result));
/* Runs until told to stop. 0, or negative errno with the reason in why. */
int mediad_run(const struct mediad_conf *conf, struct upgrade *up, struct ar_buf *why)
	__attribute__((warn_unused_result));

#endif
