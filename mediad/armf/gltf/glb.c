/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GLB (glTF 2.0 4.4): a header, a JSON chunk, then perhaps a binary one; unknown ones are skipped.
 */
#include "mediad/armf/gltf/load_internal.h"

#define GLB_MAGIC 0x46546c67u
#define GLB_JSON 0x4e4f534au
#define GLB_BIN 0x004e4942u

static uint32_t le32(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

bool glb_is(struct ar_span all)
{
	return all.n >= 4 && le32(all.p) == GLB_MAGIC;
}

static int header(struct load *l, struct ar_span all)
{
	if (all.n < 20)
		return load_bad(l, NULL, -EINVAL, "GLB: cut off in its header");
	if (le32(all.p + 4) != 2)
		return load_bad(l, NULL, -EINVAL, "GLB: version %u, want 2", le32(all.p + 4));
	if (le32(all.p + 8) != all.n)
		return load_bad(l, NULL, -EINVAL, "GLB: header says %u bytes, there are %zu",
			le32(all.p + 8), all.n);
	return 0;
}

int glb_split(struct load *l, struct ar_span all, struct ar_span *json)
{
	size_t at = 12;
	int err = header(l, all);

	for (unsigned k = 0; !err && all.n - at >= 8; k++) {
		uint32_t n = le32(all.p + at), type = le32(all.p + at + 4);

		if (n % 4 || n > all.n - at - 8)
			return load_bad(l, NULL, -EINVAL, "GLB: chunk %u has a bad length", k);
		if ((k == 0) != (type == GLB_JSON))
			return load_bad(
				l, NULL, -EINVAL, "GLB: want JSON in chunk 0 and only there");
		if (k == 0)
			*json = (struct ar_span){all.p + at + 8, n};
		else if (k == 1 && type == GLB_BIN)
			l->bin = (struct bytes){(const uint8_t *)all.p + at + 8, n};
		at += 8 + n;
	}
	if (!err && at != all.n)
		err = load_bad(l, NULL, -EINVAL, "GLB: %zu bytes after its chunks", all.n - at);
	return err;
}

static void encode64(const uint8_t *p, size_t n, char *o)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; n >= 3; n -= 3, p += 3) {
		uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

		for (int shift = 18; shift >= 0; shift -= 6)
			*o++ = digits[v >> shift & 63];
	}
	if (n) {
		uint32_t v = (uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0);

		*o++ = digits[v >> 18];
		*o++ = digits[v >> 12 & 63];
		*o++ = n == 2 ? digits[v >> 6 & 63] : '=';
		*o++ = '=';
	}
	*o = '\0';
}

/* The binary chunk becomes the data: URI of the first buffer. */
static int embed(struct load *l)
{
	static const char type[] = "data:application/octet-stream;base64,";
	json_t *buffer = json_array_get(json_object_get(l->doc, "buffers"), 0), *uri;
	size_t n = l->bin.n;
	char *text;
	int err = -ENOMEM;

	if (!l->bin.p || !json_is_object(buffer) || json_object_get(buffer, "uri"))
		return 0;
	text = malloc(sizeof(type) + (n + 2) / 3 * 4);
	if (!text)
		return load_bad(l, NULL, -ENOMEM, "out of memory");
	memcpy(text, type, sizeof(type) - 1);
	encode64(l->bin.p, n, text + sizeof(type) - 1);
	uri = json_string(text);
	if (uri && json_object_set_new(buffer, "uri", uri) == 0)
		err = 0;
	free(text);
	return err ? load_bad(l, NULL, err, "out of memory") : 0;
}

static int print(struct load *l, struct ar_buf *out)
{
	char *text = json_dumps(l->doc, JSON_COMPACT | JSON_REAL_PRECISION(9));
	int err = text ? ar_buf_add_str(out, text) : -ENOMEM;

	free(text);
	return err ? load_bad(l, NULL, -E2BIG, "longer than %zu bytes as JSON", out->max) : 0;
}

int model_glb_to_json(struct ar_span glb, struct ar_buf *out, struct ar_buf *why)
{
	struct load l = {.why = why};
	struct ar_span json = AR_SPAN_NONE;
	json_error_t e;
	int err;

	if (!glb_is(glb))
		return load_bad(&l, NULL, -EINVAL, "GLB: does not begin with glTF");
	err = glb_split(&l, glb, &json);
	if (!err) {
		l.doc = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, &e);
		if (!l.doc)
			err = load_bad(&l, NULL, -EINVAL, "not JSON: line %d: %s", e.line, e.text);
	}
	if (!err)
		err = embed(&l);
	if (!err)
		err = print(&l, out);
	json_decref(l.doc);
	return err;
}
