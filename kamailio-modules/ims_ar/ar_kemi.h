/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The script's functions: native (w_) and KEMI (ki_) forms of the same. */
#ifndef IMS_AR_KEMI_H
#define IMS_AR_KEMI_H

#include "../../core/kemi.h"
#include "../../core/sr_module.h"

extern cmd_export_t ar_cmds[];
extern sr_kemi_t ar_kemi_exports[];

#endif
