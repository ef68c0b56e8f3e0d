/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_STR_H
#define TEST_STR_H

typedef struct {
	char *s;
	int len;
} str;

#endif
