/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a media processor may still do once it has its display, its threads and its socket: compute,
 * take memory, use the descriptors it has and is given. No files, sockets, processes, signals to
 * others. Denied with EPERM, not by a kill: Mesa tries things and lives without them.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "common/ar_buf.h"

#include <stdio.h>

/* Before anything else: no core dumps, few files, dies with its parent. */
void sandbox_limits(unsigned max_files);
/* hardware: ioctl() on the GPU's devices stays allowed. All threads of the process. */
int sandbox_enter(bool hardware, struct ar_buf *why) __attribute__((warn_unused_result));
/* Tries what must not work; a line for each on out. Returns how many did work. For --check. */
unsigned sandbox_probe(FILE *out, bool hardware);

#endif
