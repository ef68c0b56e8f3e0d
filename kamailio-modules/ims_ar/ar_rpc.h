/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RPC: ims_ar.status, .calls, .call <id>, .reload, .policy. Answered in the process that serves the
 * RPC (ctl has no delayed replies), over a connection of its own to asd, in at most 2 s.
 */
#ifndef IMS_AR_RPC_H
#define IMS_AR_RPC_H

#include "../../core/rpc.h"

extern rpc_export_t ar_rpc_methods[];

#endif
