/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket between mediad's parent and one worker: messages of a JSON head and a body of bytes,
 * in frames of common/ar_frame.h. A long message is cut into several frames ('+' more follows, '.'
 * the last), so no frame is over its limit. One thread: the loop of the side that owns it. Both
 * sides trust each other's program but not its luck: a broken stream or a message over the limit
 * ends the link.
 */
#ifndef WLINK_H
#define WLINK_H

#include "common/ar_span.h"

#include <event2/event.h>
#include <jansson.h>

#define WLINK_MAX_MESSAGE (24 * 1024 * 1024) /* a scene document at most */
#define WLINK_MAX_QUEUE (32 * 1024 * 1024) /* unsent bytes; over it -ENOBUFS */

struct wlink;

struct wlink_handlers {
	/* head and body are valid during the call */
	void (*on_message)(void *arg, const json_t *head, struct ar_span body);
	/* once; the owner frees the link later, not inside */
	void (*on_lost)(void *arg, const char *reason);
};

/* Takes over fd, also on failure. */
int wlink_new(struct wlink **lp, struct event_base *base, int fd, const struct wlink_handlers *h,
	void *arg) __attribute__((warn_unused_result));
void wlink_free(struct wlink *l);
/* 0, -EPIPE (lost), -ENOBUFS, -EMSGSIZE, -ENOMEM. head is borrowed. */
int wlink_send(struct wlink *l, const json_t *head, struct ar_span body)
	__attribute__((warn_unused_result));

#endif
