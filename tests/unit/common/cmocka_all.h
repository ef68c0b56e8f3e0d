/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cmocka.h wants before it, in its order. */
#ifndef CMOCKA_ALL_H
#define CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
