/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses of UEs, IPv4 and IPv6. Pure. */
#ifndef PEER_ADDR_H
#define PEER_ADDR_H

#include "mediad/peer.h"

#define PEER_ADDR_TEXT 64

bool peer_addr_eq(const struct peer_addr *a, const struct peer_addr *b);
/* "192.0.2.7:5000", "[2001:db8::1]:5000", "-" when empty. Returns buf. */
char *peer_addr_print(const struct peer_addr *a, char buf[PEER_ADDR_TEXT]);
/* A literal address, no name. -EINVAL. */
int peer_addr_parse(struct peer_addr *a, const char *host, uint16_t port)
	__attribute__((warn_unused_result));
void peer_addr_set_port(struct peer_addr *a, uint16_t port);

#endif
