/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a new parent has to know of the contexts of a worker that outlived the old one. */
#include "mediad/dcmf/dcmf_internal.h"

static json_t *entry(const struct context *c)
{
	const json_t *x = json_object_get(c->doc, "x-ims-ar");
	static const char *const copied[][2] = {{"owner", "owner"}, {"callId", "callId"},
		{"call", "call"}, {"share", "share"}, {"leaseSeconds", "lease"}};
	json_t *j = json_pack("{s:s}", "ctx", c->id);

	for (unsigned i = 0; j && i < sizeof(copied) / sizeof(copied[0]); i++) {
		json_t *v = json_object_get(x, copied[i][0]);

		if (v)
			json_object_set(j, copied[i][1], v);
	}
	return j;
}

json_t *dcmf_list(const struct dcmf *d)
{
	json_t *list = json_array();

	for (unsigned i = 0; list && i < DCMF_BUCKETS; i++) {
		for (const struct context *c = d->bucket[i]; c; c = c->next)
			json_array_append_new(list, entry(c));
	}
	return list;
}
