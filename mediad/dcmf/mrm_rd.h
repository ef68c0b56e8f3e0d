/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members of a JSON document, checked for type, length and range, with their place kept for the
 * mistake that is told. Between mrm.c and mrm_av.c; nobody else. Results are borrowed from the
 * document; 0, or -EINVAL with *r->err filled.
 */
#ifndef MRM_RD_H
#define MRM_RD_H

#include "mediad/dcmf/mrm.h"

/* Where we are in the document; one level is pushed and popped by every reader. */
struct mrm_rd {
	struct mrm_error *err;
	const struct nets_list *nets;
	char path[100];
};

enum mrm_need { MRM_OPTIONAL, MRM_MANDATORY };

size_t mrm_push(struct mrm_rd *r, const char *name);
size_t mrm_push_index(struct mrm_rd *r, size_t i);
void mrm_pop(struct mrm_rd *r, size_t n);
int mrm_wrong(struct mrm_rd *r, const char *name, bool missing, const char *why);
int mrm_text(struct mrm_rd *r, const json_t *o, const char *name, enum mrm_need need, size_t max,
	struct ar_span *out);
int mrm_number(struct mrm_rd *r, const json_t *o, const char *name, enum mrm_need need,
	json_int_t min, json_int_t max, json_int_t *out);
int mrm_flag(struct mrm_rd *r, const json_t *o, const char *name, bool *out);
int mrm_object(struct mrm_rd *r, const json_t *o, const char *name, enum mrm_need need,
	const json_t **out);
int mrm_list(struct mrm_rd *r, const json_t *o, const char *name, enum mrm_need need, size_t max,
	const json_t **out);
int mrm_ident(struct mrm_rd *r, const json_t *o, const char *name, struct ar_span *out);

/* mrm.c */
int mrm_ice(struct mrm_rd *r, const json_t *x, struct peer_remote *p);
int mrm_fingerprints(struct mrm_rd *r, const json_t *x, struct peer_remote *p);
int mrm_setup_word(struct mrm_rd *r, const json_t *o, enum ar_setup *out);

/* mrm_av.c: a medium of type AR. */
int mrm_av(struct mrm_rd *r, const json_t *o, struct mrm_termination *t, struct mrm_media *m);
/* What hangs together between its members. */
int mrm_av_settle(struct mrm_rd *r, struct mrm_media *m);

#endif
