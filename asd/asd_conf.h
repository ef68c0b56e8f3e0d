/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asd.conf: the table of its settings drives reading, checking, --help and the documentation.
 * Read once at start; SIGHUP and kamcmd ims_ar.reload reload the policy only.
 */
#ifndef ASD_CONF_H
#define ASD_CONF_H

#include "asd/call/planner_boot.h"
#include "asd/dcsf/near.h"
#include "asd/lookup/lookup.h"
#include "asd/policy/policy.h"
#include "common/sdp_av.h"
#include "common/ar_buf.h"
#include "common/daemon/ar_conf.h"

#define ASD_MAX_DCMFS 32
#define ASD_MAX_NAME 63

struct asd_conf {
	/* [asd] */
	char *name, *user, *group, *log_level, *metrics;
	/* [front] */
	struct ar_conf_list listen;
	char *unix_mode;
	long max_connections, send_buffer_kib;
	/* [call] */
	long decision_ms, ring_ttl_s, call_ttl_s, max_calls;
	char *fallback, *records;
	/* [dcsf] */
	struct ar_conf_list dcmf; /* "name host:port" */
	struct ar_conf_list near; /* "name network..." */
	long reserve_ms, lease_s;
	char *network_a, *network_b, *scene, *application, *accept;
	long max_stream_id;
	char *bootstrap;
	enum planner_boot_local boot_local; /* of bootstrap */
	/* [armf] */
	char *transports, *offer_transport, *snapshots;
	unsigned armf_transports; /* bit per enum ar_av_transport; of transports */
	enum ar_av_transport armf_offered; /* AR_AV_OTHER: as the offerer's */
	/* [policy] */
	char *policy_file, *policy_dir;
	long policy_time_ms, policy_load_ms, policy_memory_kib, policy_instructions;
	long policy_list_entries, policy_list_kib;
	/* [lookup], [fact NAME] */
	long lookup_deadline_ms, lookup_cache;
	struct lookup_fact_conf fact[LOOKUP_MAX_FACTS];
	unsigned nfacts;
	/* [store] */
	char *store_file;
};

/* What to do with an initial offer when the policy fails. */
struct asd_fallback {
	bool deny;
	unsigned code;
};

/* One parsed `dcmf` line or listener. */
struct asd_endpoint {
	char name[ASD_MAX_NAME + 1];
	char host[256]; /* or the path of a Unix socket */
	uint16_t port; /* 0: Unix socket */
};

/* Reads and checks the whole. path NULL: defaults. err gets "file:line: what" or "[section] key:
 * what". Free with asd_conf_free() in either case. */
int asd_conf_read(struct asd_conf *c, const char *path, struct ar_buf *err)
	__attribute__((warn_unused_result));
void asd_conf_free(struct asd_conf *c);
void asd_conf_help(FILE *out);

/* "host:port", "[v6]:port"; -EINVAL. */
int asd_parse_hostport(struct asd_endpoint *e, const char *text)
	__attribute__((warn_unused_result));
/* "unix:/path" or "tcp:host:port". */
int asd_parse_listen(struct asd_endpoint *e, const char *text) __attribute__((warn_unused_result));
/* "name host:port". */
int asd_parse_dcmf(struct asd_endpoint *e, const char *text) __attribute__((warn_unused_result));
/* Adds the networks of a `near` line, when it is of that name; -ENOENT when not, -EINVAL. */
int asd_parse_near(struct near *n, const char *name, const char *text)
	__attribute__((warn_unused_result));
/* "plain" or "deny CODE". */
int asd_parse_fallback(struct asd_fallback *f, const char *text)
	__attribute__((warn_unused_result));
/* Borrows from c, which has been checked. */
struct policy_conf asd_policy_conf(const struct asd_conf *c);

#endif
