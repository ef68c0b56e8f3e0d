/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy is loaded anew in a thread of its own, so that reading lists, compiling and self-tests
 * (up to [policy] load_time_ms and more) hold up no call. The loop's thread only swaps pointers.
 *
 * One at a time: who asks while one is under way waits for the next one, for the files may have
 * changed after they were read. All functions are of the loop's thread.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include "asd/front/front.h"

#define RELOAD_MAX_WAITING 32 /* further ones are answered "busy" */

struct asd;
struct reload;

/* ref NULL: a signal, nobody is answered. The outcome is logged and counted, and ref answered
 * exactly once, later. */
void reload_ask(struct asd *a, const struct front_ref *ref);
/* Waits for the thread; who waits is not answered any more. */
void reload_free(struct reload *r);

#endif
