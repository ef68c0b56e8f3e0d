/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/net/peer_addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

static const struct sockaddr_in *v4(const struct peer_addr *a)
{
	return (const void *)&a->ss;
}

static const struct sockaddr_in6 *v6(const struct peer_addr *a)
{
	return (const void *)&a->ss;
}

bool peer_addr_eq(const struct peer_addr *a, const struct peer_addr *b)
{
	if (a->ss.ss_family != b->ss.ss_family)
		return false;
	if (a->ss.ss_family == AF_INET)
		return v4(a)->sin_port == v4(b)->sin_port &&
		       v4(a)->sin_addr.s_addr == v4(b)->sin_addr.s_addr;
	return a->ss.ss_family == AF_INET6 && v6(a)->sin6_port == v6(b)->sin6_port &&
	       v6(a)->sin6_scope_id == v6(b)->sin6_scope_id &&
	       memcmp(&v6(a)->sin6_addr, &v6(b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

char *peer_addr_print(const struct peer_addr *a, char buf[PEER_ADDR_TEXT])
{
	char host[INET6_ADDRSTRLEN];

	snprintf(buf, PEER_ADDR_TEXT, "-");
	if (a->ss.ss_family == AF_INET && inet_ntop(AF_INET, &v4(a)->sin_addr, host, sizeof(host)))
		snprintf(buf, PEER_ADDR_TEXT, "%s:%u", host, ntohs(v4(a)->sin_port));
	if (a->ss.ss_family == AF_INET6 &&
		inet_ntop(AF_INET6, &v6(a)->sin6_addr, host, sizeof(host)))
		snprintf(buf, PEER_ADDR_TEXT, "[%s]:%u", host, ntohs(v6(a)->sin6_port));
	return buf;
}

int peer_addr_parse(struct peer_addr *a, const char *host, uint16_t port)
{
	struct sockaddr_in *sin = (void *)&a->ss;
	struct sockaddr_in6 *sin6 = (void *)&a->ss;

	*a = (struct peer_addr){.len = 0};
	if (inet_pton(AF_INET, host, &sin->sin_addr) == 1) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		a->len = sizeof(*sin);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &sin6->sin6_addr) == 1) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(port);
		a->len = sizeof(*sin6);
		return 0;
	}
	return -EINVAL;
}

void peer_addr_set_port(struct peer_addr *a, uint16_t port)
{
	struct sockaddr_in *sin = (void *)&a->ss;
	struct sockaddr_in6 *sin6 = (void *)&a->ss;

	if (a->ss.ss_family == AF_INET)
		sin->sin_port = htons(port);
	if (a->ss.ss_family == AF_INET6)
		sin6->sin6_port = htons(port);
}
