/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a processor splices and when it codes again: the real decisions (job_splice.c) about
 * made-up frames. What is drawn adds an eighth and 100 kbit/s.
 */
#ifndef AV_SPLICE_H
#define AV_SPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct av_splice_frame {
	uint32_t ts, size; /* as it came */
	bool key, behind; /* behind: the processor is late */
};

struct av_splice_out {
	bool spliced, key, ask_key;
	size_t n; /* 0: coded again, as much as the rate has */
};

void av_splice_begin(void);
/* want_key is taken back when it has been heeded. */
void av_splice_work(
	const struct av_splice_frame *f, uint32_t bps, bool *want_key, struct av_splice_out *out);
void av_splice_end(void);

#endif
