/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by scene.c (document), scene_text.c (printing), view.c (messages); nobody else. */
#ifndef SCENE_INTERNAL_H
#define SCENE_INTERNAL_H

#include "mediad/scene/scene.h"

#define SCENE_DUMP (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9))
#define SCENE_NODE_TEXT 256 /* both replace operations of one node */
#define SCENE_REV_PATH "/scenes/0/extras/rev"

struct scene_node_state {
	struct scene_pose pose;
	bool fixed; /* has a matrix */
	bool gone;
	uint16_t text_n;
	char text[SCENE_NODE_TEXT]; /* replace operations of the present pose; text_n 0: stale */
};

struct scene_change {
	char *text; /* operations, comma separated, without brackets */
	size_t n;
};

struct scene {
	json_t *doc, *nodes, *roots, *rev_json; /* the last three borrowed from doc */
	struct scene_node_state *node;
	unsigned nnode, cap;
	unsigned made_with; /* nodes of the file: behaviors name them by index */
	unsigned gone, refill; /* tombstones; where the next one is looked for */
	uint64_t rev, looks;
	uint64_t journal; /* changes ever made; the last SCENE_MAX_JOURNAL are in change[] */
	struct scene_change change[SCENE_MAX_JOURNAL];
	struct scene_view *view[SCENE_MAX_VIEWS];
	unsigned nview;
};

/* scene_text.c; printers return the end */
char *scene_print_fixed(char *p, int64_t v, unsigned decimals);
char *scene_print_uint(char *p, uint64_t v);
char *scene_print_vec(char *p, const int32_t *v, unsigned n, unsigned decimals);
/* Operations for the node's pose, cached in it. */
struct ar_span scene_node_ops(struct scene *s, unsigned i);
int scene_dump(struct ar_buf *out, const json_t *j);
int scene_write_node(struct scene *s, unsigned i, struct ar_buf *out);

/* gltf.c: structure and limits of a document; -EINVAL with the reason */
int gltf_check(const json_t *doc, struct ar_buf *why);

/* pieces.c: the whole document as messages of at most max bytes into v->backlog */
int scene_pieces(struct scene *s, struct scene_view *v, size_t max);

#endif
