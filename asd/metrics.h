/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /metrics (Prometheus text) and /healthz over HTTP/1.1 for the operator's network. /healthz says
 * 200 when new calls can have AR: at least one DCMF is ready; else 503 with the reason.
 */
#ifndef METRICS_H
#define METRICS_H

#include "common/ar_buf.h"

struct asd;
struct metrics;

/* Listens on a->conf.metrics; without that setting *mp is NULL and the result 0. */
int metrics_open(struct metrics **mp, struct asd *a, struct ar_buf *err)
	__attribute__((warn_unused_result));
void metrics_close(struct metrics *m);
/* The text of /metrics. */
void metrics_print(const struct asd *a, struct ar_buf *out);

#endif
