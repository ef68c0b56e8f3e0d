/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fewer triangles for a primitive, by joining vertices that lie in the same cell of a grid. Pure.
 * What comes out are indices into the primitive's own vertices, so that skins, morph targets and
 * boxes stay right.
 */
#ifndef RENDER_SIMPLIFY_H
#define RENDER_SIMPLIFY_H

#include "mediad/armf/gltf/model.h"

#define SIMPLIFY_MAX_CELLS 96 /* along the longest side of the box */

/* About `target` triangles. out has room for p->nindex. Returns the number of indices, at most
 * 3 * target; 0: that is not possible, or no memory. */
uint32_t simplify(const struct model_primitive *p, uint32_t target, uint32_t *out);

#endif
