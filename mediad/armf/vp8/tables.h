/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of RFC 6386 that both directions need. Trees as there: a leaf is its value's negative. */
#ifndef SPLICE_TABLES_H
#define SPLICE_TABLES_H

#include <stdint.h>

extern const uint8_t splice_coef_probs[4][8][3][11];
extern const uint8_t splice_coef_update[4][8][3][11];
extern const uint8_t splice_kf_bmode_probs[10][10][9];
extern const uint8_t splice_dc_step[128];
extern const uint16_t splice_ac_step[128];
extern const uint8_t splice_mv_update[2][19];
extern const uint8_t splice_mv_probs[2][19];
extern const uint8_t splice_mode_contexts[6][4];
extern const uint8_t splice_sub_mv_probs[8][3];
extern const uint8_t splice_ymode_probs[4];
extern const uint8_t splice_kf_ymode_probs[4];
extern const uint8_t splice_uv_mode_probs[3];
extern const uint8_t splice_kf_uv_mode_probs[3];
extern const uint8_t splice_bmode_probs[9];
extern const int16_t splice_bmode_tree[18];
extern const int16_t splice_ymode_tree[8];
extern const int16_t splice_kf_ymode_tree[8];
extern const int16_t splice_uv_mode_tree[6];
extern const int16_t splice_small_mv_tree[14];
extern const uint8_t splice_band[17];
extern const uint8_t splice_zigzag[16];
extern const uint8_t splice_split_map[4][16];
extern const uint8_t splice_split_count[4];
extern const uint8_t splice_split_first[4][16];
extern const int16_t splice_sixtap_taps[8][6];

#endif
