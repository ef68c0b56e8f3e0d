/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Buffers and their views. */
#include "mediad/armf/gltf/load_internal.h"

#include <inttypes.h>

static int buffer_bytes(struct load *l, const struct at *at, unsigned i, const char *uri)
{
	if (uri)
		return load_uri(l, AT_KEY(at, "uri"), uri, &l->buffer[i], &l->owned[i]);
	if (i != 0 || !l->bin.p)
		return load_bad(l, at, -ENOENT, "has no uri, and there is no binary chunk for it");
	l->buffer[i] = l->bin;
	return 0;
}

static int one_buffer(struct load *l, unsigned i, const json_t *o)
{
	const struct at *at = AT_INDEX(AT_KEY(NULL, "buffers"), i);
	const char *uri = NULL;
	uint64_t n = 0;
	int err = get_string(l, at, o, "uri", &uri);

	if (!err)
		err = get_uint(l, at, o, "byteLength", 1, UINT32_MAX, &n);
	if (!err && n == 0)
		err = load_bad(l, AT_KEY(at, "byteLength"), -EINVAL, "is missing");
	if (!err && n > l->lim->resource_bytes)
		err = load_bad(l, AT_KEY(at, "byteLength"), -E2BIG, "%" PRIu64 ", the limit is %zu",
			n, l->lim->resource_bytes);
	if (!err)
		err = buffer_bytes(l, at, i, uri);
	if (!err && l->buffer[i].n < n)
		err = load_bad(l, at, -EINVAL, "byteLength is %" PRIu64 ", there are %zu bytes", n,
			l->buffer[i].n);
	if (!err)
		l->buffer[i].n = n;
	return err;
}

static int one_view(struct load *l, unsigned i, const json_t *o)
{
	const struct at *at = AT_INDEX(AT_KEY(NULL, "bufferViews"), i);
	uint64_t from = 0, n = 0, stride = 0, target = 0;
	struct bytes *b;
	int k, err = need_index(l, at, o, "buffer", l->nbuffer, &k);

	if (!err)
		err = get_uint(l, at, o, "byteOffset", 0, UINT32_MAX, &from);
	if (!err)
		err = get_uint(l, at, o, "byteLength", 1, UINT32_MAX, &n);
	if (!err)
		err = get_uint(l, at, o, "byteStride", 4, 252, &stride);
	if (!err)
		err = get_uint(l, at, o, "target", 34962, 34963, &target);
	if (err)
		return err;
	b = &l->buffer[k];
	if (n == 0)
		return load_bad(l, AT_KEY(at, "byteLength"), -EINVAL, "is missing");
	if (stride % 4)
		return load_bad(l, AT_KEY(at, "byteStride"), -EINVAL,
			"%" PRIu64 " is no multiple of 4", stride);
	if (n > b->n || from > b->n - n)
		return load_bad(
			l, at, -EINVAL, "ends behind its buffer, which has %zu bytes", b->n);
	l->bview[i] = (struct load_view){b->p + from, n, from, stride};
	return 0;
}

int load_buffers(struct load *l)
{
	unsigned nb = list_size(l->doc, "buffers"), nv = list_size(l->doc, "bufferViews");
	int err = 0;

	l->buffer = calloc(nb + 1, sizeof(*l->buffer));
	l->owned = calloc(nb + 1, sizeof(*l->owned));
	l->bview = calloc(nv + 1, sizeof(*l->bview));
	if (!l->buffer || !l->owned || !l->bview)
		return -ENOMEM;
	l->nbuffer = nb;
	l->nview = nv;
	for (unsigned i = 0; i < nb && !err; i++)
		err = one_buffer(l, i, json_array_get(json_object_get(l->doc, "buffers"), i));
	for (unsigned i = 0; i < nv && !err; i++)
		err = one_view(l, i, json_array_get(json_object_get(l->doc, "bufferViews"), i));
	return err;
}

void load_buffers_free(struct load *l)
{
	for (unsigned i = 0; i < l->nbuffer; i++)
		free(l->owned[i]);
	free(l->buffer);
	free(l->owned);
	free(l->bview);
	free(l->accessor);
	free(l->mesh_joints);
	free(l->mesh_skinned);
}
