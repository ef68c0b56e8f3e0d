/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/scene/scene_internal.h"

#include <errno.h>

char *scene_print_uint(char *p, uint64_t v)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	while (n)
		*p++ = digits[--n];
	return p;
}

char *scene_print_fixed(char *p, int64_t v, unsigned decimals)
{
	static const uint32_t unit[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
	uint64_t u = v < 0 ? (uint64_t)-v : (uint64_t)v;
	uint32_t frac = (uint32_t)(u % unit[decimals]);

	if (v < 0)
		*p++ = '-';
	p = scene_print_uint(p, u / unit[decimals]);
	if (!frac)
		return p;
	*p++ = '.';
	for (; frac; frac %= unit[decimals])
		*p++ = (char)('0' + frac / unit[--decimals]);
	return p;
}

char *scene_print_vec(char *p, const int32_t *v, unsigned n, unsigned decimals)
{
	*p++ = '[';
	for (unsigned i = 0; i < n; i++) {
		if (i)
			*p++ = ',';
		p = scene_print_fixed(p, v[i], decimals);
	}
	*p++ = ']';
	return p;
}

static char *put(char *p, struct ar_span s)
{
	memcpy(p, s.p, s.n);
	return p + s.n;
}

struct ar_span scene_node_ops(struct scene *s, unsigned i)
{
	struct scene_node_state *n = &s->node[i];
	char *p = n->text;

	if (n->text_n)
		return (struct ar_span){n->text, n->text_n};
	p = put(p, AR_SPAN("{\"op\":\"replace\",\"path\":\"/nodes/"));
	p = scene_print_uint(p, i);
	p = put(p, AR_SPAN("/translation\",\"value\":"));
	p = scene_print_vec(p, n->pose.t, 3, 5);
	p = put(p, AR_SPAN("},{\"op\":\"replace\",\"path\":\"/nodes/"));
	p = scene_print_uint(p, i);
	p = put(p, AR_SPAN("/rotation\",\"value\":"));
	p = scene_print_vec(p, n->pose.r, 4, 7);
	*p++ = '}';
	n->text_n = (uint16_t)(p - n->text);
	return (struct ar_span){n->text, n->text_n};
}

static int append(const char *text, size_t n, void *arg)
{
	return ar_buf_add(arg, text, n);
}

int scene_dump(struct ar_buf *out, const json_t *j)
{
	if (json_dump_callback(j, append, out, SCENE_DUMP) != 0)
		return out->err ? out->err : -ENOMEM;
	return 0;
}

int scene_write_node(struct scene *s, unsigned i, struct ar_buf *out)
{
	const json_t *j = json_array_get(s->nodes, i);
	char text[160], *p = text;
	size_t at;
	int err;

	if (s->node[i].fixed)
		return scene_dump(out, j);
	p = put(p, AR_SPAN("{\"translation\":"));
	p = scene_print_vec(p, s->node[i].pose.t, 3, 5);
	p = put(p, AR_SPAN(",\"rotation\":"));
	p = scene_print_vec(p, s->node[i].pose.r, 4, 7);
	ar_buf_add(out, text, (size_t)(p - text));
	if (json_object_size(j) == 0)
		return ar_buf_add(out, "}", 1);
	at = out->n;
	err = scene_dump(out, j);
	if (!err)
		out->p[at] = ','; /* in place of its opening brace */
	return err;
}

static int write_nodes(struct scene *s, struct ar_buf *out)
{
	int err = ar_buf_add(out, "[", 1);

	for (unsigned i = 0; !err && i < s->nnode; i++) {
		if (i)
			ar_buf_add(out, ",", 1);
		err = scene_write_node(s, i, out);
	}
	return err ? err : ar_buf_add(out, "]", 1);
}

int scene_write(struct scene *s, struct ar_buf *out)
{
	const char *key;
	json_t *v;
	char sep = '{';
	int err = 0;

	json_integer_set(s->rev_json, (json_int_t)s->rev);
	json_object_foreach(s->doc, key, v)
	{
		ar_buf_printf(out, "%c\"%s\":", sep, key);
		sep = ',';
		err = v == s->nodes ? write_nodes(s, out) : scene_dump(out, v);
		if (err)
			return err;
	}
	return ar_buf_add(out, "}", 1);
}
