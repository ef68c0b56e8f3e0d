/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/asd_conf.h"
#include "asd/call/planner.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#define AT(member) offsetof(struct asd_conf, member)

static const struct ar_conf_key keys[] = {
	{"asd", "name", AR_CONF_STRING, AT(name), "asd1", 0, 0,
		"owner of our contexts in mediad; one for each asd, kept over restarts"},
	{"asd", "user", AR_CONF_STRING, AT(user), NULL, 0, 0,
		"user to become after start; unset: stay"},
	{"asd", "group", AR_CONF_STRING, AT(group), NULL, 0, 0,
		"group to become and to own the Unix socket; unset: the user's"},
	{"asd", "log_level", AR_CONF_STRING, AT(log_level), "info", 0, 0,
		"err, warn, notice, info or debug"},
	{"asd", "metrics", AR_CONF_STRING, AT(metrics), NULL, 0, 0,
		"host:port of /metrics and /healthz; unset: none"},
	{"front", "listen", AR_CONF_LIST, AT(listen), "unix:/run/ims-ar/asd.sock", 0, 0,
		"unix:/path or tcp:host:port; may be repeated"},
	{"front", "unix_mode", AR_CONF_STRING, AT(unix_mode), "0660", 0, 0,
		"permissions of a Unix socket, octal"},
	{"front", "max_connections", AR_CONF_INT, AT(max_connections), "64", 1, 4096,
		"connections at a time, admin commands included"},
	{"front", "send_buffer_kib", AR_CONF_INT, AT(send_buffer_kib), "4096", 512, 262144,
		"unsent bytes at which a slow connection is closed"},
	{"call", "decision_timeout_ms", AR_CONF_INT, AT(decision_ms), "2000", 100, 20000,
		"every offer is answered within this; keep it below the module's timeout"},
	{"call", "ring_ttl", AR_CONF_INT, AT(ring_ttl_s), "200", 1, 3600,
		"seconds a call may stay unanswered"},
	{"call", "call_ttl", AR_CONF_INT, AT(call_ttl_s), "21600", 10, 604800,
		"seconds after which a call that is not heard of ends"},
	{"call", "max_calls", AR_CONF_INT, AT(max_calls), "20000", 1, 65000,
		"calls at a time; further ones go on as ordinary calls"},
	{"call", "fallback", AR_CONF_STRING, AT(fallback), "plain", 0, 0,
		"when the policy fails: plain, or deny CODE"},
	{"call", "records", AR_CONF_STRING, AT(records), NULL, 0, 0,
		"file to which the policy's call records are appended, JSON lines; unset: the log "
		"only"},
	{"dcsf", "dcmf", AR_CONF_LIST, AT(dcmf), "mediad1 127.0.0.1:9910", 0, 0,
		"name host:port of a mediad; may be repeated"},
	{"dcsf", "near", AR_CONF_LIST, AT(near), NULL, 0, 0,
		"name and networks that this mediad is near to, for the policy's 'nearest'; may be "
		"repeated"},
	{"dcsf", "reserve_timeout_ms", AR_CONF_INT, AT(reserve_ms), "800", 50, 20000,
		"time one mediad has to reserve before the next is tried"},
	{"dcsf", "lease", AR_CONF_INT, AT(lease_s), "300", 10, 86400,
		"seconds mediad keeps our contexts while we are away"},
	{"dcsf", "network_a", AR_CONF_STRING, AT(network_a), "default", 0, 0,
		"mediad's network towards the caller"},
	{"dcsf", "network_b", AR_CONF_STRING, AT(network_b), "default", 0, 0,
		"mediad's network towards the callee"},
	{"dcsf", "scene", AR_CONF_STRING, AT(scene), "default", 0, 0,
		"scene of a call for which the policy names none"},
	{"dcsf", "application", AR_CONF_STRING, AT(application), "shared-scene", 0, 0,
		"AR call application for which the policy names none"},
	{"dcsf", "accept", AR_CONF_STRING, AT(accept), PLANNER_ACCEPT, 0, 0,
		"sub-protocols of data channels that are taken; an item may end in *"},
	{"dcsf", "max_stream_id", AR_CONF_INT, AT(max_stream_id), "1022", 0, 65534,
		"data channels with higher ids are left out (some UEs stop at 1023)"},
	{"dcsf", "bootstrap", AR_CONF_STRING, AT(bootstrap), "marked", 0, 0,
		"bootstrap channels of served callees whose call comes from another network: "
		"marked (when its offer has some), always, never"},
	{"armf", "transports", AR_CONF_STRING, AT(transports), "dtls", 0, 0,
		"what audio and video may come to the ARMF in: dtls, sdes, rtp, comma separated"},
	{"armf", "offer_transport", AR_CONF_STRING, AT(offer_transport), "same", 0, 0,
		"what the called UE is offered: same (as the caller's), dtls, sdes or rtp"},
	{"armf", "snapshots", AR_CONF_STRING, AT(snapshots), NULL, 0, 0,
		"folder for pictures of kamcmd ims_ar.media; unset: none are taken"},
	{"policy", "file", AR_CONF_STRING, AT(policy_file), "/etc/ims-ar/policy.lua", 0, 0,
		"the policy"},
	{"policy", "dir", AR_CONF_STRING, AT(policy_dir), NULL, 0, 0,
		"where the library ar.* lies; unset: as installed"},
	{"policy", "time_ms", AR_CONF_INT, AT(policy_time_ms), "20", 1, 1000,
		"CPU time of one decision"},
	{"policy", "load_time_ms", AR_CONF_INT, AT(policy_load_ms), "250", 1, 60000,
		"CPU time for loading and testing a policy"},
	{"policy", "memory_kib", AR_CONF_INT, AT(policy_memory_kib), "4096", 256, 1048576,
		"memory of one loaded policy, without its lists"},
	{"policy", "instructions", AR_CONF_INT, AT(policy_instructions), "1000000", 10000,
		1000000000, "Lua instructions of one decision"},
	{"policy", "list_entries", AR_CONF_INT, AT(policy_list_entries), "1000000", 1, 100000000,
		"entries of all lists of a policy together"},
	{"policy", "list_kib", AR_CONF_INT, AT(policy_list_kib), "65536", 1, 8388608,
		"size of all list files of a policy together"},
	{"lookup", "deadline_ms", AR_CONF_INT, AT(lookup_deadline_ms), "300", 1, 10000,
		"time that all facts of an offer have together; below reserve_timeout_ms"},
	{"lookup", "cache", AR_CONF_INT, AT(lookup_cache), "20000", 0, 10000000,
		"answers kept, of all facts together"},
	{"store", "file", AR_CONF_STRING, AT(store_file), "/var/lib/ims-ar/asd.db", 0, 0,
		"calls survive a restart in it; empty: not kept"},
};
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

static int parse_port(const char *p, uint16_t *port)
{
	char *end;
	long n;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	n = strtol(p, &end, 10);
	if (*end || n < 1 || n > 65535)
		return -EINVAL;
	*port = (uint16_t)n;
	return 0;
}

/* Names stand in paths, in JSON and in metrics. */
static bool name_ok(const char *name)
{
	return *name && strlen(name) <= ASD_MAX_NAME &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789._-") == strlen(name);
}

int asd_parse_hostport(struct asd_endpoint *e, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t n;

	if (!colon || colon == text)
		return -EINVAL;
	n = (size_t)(colon - text);
	if (text[0] == '[') {
		if (text[n - 1] != ']' || n < 4)
			return -EINVAL;
		text++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		return -EINVAL; /* an IPv6 address without its brackets */
	}
	if (n >= sizeof(e->host) || parse_port(colon + 1, &e->port) != 0)
		return -EINVAL;
	memcpy(e->host, text, n);
	e->host[n] = '\0';
	return 0;
}

int asd_parse_listen(struct asd_endpoint *e, const char *text)
{
	struct sockaddr_un un;

	*e = (struct asd_endpoint){.name = ""};
	if (strncmp(text, "tcp:", 4) == 0)
		return asd_parse_hostport(e, text + 4);
	if (strncmp(text, "unix:/", 6) != 0 || strlen(text + 5) >= sizeof(un.sun_path))
		return -EINVAL;
	snprintf(e->host, sizeof(e->host), "%s", text + 5);
	return 0;
}

int asd_parse_dcmf(struct asd_endpoint *e, const char *text)
{
	size_t n = strcspn(text, " \t");

	*e = (struct asd_endpoint){.name = ""};
	if (n == 0 || n > ASD_MAX_NAME || !text[n])
		return -EINVAL;
	memcpy(e->name, text, n);
	if (!name_ok(e->name))
		return -EINVAL;
	return asd_parse_hostport(e, text + n + strspn(text + n, " \t"));
}

int asd_parse_fallback(struct asd_fallback *f, const char *text)
{
	char *end;
	long code;

	*f = (struct asd_fallback){.deny = false};
	if (strcmp(text, "plain") == 0)
		return 0;
	if (strncmp(text, "deny ", 5) != 0)
		return -EINVAL;
	code = strtol(text + 5, &end, 10);
	if (end == text + 5 || *end || code < 400 || code > 699)
		return -EINVAL;
	*f = (struct asd_fallback){.deny = true, .code = (unsigned)code};
	return 0;
}

static int bad(struct ar_buf *err, const char *key, const char *value, const char *want)
{
	ar_buf_printf(err, "%s = %s: %s", key, value ? value : "", want);
	return -EINVAL;
}

static int check_listen(const struct asd_conf *c, struct ar_buf *err)
{
	struct asd_endpoint e;

	for (unsigned i = 0; i < c->listen.n; i++) {
		if (asd_parse_listen(&e, c->listen.item[i]) != 0)
			return bad(err, "[front] listen", c->listen.item[i],
				"want unix:/path or tcp:host:port");
	}
	if (c->metrics && asd_parse_hostport(&e, c->metrics) != 0)
		return bad(err, "[asd] metrics", c->metrics, "want host:port");
	return 0;
}

static int check_dcmfs(const struct asd_conf *c, struct ar_buf *err)
{
	struct asd_endpoint e, o;

	for (unsigned i = 0; i < c->dcmf.n; i++) {
		if (asd_parse_dcmf(&e, c->dcmf.item[i]) != 0)
			return bad(err, "[dcsf] dcmf", c->dcmf.item[i], "want: name host:port");
		for (unsigned k = 0; k < i; k++) {
			if (asd_parse_dcmf(&o, c->dcmf.item[k]) == 0 && strcmp(o.name, e.name) == 0)
				return bad(err, "[dcsf] dcmf", c->dcmf.item[i],
					"the name is taken by another one");
		}
	}
	return 0;
}

int asd_parse_near(struct near *n, const char *name, const char *text)
{
	size_t len = strcspn(text, " \t");

	if (len != strlen(name) || strncmp(text, name, len) != 0)
		return -ENOENT;
	return near_add(n, text + len);
}

/* Every line names one of ours, and networks. */
static int check_near(const struct asd_conf *c, struct ar_buf *err)
{
	for (unsigned i = 0; i < c->near.n; i++) {
		int e = -ENOENT;

		for (unsigned k = 0; e == -ENOENT && k < c->dcmf.n; k++) {
			struct near n = {0};
			struct asd_endpoint d;

			if (asd_parse_dcmf(&d, c->dcmf.item[k]) == 0)
				e = asd_parse_near(&n, d.name, c->near.item[i]);
		}
		if (e)
			return bad(err, "[dcsf] near", c->near.item[i],
				e == -ENOENT ? "it names no dcmf" : "want: name network...");
	}
	return 0;
}

static int parse_transport(struct ar_span word, enum ar_av_transport *t)
{
	static const char *const names[] = {
		[AR_AV_DTLS] = "dtls", [AR_AV_SDES] = "sdes", [AR_AV_RTP] = "rtp"};

	for (int i = AR_AV_DTLS; i <= AR_AV_RTP; i++) {
		if (ar_span_caseeq(ar_span_trim(word), names[i])) {
			*t = (enum ar_av_transport)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int check_armf(struct asd_conf *c, struct ar_buf *err)
{
	enum ar_av_transport t;

	c->armf_transports = 0;
	for (const char *p = c->transports; *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");

		if (parse_transport((struct ar_span){p, n}, &t) != 0)
			return bad(err, "[armf] transports", c->transports,
				"want some of dtls, sdes, rtp");
		c->armf_transports |= 1u << t;
		p += n;
	}
	c->armf_offered = AR_AV_OTHER;
	if (strcmp(c->offer_transport, "same") == 0)
		return 0;
	if (parse_transport(ar_span_str(c->offer_transport), &c->armf_offered) != 0)
		return bad(err, "[armf] offer_transport", c->offer_transport,
			"want same, dtls, sdes or rtp");
	if (!(c->armf_transports & 1u << c->armf_offered))
		return bad(err, "[armf] offer_transport", c->offer_transport,
			"not one of [armf] transports");
	return 0;
}

static int check_bootstrap(struct asd_conf *c, struct ar_buf *err)
{
	static const char *const words[] = {"never", "marked", "always"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(c->bootstrap, words[i]) == 0) {
			c->boot_local = (enum planner_boot_local)i;
			return 0;
		}
	}
	return bad(err, "[dcsf] bootstrap", c->bootstrap, "want marked, always or never");
}

static int check_words(const struct asd_conf *c, struct ar_buf *err)
{
	struct asd_fallback f;
	enum ar_log_level level;
	char *end;
	long mode = strtol(c->unix_mode, &end, 8);

	if (asd_parse_fallback(&f, c->fallback) != 0)
		return bad(err, "[call] fallback", c->fallback, "want plain, or deny 400..699");
	if (ar_log_level_parse(c->log_level, &level) != 0)
		return bad(err, "[asd] log_level", c->log_level,
			"want err, warn, notice, info or debug");
	if (end == c->unix_mode || *end || mode < 0 || mode > 0777)
		return bad(err, "[front] unix_mode", c->unix_mode, "want octal, 0660");
	if (!name_ok(c->name))
		return bad(err, "[asd] name", c->name, "want up to 63 of A-Z a-z 0-9 . _ -");
	if (c->nfacts && c->lookup_deadline_ms >= c->reserve_ms) {
		ar_buf_printf(err,
			"[lookup] deadline_ms = %ld: not below [dcsf] reserve_timeout_ms = %ld",
			c->lookup_deadline_ms, c->reserve_ms);
		return -EINVAL;
	}
	if (c->reserve_ms > c->decision_ms) {
		ar_buf_printf(err,
			"[dcsf] reserve_timeout_ms = %ld: above [call] "
			"decision_timeout_ms = %ld",
			c->reserve_ms, c->decision_ms);
		return -EINVAL;
	}
	return 0;
}

/* [fact NAME]; the name stands in Lua (call.facts.NAME), in metrics and in kamcmd. */
static void *add_fact(void *conf, const char *name, char *why, size_t cap)
{
	struct asd_conf *c = conf;
	struct lookup_fact_conf *f = &c->fact[c->nfacts];
	size_t n = strlen(name);

	if (!n || n > LOOKUP_MAX_NAME || (*name >= '0' && *name <= '9') ||
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != n) {
		snprintf(why, cap, "[fact %s]: want [fact NAME], up to %d of a-z 0-9 _", name,
			LOOKUP_MAX_NAME);
		return NULL;
	}
	for (unsigned i = 0; i < c->nfacts; i++) {
		if (strcmp(c->fact[i].name, name) == 0) {
			snprintf(why, cap, "[fact %s]: there twice", name);
			return NULL;
		}
	}
	if (c->nfacts == LOOKUP_MAX_FACTS) {
		snprintf(why, cap, "[fact %s]: more than %d facts", name, LOOKUP_MAX_FACTS);
		return NULL;
	}
	*f = (struct lookup_fact_conf){.name = strdup(name)};
	if (!f->name) {
		snprintf(why, cap, "out of memory");
		return NULL;
	}
	c->nfacts++;
	return f;
}

static const struct ar_conf_family *fact_family(struct ar_conf_family *f)
{
	*f = (struct ar_conf_family){"fact", lookup_keys, lookup_nkeys, add_fact};
	return f;
}

int asd_conf_read(struct asd_conf *c, const char *path, struct ar_buf *err)
{
	struct ar_conf_family family;
	int e;

	*c = (struct asd_conf){.name = NULL};
	e = ar_conf_read_family(keys, NKEYS, fact_family(&family), c, path, err);
	if (e)
		return e;
	e = check_words(c, err);
	if (!e)
		e = check_armf(c, err);
	if (!e)
		e = check_bootstrap(c, err);
	if (!e)
		e = check_listen(c, err);
	if (!e)
		e = check_dcmfs(c, err);
	if (!e)
		e = check_near(c, err);
	for (unsigned i = 0; !e && i < c->nfacts; i++)
		e = lookup_conf_check(&c->fact[i], err);
	return e;
}

void asd_conf_free(struct asd_conf *c)
{
	while (c->nfacts)
		lookup_conf_free(&c->fact[--c->nfacts]);
	ar_conf_free(keys, NKEYS, c);
}

void asd_conf_help(FILE *out)
{
	ar_conf_help(keys, NKEYS, out);
	ar_conf_help(lookup_keys, lookup_nkeys, out);
}

_Static_assert(AR_CONF_MAX_LIST <= POLICY_MAX_DCMFS, "a policy knows every DCMF");

struct policy_conf asd_policy_conf(const struct asd_conf *c)
{
	struct asd_fallback f = {.deny = false};

	struct policy_conf pc;

	(void)!asd_parse_fallback(&f, c->fallback);
	pc = (struct policy_conf){.script = c->policy_file,
		.lib_dir = c->policy_dir,
		.limits = {.memory = (size_t)c->policy_memory_kib * 1024,
			.cpu_ms = (unsigned)c->policy_time_ms,
			.instructions = (uint64_t)c->policy_instructions,
			.list_entries = (size_t)c->policy_list_entries,
			.list_bytes = (size_t)c->policy_list_kib * 1024,
			.load_cpu_ms = (unsigned)c->policy_load_ms},
		.fallback = f.deny ? POLICY_DENY : POLICY_PLAIN,
		.fallback_code = (int)f.code,
		.nfacts = c->nfacts,
		.facts_known = true};
	for (unsigned i = 0; i < c->nfacts; i++)
		snprintf(pc.fact[i], sizeof(pc.fact[i]), "%s", c->fact[i].name);
	for (unsigned i = 0; i < c->dcmf.n; i++) {
		struct asd_endpoint e;

		if (asd_parse_dcmf(&e, c->dcmf.item[i]) == 0)
			snprintf(pc.dcmf[pc.ndcmfs++], sizeof(pc.dcmf[0]), "%s", e.name);
	}
	return pc;
}
