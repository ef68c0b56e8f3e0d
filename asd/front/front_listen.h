/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The front's listening sockets: bound while still privileged, accepting later. */
#ifndef FRONT_LISTEN_H
#define FRONT_LISTEN_H

#include "asd/asd_conf.h"

#include <event2/event.h>

struct front_listener;

/* fd is the handler's. from: "192.0.2.7:5123" or "pid 17, uid 0". */
typedef void front_accept_h(void *arg, evutil_socket_t fd, const char *from);

int front_listen(struct front_listener **lp, struct event_base *base, const struct asd_conf *conf,
	front_accept_h *h, void *arg, struct ar_buf *err) __attribute__((warn_unused_result));
int front_listen_start(struct front_listener *l) __attribute__((warn_unused_result));
void front_unlisten(struct front_listener *l);

#endif
