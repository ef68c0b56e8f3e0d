/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One command to asd over a connection of its own, blocking (front link, kind "admin"). */
#ifndef IMS_AR_ASK_H
#define IMS_AR_ASK_H

#include <jansson.h>

/*
 * A new reference to asd's answer in *answer (ok true or false), within timeout_ms. 0, or a
 * negative errno: -ECONNREFUSED..., -ETIMEDOUT, -EBADMSG.
 */
int ar_ask(const char *address, const char *name, const char *cmd, const char *arg, int timeout_ms,
	json_t **answer) __attribute__((warn_unused_result));

#endif
