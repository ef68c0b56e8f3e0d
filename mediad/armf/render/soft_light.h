/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How soft_pixels*.c light a texel: encode(decode(t) * light) is (t + 0.055) * g - 0.055, see
 * shader_text.c. Texels come as (t - 128) * 128, g as g * SOFT_LIGHT_ONE; the rounded product is 32
 * times (t - 128) * g, and what is added makes it 32 times the colour.
 */
#ifndef RENDER_SOFT_LIGHT_H
#define RENDER_SOFT_LIGHT_H

#include "mediad/armf/render/soft_int.h"

#define SOFT_LIGHT_BIAS (0.055 * 255)
/* times g * SOFT_LIGHT_ONE / 32768 */
#define SOFT_LIGHT_MORE ((int16_t)((128 + SOFT_LIGHT_BIAS) * 32 * 32768 / SOFT_LIGHT_ONE + 0.5))
/* and rounding */
#define SOFT_LIGHT_LESS ((int16_t)(16 - SOFT_LIGHT_BIAS * 32 - 0.5))
#define SOFT_LIGHT_WHITE ((int16_t)((255 - 128) * 128))

/* For shuffles, soft_pixels.c (the compiler would make them anew for every use if it knew them).
 * Of each half: the lower 16 bits of the first 32 eight times, of the second, the third, the
 * fourth; of the first and the second four times each, of the third and the fourth. */
extern const uint8_t soft_copies[6][32];

#endif
