/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What another process has computed; for test programs. */
#ifndef PROC_CPU_H
#define PROC_CPU_H

#include <stdint.h>
#include <sys/types.h>

/* Nanoseconds of all its threads, from schedstat: no tick's worth is missed. 0: no such process. */
uint64_t proc_cpu_ns(pid_t pid);

#endif
