/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/conf.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <unistd.h>

#define K(section, name, type, deflt, help)                                                        \
	{                                                                                          \
		section, #name, type, offsetof(struct mediad_conf, name), deflt, 0, 0, help        \
	}
#define KN(section, name, deflt, min, max, help)                                                   \
	{                                                                                          \
		section, #name, AR_CONF_INT, offsetof(struct mediad_conf, name), deflt, min, max,  \
			help                                                                       \
	}

#ifndef IMS_AR_DATADIR
#define IMS_AR_DATADIR "/usr/share/ims-ar"
#endif

static const struct ar_conf_key keys[] = {
	K("mediad", user, AR_CONF_STRING, NULL, "run as this user once sockets are open"),
	K("mediad", group, AR_CONF_STRING, NULL, "and this group (default: the user's)"),
	K("mediad", log_level, AR_CONF_STRING, "info", "err, warn, notice, info or debug"),
	KN("mediad", workers, "0", 0, MEDIAD_MAX_WORKERS, "processes; 0: one per CPU core"),
	K("control", listen, AR_CONF_LIST, "127.0.0.1:9910", "Nmf_MRM over HTTP/2, repeatable"),
	KN("control", max_connections, "64", 1, 1000, "HTTP connections at a time"),
	K("media", network, AR_CONF_LIST, "default/127.0.0.1",
		"name/bind!advertised, repeatable; IPv6 too"),
	KN("media", port, "40000", 1, 65535, "UDP port of the first worker, the next has one more"),
	KN("media", max_contexts, "2000", 1, 60000, "media contexts of one worker"),
	KN("media", max_peers, "4000", 1, 60000, "UE connections of one worker"),
	K("application", scenes, AR_CONF_STRING, IMS_AR_DATADIR "/scenes",
		"folder of *.gltf scenes"),
	K("application", webapp, AR_CONF_STRING, IMS_AR_DATADIR "/webapp",
		"folder served on the bootstrap channels"),
	K("application", application, AR_CONF_STRING, "shared-scene", "default AR application"),
	K("application", applications, AR_CONF_STRING, IMS_AR_DATADIR "/lua/apps",
		"folder of *.lua applications"),
	KN("application", script_memory_kb, "1024", 64, 65536, "of one call's application script"),
	KN("application", script_cpu_percent, "5", 1, 100,
		"of a core that one call's application script may use"),
	K("application", pose_types, AR_CONF_STRING, "urn:x-imsar:pose:1",
		"message types that are poses, comma separated"),
	K("application", action_types, AR_CONF_STRING, "urn:x-imsar:action:1",
		"message types that are user actions, comma separated"),
	KN("application", update_rate, "60", 1, 120, "scene updates a second to one UE"),
	KN("application", own_rate, "2", 1, 120, "a UE's own pose back to it, times a second"),
	KN("application", idle_seconds, "60", 1, 86400,
		"a context whose UEs have all gone ends after this"),
	KN("application", lease_seconds, "300", 5, 86400,
		"a context without its asd ends after this, unless it asks for another time"),
};
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

static int derive(struct mediad_conf *c, struct ar_buf *err)
{
	enum ar_log_level level;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct peer_addr a;

	if (ar_log_level_parse(c->log_level, &level) != 0) {
		ar_buf_printf(
			err, "log_level = %s: want err, warn, notice, info or debug", c->log_level);
		return -EINVAL;
	}
	for (unsigned i = 0; i < c->listen.n; i++) {
		if (nets_addr_port_parse(&a, c->listen.item[i]) != 0) {
			ar_buf_printf(err, "listen = %s: want address:port", c->listen.item[i]);
			return -EINVAL;
		}
	}
	for (unsigned i = 0; i < c->network.n; i++) {
		int rc = nets_add(&c->networks, c->network.item[i], err);

		if (rc)
			return rc;
	}
	c->nworker = (unsigned)(c->workers ? c->workers : cores < 1 ? 1 : cores);
	if (c->nworker > MEDIAD_MAX_WORKERS)
		c->nworker = MEDIAD_MAX_WORKERS;
	if (c->port + c->nworker - 1 > 65535) {
		ar_buf_printf(err, "port = %ld: %u workers need ports up to %ld", c->port,
			c->nworker, c->port + (long)c->nworker - 1);
		return -EINVAL;
	}
	return 0;
}

int mediad_conf_read(struct mediad_conf *c, const char *path, struct ar_buf *err)
{
	int rc;

	*c = (struct mediad_conf){0};
	rc = ar_conf_read(keys, NKEYS, c, path, err);
	if (rc == 0)
		rc = derive(c, err);
	if (rc)
		mediad_conf_free(c);
	return rc;
}

void mediad_conf_free(struct mediad_conf *c)
{
	ar_conf_free(keys, NKEYS, c);
}

void mediad_conf_help(FILE *out)
{
	ar_conf_help(keys, NKEYS, out);
}
