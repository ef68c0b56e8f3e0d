/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of pixels.h with AVX2 share. */
#ifndef SPLICE_PIXELS_AVX2_H
#define SPLICE_PIXELS_AVX2_H

#include "mediad/armf/vp8/pixels_x86.h"

#include <immintrin.h>

void splice_avx2_filter(const struct splice_place *p, const struct splice_edge *e);

#endif
