/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Networks: named local addresses on which peers are reached, `name/bind!advertised` as rtpengine
 * writes them. A name may be given twice, once with an IPv4 and once with an IPv6 address. Worker w
 * uses port base + w on each. Pure, any thread.
 */
#ifndef NETS_H
#define NETS_H

#include "common/ar_buf.h"
#include "mediad/peer.h"

#define NETS_MAX 16 /* lines */
#define NETS_MAX_NAME 32 /* bytes of a name */

struct nets_line {
	char name[NETS_MAX_NAME + 1];
	struct peer_addr bind, advertised; /* port 0 */
	char text[INET6_ADDRSTRLEN]; /* the advertised address, printed */
};

struct nets_list {
	unsigned n;
	struct nets_line line[NETS_MAX];
};

/* "default/192.0.2.1", "core/10.0.0.1!198.51.100.7", "v6/[2001:db8::1]"; appends. -EINVAL with the
 * reason in err, -E2BIG, -EEXIST (name and family given before). */
int nets_add(struct nets_list *l, const char *text, struct ar_buf *err)
	__attribute__((warn_unused_result));
/* First line of that name and family (AF_UNSPEC: any); -1: none. */
int nets_find(const struct nets_list *l, struct ar_span name, int family);

/* An address without a port from text, IPv6 with or without brackets; -EINVAL. */
int nets_addr_parse(struct peer_addr *a, const char *text) __attribute__((warn_unused_result));
/* "127.0.0.1:9910", "[::1]:9910"; -EINVAL. */
int nets_addr_port_parse(struct peer_addr *a, const char *text) __attribute__((warn_unused_result));
void nets_set_port(struct peer_addr *a, uint16_t port);
uint16_t nets_port(const struct sockaddr_storage *ss);
/* "192.0.2.1:5000", "[2001:db8::1]:5000"; "" for an unset one. Returns buf. */
const char *nets_print(const struct sockaddr_storage *ss, char *buf, size_t cap);
/* Without the port and brackets. */
const char *nets_print_ip(const struct sockaddr_storage *ss, char *buf, size_t cap);

#endif
