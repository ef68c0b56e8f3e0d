/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kamailio's shared memory, for tests: malloc that can fail and is counted (stubs.c). */
#ifndef TEST_SHM_MEM_H
#define TEST_SHM_MEM_H

#include <stddef.h>

void *shm_malloc(size_t n);
void shm_free(void *p);

#endif
