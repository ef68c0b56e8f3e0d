/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lets the n-th allocation fail. Linked with --wrap=malloc,--wrap=realloc and, where used,
 * --wrap=strdup. */
#ifndef OOM_H
#define OOM_H

/* The n-th allocation from now on fails, and all after it; -1: none. */
void oom_after(int n);

#endif
