/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_CFG_H
#define TEST_CFG_H

typedef struct {
	const char *name;
} cfg_def_t;

#endif
