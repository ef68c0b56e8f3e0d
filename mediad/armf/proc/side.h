/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The side thread of a media processor: what takes long and no frame waits for. Documents become
 * models (assets are asked of the worker), pictures become PNG.
 */
#ifndef SIDE_H
#define SIDE_H

#include "mediad/armf/codec/codec.h"
#include "mediad/armf/proc/proc.h"

#define SIDE_MAX_SNAPSHOTS 4 /* waiting; more are refused */

int side_new(struct side **out, struct proc *p) __attribute__((warn_unused_result));

/* Takes over fd. An older document of the scene that still waits is forgotten. */
void side_document(struct side *s, struct scene *scene, const struct link_scene *m, int fd);
/* The worker's answer to LINK_WANT_ASSET. Takes over fd (-1: none). */
void side_asset(struct side *s, const struct link_asset *m, int fd);
/* Copies the picture, takes over fd; LINK_SNAPPED follows in any case. */
void side_snapshot(
	struct side *s, uint32_t job, uint32_t serial, const struct codec_picture *pic, int fd);

#endif
