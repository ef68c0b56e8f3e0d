/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/conf.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
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

#ifndef IMS_AR_LIBEXECDIR
#define IMS_AR_LIBEXECDIR "/usr/libexec/ims-ar"
#endif
#ifndef IMS_AR_DATADIR
#define IMS_AR_DATADIR "/usr/share/ims-ar"
#endif

static const struct ar_conf_key keys[] = {
	K("mediad", user, AR_CONF_STRING, NULL, "run as this user once sockets are open"),
	K("mediad", group, AR_CONF_STRING, NULL, "and this group (default: the user's)"),
	K("mediad", log_level, AR_CONF_STRING, "info", "err, warn, notice, info or debug"),
	KN("mediad", workers, "0", 0, MEDIAD_MAX_WORKERS, "processes; 0: one per CPU core"),
	KN("mediad", drain_seconds, "14400", 1, 604800,
		"calls of workers of before, after an upgrade, end after this"),
	K("control", listen, AR_CONF_LIST, "127.0.0.1:9910", "Nmf_MRM over HTTP/2, repeatable"),
	KN("control", max_connections, "64", 1, 1000, "HTTP connections at a time"),
	K("media", network, AR_CONF_LIST, "default/127.0.0.1",
		"name/bind!advertised, repeatable; IPv6 too"),
	KN("media", port, "40000", 1, 65535, "UDP port of the first worker, the next has one more"),
	KN("media", max_contexts, "2000", 1, 60000, "media contexts of one worker"),
	KN("media", max_peers, "4000", 1, 60000, "UE connections of one worker"),
	KN("media", handshake_rate, "100", 1, 100000,
		"DTLS handshakes a second that one address (IPv6: /64) may begin and not end"),
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
	KN("application", interest_from, "6", 0, 64,
		"participants from which on far ones are told of less often; 0: never"),
	KN("application", idle_seconds, "60", 1, 86400,
		"a context whose UEs have all gone ends after this"),
	KN("application", lease_seconds, "300", 5, 86400,
		"a context without its asd ends after this, unless it asks for another time"),
	K("armf", transports, AR_CONF_STRING, "dtls",
		"towards UEs: dtls, sdes and rtp, comma separated"),
	K("armf", program, AR_CONF_STRING, IMS_AR_LIBEXECDIR "/mediad-armf", "the media processor"),
	KN("armf", processes, "1", 0, 16,
		"media processors of one worker; 0: audio and video are relayed only"),
	KN("armf", max_jobs, "16", 1, 256, "video streams of one processor"),
	KN("armf", cpu_percent, "80", 5, 100,
		"of one core, that the streams of one processor may use"),
	KN("armf", memory_mb, "1024", 128, 65536, "resident, of one processor"),
	K("armf", platform, AR_CONF_STRING, "auto",
		"EGL: surfaceless (software), device (GPU) or auto"),
	KN("armf", device, "-1", -1, 64, "which GPU; -1: the first"),
	K("armf", cache_dir, AR_CONF_STRING, NULL, "of compiled shaders; none without"),
	KN("armf", max_triangles, "0", 0, 100000000,
		"that a scene may draw in a frame; 0: 20000 in software, 2000000 on a GPU"),
	K("armf", h264, AR_CONF_STRING, "x264", "who encodes H.264: x264 or openh264"),
	KN("armf", max_streams, "200", 1, 4000, "audio and video connections of one worker"),
	KN("armf", max_kbps, "2500", 64, 100000, "of a video stream, either way"),
	KN("armf", splice, "1", 0, 1,
		"VP8 to VP8: 1: only what is drawn upon is coded again, 0: the whole picture"),
	KN("armf", fov_degrees, "57", 10, 170, "vertical, of a camera whose UE does not tell"),
	KN("armf", camera_delay_ms, "20", 0, 1000,
		"from taking a picture to its arrival, when nothing tells"),
	KN("armf", low_delay, "1", 0, 1,
		"1: a browser shows pictures as they come while its path loses nothing"),
};
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

static int transports(struct mediad_conf *c, struct ar_buf *err)
{
	static const struct {
		const char *name;
		enum peer_media media;
	} known[] = {{"dtls", PEER_DTLS_SRTP}, {"sdes", PEER_SDES_SRTP}, {"rtp", PEER_PLAIN_RTP}};
	struct ar_span rest = ar_span_str(c->transports);

	while (rest.n) {
		const char *comma = memchr(rest.p, ',', rest.n);
		struct ar_span one = {rest.p, comma ? (size_t)(comma - rest.p) : rest.n};
		unsigned i = 0;

		rest.p += one.n + (comma != NULL);
		rest.n -= one.n + (comma != NULL);
		one = ar_span_trim(one);
		while (i < 3 && !ar_span_caseeq(one, known[i].name))
			i++;
		if (i == 3) {
			ar_buf_printf(err, "transports = %s: want dtls, sdes, rtp", c->transports);
			return -EINVAL;
		}
		c->media_transports |= 1u << known[i].media;
	}
	return 0;
}

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
	if (strcmp(c->h264, "x264") != 0 && strcmp(c->h264, "openh264") != 0) {
		ar_buf_printf(err, "h264 = %s: want x264 or openh264", c->h264);
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
	if (transports(c, err) != 0)
		return -EINVAL;
	c->nworker = (unsigned)(c->workers ? c->workers : cores < 1 ? 1 : cores);
	if (c->nworker > MEDIAD_MAX_WORKERS)
		c->nworker = MEDIAD_MAX_WORKERS;
	if (c->port + 2 * c->nworker - 1 > 65535) {
		ar_buf_printf(err,
			"port = %ld: %u workers need ports up to %ld, two each for upgrades",
			c->port, c->nworker, c->port + 2 * (long)c->nworker - 1);
		return -EINVAL;
	}
	return 0;
}

/* Another program or other settings: its workers are made anew, those of before drain. */
static void made_from(struct mediad_conf *c, const char *path)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */
	struct stat st = {0};
	FILE *f = path ? fopen(path, "re") : NULL;
	int ch;

	while (f && (ch = getc(f)) != EOF)
		h = (h ^ (uint64_t)ch) * 0x100000001b3ull;
	if (f)
		fclose(f);
	(void)!stat("/proc/self/exe", &st);
	snprintf(c->made, sizeof(c->made), "%llx.%llx.%llx", (unsigned long long)st.st_ino,
		(unsigned long long)st.st_mtim.tv_sec * 1000000000ull +
			(unsigned long long)st.st_mtim.tv_nsec,
		(unsigned long long)h);
}

uint16_t mediad_conf_port(const struct mediad_conf *c, unsigned worker, bool second)
{
	return (uint16_t)((unsigned)c->port + worker + (second ? c->nworker : 0));
}

void mediad_conf_ports(const struct mediad_conf *c, FILE *out)
{
	for (unsigned i = 0; i < c->networks.n; i++) {
		const struct nets_line *l = &c->networks.line[i];
		char ip[INET6_ADDRSTRLEN];

		fprintf(out, "UDP %u-%u at %s", mediad_conf_port(c, 0, false),
			mediad_conf_port(c, c->nworker - 1, true),
			nets_print_ip(&l->bind.ss, ip, sizeof(ip)));
		if (strcmp(ip, l->text) != 0)
			fprintf(out, ", which UEs know as %s", l->text);
		fprintf(out, ": network %s, %u workers and as many that drain after an upgrade\n",
			l->name, c->nworker);
		if (strncmp(l->text, "127.", 4) == 0 || strcmp(l->text, "::1") == 0)
			fprintf(out, "  only UEs on this machine reach %s: [media] network\n",
				l->text);
	}
	for (unsigned i = 0; i < c->listen.n; i++)
		fprintf(out, "TCP %s: control, for asd and Prometheus only\n", c->listen.item[i]);
}

int mediad_conf_read(struct mediad_conf *c, const char *path, struct ar_buf *err)
{
	int rc;

	*c = (struct mediad_conf){0};
	rc = ar_conf_read(keys, NKEYS, c, path, err);
	if (rc == 0)
		rc = derive(c, err);
	if (rc == 0)
		made_from(c, path);
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
