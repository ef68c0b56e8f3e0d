/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRC-32 of ISO/IEC 13239, as STUN's FINGERPRINT has it (RFC 8489 14.7); with the processor's
 * carry-less multiplication where it has it, ten times faster than the table. Pure. */
#ifndef CRC32_H
#define CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const void *p, size_t n);
uint32_t crc32_soft(const void *p, size_t n);

#endif
