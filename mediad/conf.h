/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mediad's configuration: one table (keys, ranges, defaults, help), read before anything starts.
 * A mistake is "file:line: what and what to do". Parent and workers share it read-only.
 */
#ifndef MEDIAD_CONF_H
#define MEDIAD_CONF_H

#include "common/daemon/ar_conf.h"
#include "mediad/nets.h"

#define MEDIAD_MAX_WORKERS 32
#define MEDIAD_MAX_LISTEN 8

struct mediad_conf {
	/* [mediad] */
	char *user, *group, *log_level;
	long workers, drain_seconds;
	/* [control] */
	struct ar_conf_list listen;
	long max_connections;
	/* [media] */
	struct ar_conf_list network;
	long port, max_contexts, max_peers, handshake_rate;
	/* [application] */
	char *scenes, *webapp, *application, *applications, *pose_types, *action_types;
	long update_rate, own_rate, idle_seconds, lease_seconds;
	long script_memory_kb, script_cpu_percent, interest_from;
	/* [armf] */
	char *program, *platform, *cache_dir, *transports, *h264;
	long processes, max_jobs, cpu_percent, memory_mb, device, max_triangles, max_streams,
		max_kbps, fov_degrees, camera_delay_ms, low_delay, splice;

	/* made from the above by mediad_conf_read() */
	unsigned nworker;
	struct nets_list networks;
	unsigned media_transports; /* bits 1 << enum peer_media */
	char made[64]; /* of which program and settings */
};

/* path NULL: defaults only. 0, or negative errno with the reason in err. */
int mediad_conf_read(struct mediad_conf *c, const char *path, struct ar_buf *err)
	__attribute__((warn_unused_result));
/* UDP port of a worker. second: while one of before has the first. Every worker has two, so that
 * calls live on through an upgrade. */
uint16_t mediad_conf_port(const struct mediad_conf *c, unsigned worker, bool second);
/* What to open in the firewall, in lines. */
void mediad_conf_ports(const struct mediad_conf *c, FILE *out);
void mediad_conf_free(struct mediad_conf *c);
void mediad_conf_help(FILE *out);

#endif
