/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/nets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int nets_addr_parse(struct peer_addr *a, const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	char bare[INET6_ADDRSTRLEN];
	size_t n = strlen(text);

	if (n >= 2 && text[0] == '[' && text[n - 1] == ']')
		text++, n -= 2;
	if (n == 0 || n >= sizeof(bare))
		return -EINVAL;
	memcpy(bare, text, n);
	bare[n] = '\0';
	*a = (struct peer_addr){0};
	if (inet_pton(AF_INET, bare, &v4.sin_addr) == 1) {
		memcpy(&a->ss, &v4, sizeof(v4));
		a->len = sizeof(v4);
		return 0;
	}
	if (inet_pton(AF_INET6, bare, &v6.sin6_addr) != 1)
		return -EINVAL;
	memcpy(&a->ss, &v6, sizeof(v6));
	a->len = sizeof(v6);
	return 0;
}

int nets_addr_port_parse(struct peer_addr *a, const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2], *end;
	long port;
	int err;

	if (!colon || colon == text || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	if (strchr(host, ':') && host[0] != '[')
		return -EINVAL;
	port = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || *end || port < 0 || port > 65535)
		return -EINVAL;
	err = nets_addr_parse(a, host);
	if (err)
		return err;
	nets_set_port(a, (uint16_t)port);
	return 0;
}

void nets_set_port(struct peer_addr *a, uint16_t port)
{
	if (a->ss.ss_family == AF_INET)
		((struct sockaddr_in *)&a->ss)->sin_port = htons(port);
	else if (a->ss.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a->ss)->sin6_port = htons(port);
}

uint16_t nets_port(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)ss)->sin_port);
	if (ss->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)ss)->sin6_port);
	return 0;
}

const char *nets_print_ip(const struct sockaddr_storage *ss, char *buf, size_t cap)
{
	const void *p = NULL;

	buf[0] = '\0';
	if (ss->ss_family == AF_INET)
		p = &((const struct sockaddr_in *)ss)->sin_addr;
	else if (ss->ss_family == AF_INET6)
		p = &((const struct sockaddr_in6 *)ss)->sin6_addr;
	if (p && !inet_ntop(ss->ss_family, p, buf, (socklen_t)cap))
		buf[0] = '\0';
	return buf;
}

const char *nets_print(const struct sockaddr_storage *ss, char *buf, size_t cap)
{
	char ip[INET6_ADDRSTRLEN];

	nets_print_ip(ss, ip, sizeof(ip));
	if (!ip[0])
		buf[0] = '\0';
	else
		snprintf(buf, cap, ss->ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip,
			nets_port(ss));
	return buf;
}

int nets_find(const struct nets_list *l, struct ar_span name, int family)
{
	for (unsigned i = 0; i < l->n; i++) {
		const struct nets_line *x = &l->line[i];

		if (ar_span_eq(ar_span_str(x->name), name) &&
			(family == AF_UNSPEC || x->bind.ss.ss_family == family))
			return (int)i;
	}
	return -1;
}

static int bad(struct ar_buf *err, const char *text, const char *why)
{
	ar_buf_printf(err, "network = %s: %s", text, why);
	return -EINVAL;
}

static bool is_any(const struct peer_addr *a)
{
	static const struct in6_addr any6 = IN6ADDR_ANY_INIT;

	if (a->ss.ss_family == AF_INET)
		return ((const struct sockaddr_in *)&a->ss)->sin_addr.s_addr == INADDR_ANY;
	return memcmp(&((const struct sockaddr_in6 *)&a->ss)->sin6_addr, &any6, sizeof(any6)) == 0;
}

static int read_addresses(
	struct nets_line *x, const char *text, const char *slash, struct ar_buf *err)
{
	const char *bang = strchr(slash, '!');
	char bind[INET6_ADDRSTRLEN + 2];
	size_t n = bang ? (size_t)(bang - slash - 1) : strlen(slash + 1);

	if (n == 0 || n >= sizeof(bind))
		return bad(err, text, "want name/address or name/address!advertised");
	memcpy(bind, slash + 1, n);
	bind[n] = '\0';
	if (nets_addr_parse(&x->bind, bind) != 0)
		return bad(err, text, "the bind address is not an IPv4 or IPv6 address");
	if (nets_addr_parse(&x->advertised, bang ? bang + 1 : bind) != 0)
		return bad(err, text, "the advertised address is not an IPv4 or IPv6 address");
	if (x->bind.ss.ss_family != x->advertised.ss.ss_family)
		return bad(err, text, "bind and advertised address are of different families");
	if (is_any(&x->advertised))
		return bad(err, text, "a wildcard address needs `!advertised`, what UEs are told");
	nets_print_ip(&x->advertised.ss, x->text, sizeof(x->text));
	return 0;
}

int nets_add(struct nets_list *l, const char *text, struct ar_buf *err)
{
	const char *slash = strchr(text, '/');
	struct nets_line x = {0};
	int rc;

	if (l->n == NETS_MAX)
		return bad(err, text, "too many networks");
	if (!slash || slash == text || (size_t)(slash - text) > NETS_MAX_NAME)
		return bad(err, text, "want name/address or name/address!advertised");
	memcpy(x.name, text, (size_t)(slash - text));
	rc = read_addresses(&x, text, slash, err);
	if (rc)
		return rc;
	if (nets_find(l, ar_span_str(x.name), x.bind.ss.ss_family) >= 0)
		return bad(err, text, "this name has an address of that family already");
	l->line[l->n++] = x;
	return 0;
}
