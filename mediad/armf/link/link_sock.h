/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket of link_msg.h: one message a datagram, at most one file descriptor with it, and
 * memory to share. Called by both ends.
 */
#ifndef LINK_SOCK_H
#define LINK_SOCK_H

#include "mediad/armf/link/link_msg.h"

/* fd -1: none. Whole or not at all. -EAGAIN: full (non-blocking), -EPIPE: the other side is gone.
 */
int link_send(int sock, const struct link_msg *m, int fd) __attribute__((warn_unused_result));
/*
 * Returns the message's length, 0 at the end, negative errno (-EAGAIN none there now). Up to
 * max_fd file descriptors (0 or 1) come out in fd (-1: none), close-on-exec; more than that are
 * closed at once and make nfd 2, which link_msg_check() refuses.
 */
int link_recv(int sock, struct link_msg *m, int *fd, unsigned *nfd, bool wait)
	__attribute__((warn_unused_result));
/* Anonymous memory whose size is fixed from now on, close-on-exec. fd or negative errno. */
int link_memory(const char *name, size_t size);
/* The same, holding these bytes and never to be changed. */
int link_memory_of(const char *name, struct ar_span bytes);
/* Is fd memory of at least that size which nobody can shrink? */
bool link_memory_ok(int fd, size_t size);

#endif
