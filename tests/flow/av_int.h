/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between av.c (networks, camera, viewer, legs), av_frame.c and av_job.c (the processors). */
#ifndef AV_INT_H
#define AV_INT_H

#include "tests/flow/av.h"

/* The codec's first bytes, then the camera's number, its place in this encoder's chain, filling
 * and a checksum; never two zero bytes in a row. The result: its length, a little more than n. */
size_t av_make_frame(uint8_t *out, enum depay_codec codec, bool key, unsigned since_key,
	uint32_t number, size_t n);
/* What a frame says; false: broken. */
bool av_read_frame(enum depay_codec codec, bool key, struct ar_span data, uint32_t *number,
	uint32_t *since_key);

/* The stand-in, whose state is av.job: for a front; and what it has done by av.now. */
struct stream_pool av_job_pool(void);
void av_job_step(void);

#endif
