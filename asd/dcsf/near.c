/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/dcsf/near.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATORS " \t,"

static int read_address(const char *s, size_t n, uint8_t out[16], unsigned *bytes)
{
	char text[INET6_ADDRSTRLEN];

	if (!n || n >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = '\0';
	*bytes = memchr(text, ':', n) ? 16 : 4;
	return inet_pton(*bytes == 16 ? AF_INET6 : AF_INET, text, out) == 1 ? 0 : -EINVAL;
}

static int add_one(struct near *n, const char *s, size_t len)
{
	const char *slash = memchr(s, '/', len);
	size_t alen = slash ? (size_t)(slash - s) : len;
	unsigned long bits;
	char *end;

	if (n->n == NEAR_MAX || read_address(s, alen, n->net[n->n].addr, &n->net[n->n].bytes) != 0)
		return -EINVAL;
	bits = n->net[n->n].bytes * 8;
	if (slash) {
		unsigned long want = strtoul(slash + 1, &end, 10);

		if (slash[1] < '0' || slash[1] > '9' || end != s + len || want > bits)
			return -EINVAL;
		bits = want;
	}
	n->net[n->n++].bits = (unsigned)bits;
	return 0;
}

int near_add(struct near *n, const char *nets)
{
	int added = 0;

	for (nets += strspn(nets, SEPARATORS); *nets; nets += strspn(nets, SEPARATORS)) {
		size_t len = strcspn(nets, SEPARATORS);

		if (add_one(n, nets, len) != 0)
			return -EINVAL;
		added++;
		nets += len;
	}
	return added ? 0 : -EINVAL;
}

static int begins_with(const uint8_t *a, const uint8_t *net, unsigned bits)
{
	unsigned full = bits / 8;
	uint8_t mask = (uint8_t)(0xff00u >> (bits % 8));

	return memcmp(a, net, full) == 0 && (bits % 8 == 0 || ((a[full] ^ net[full]) & mask) == 0);
}

int near_bits(const struct near *n, const char *source)
{
	const char *colon = strchr(source, ':'), *end;
	uint8_t a[16];
	unsigned bytes;
	int best = -1;
	size_t len = strlen(source);

	if (source[0] == '[') {
		end = strchr(++source, ']');
		len = end ? (size_t)(end - source) : 0;
	} else if (colon && !strchr(colon + 1, ':')) {
		len = (size_t)(colon - source);
	}
	if (read_address(source, len, a, &bytes) != 0)
		return -1;
	for (unsigned i = 0; i < n->n; i++) {
		if (n->net[i].bytes == bytes && (int)n->net[i].bits > best &&
			begins_with(a, n->net[i].addr, n->net[i].bits))
			best = (int)n->net[i].bits;
	}
	return best;
}
