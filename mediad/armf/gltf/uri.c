/* SPDX-License-Identifier: GPL-2.0-or-later */
/* data: URIs (RFC 2397) and relative ones, which may not leave the document's folder. */
#include "mediad/armf/gltf/load_internal.h"

#define MAX_URI 1024

#define B64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

int64_t base64_decode(const char *text, size_t n, uint8_t *out)
{
	uint8_t value[256];
	uint32_t bits = 0;
	uint8_t *o = out;
	unsigned have = 0;

	memset(value, 0xff, sizeof(value));
	for (int i = 0; i < 64; i++)
		value[(unsigned char)B64[i]] = (uint8_t)i;
	for (unsigned i = 0, padded = n % 4 == 0; i < 2 && padded && n && text[n - 1] == '='; i++)
		n--;
	if (n % 4 == 1)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		uint8_t s = value[(unsigned char)text[i]];

		if (s > 63)
			return -EINVAL;
		bits = bits << 6 | s;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*o++ = (uint8_t)(bits >> have);
		}
	}
	return o - out;
}

static int data_uri(
	struct load *l, const struct at *at, const char *uri, struct bytes *out, uint8_t **owned)
{
	const char *comma = strchr(uri, ',');
	size_t n;
	int64_t got;

	if (!comma || comma - uri < 12 || strncmp(comma - 7, ";base64", 7) != 0)
		return load_bad(l, at, -EINVAL, "want data:...;base64,...");
	n = strlen(comma + 1);
	if (n / 4 * 3 > l->lim->resource_bytes)
		return load_bad(l, at, -E2BIG, "more than %zu bytes", l->lim->resource_bytes);
	*owned = malloc(n / 4 * 3 + 4);
	if (!*owned)
		return load_bad(l, at, -ENOMEM, "out of memory");
	got = base64_decode(comma + 1, n, *owned);
	if (got < 0)
		return load_bad(l, at, -EINVAL, "bad base64");
	*out = (struct bytes){*owned, (size_t)got};
	return 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int percent_decode(const char *uri, char out[MAX_URI])
{
	size_t n = 0;

	for (const char *p = uri; *p; p++) {
		int c = (unsigned char)*p;

		if (c == '%') {
			if (hex(p[1]) < 0 || hex(p[2]) < 0)
				return -EINVAL;
			c = hex(p[1]) << 4 | hex(p[2]);
			p += 2;
		}
		if (c == 0 || n == MAX_URI - 1)
			return -EINVAL;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return n ? 0 : -EINVAL;
}

/* No scheme or drive, not absolute, no step up, nothing that a log or a file system would mistake.
 */
static bool stays(const char *path)
{
	for (const char *p = path; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '\\' || *p == ':')
			return false;
	}
	return path[0] != '/' && !strstr(path, "..");
}

int load_uri(
	struct load *l, const struct at *at, const char *uri, struct bytes *out, uint8_t **owned)
{
	struct ar_span got = AR_SPAN_NONE;
	char path[MAX_URI];
	int err;

	if (strncasecmp(uri, "data:", 5) == 0)
		return data_uri(l, at, uri, out, owned);
	if (percent_decode(uri, path) != 0 || !stays(path))
		return load_bad(l, at, -EINVAL, "want data: or a relative name that stays below");
	if (!l->src->resolve)
		return load_bad(
			l, at, -ENOENT, "%.80s: there are no files beside this document", path);
	err = l->src->resolve(l->src->user, path, &got);
	if (err || !got.p)
		return load_bad(l, at, err ? err : -ENOENT, "%.80s: %s", path,
			strerror(err ? -err : ENOENT));
	if (got.n > l->lim->resource_bytes)
		return load_bad(l, at, -E2BIG, "%.80s: %zu bytes, the limit is %zu", path, got.n,
			l->lim->resource_bytes);
	*out = (struct bytes){(const uint8_t *)got.p, got.n};
	return 0;
}
