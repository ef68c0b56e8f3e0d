/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between mrm_json.c and mrm_av.c. Builders return new references, NULL without memory. */
#ifndef MRM_INT_H
#define MRM_INT_H

#include "asd/dcsf/mrm_av.h"
#include "asd/dcsf/mrm_json.h"

/* Steals v; false when anything is missing. */
bool mrm_put(json_t *o, const char *key, json_t *v);
json_t *mrm_shared(const json_t *j);
json_t *mrm_span(struct ar_span s);
json_t *mrm_fingerprint(struct ar_span s);
json_t *mrm_spans(const struct ar_span *s, unsigned n, json_t *(*make)(struct ar_span));
json_t *mrm_endpoint(struct ar_span addr, uint16_t port);
/* A host name instead of an address is legal (RFC 8866 5.7), but only ICE can reach that UE. */
bool mrm_is_address(struct ar_span a);

struct ar_span mrm_text(const json_t *o, const char *key);
/* May stand in an SDP line; blanks only where the caller says so. */
bool mrm_clean(struct ar_span s, bool blanks, size_t max);
bool mrm_port(const json_t *o, const char *key, uint16_t *port);

/* The media of that side's termination; NULL: it has none. Borrowed. */
const json_t *mrm_medias_of(const json_t *context, enum ar_side side);

#endif
