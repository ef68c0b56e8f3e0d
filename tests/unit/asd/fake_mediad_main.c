/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_mediad PORT CONTROL-PORT: the fake as a program, told its manners by lines on a TCP port:
 *   set NAME NUMBER | count | down 0|1 | forget INSTANCE | event JSON | stray OWNER
 * each answered with a line.
 */
#include "fake_mediad.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset;
} manners[] = {
	{"post_delay_ms", offsetof(struct fake_manners, post_delay_ms)},
	{"patch_delay_ms", offsetof(struct fake_manners, patch_delay_ms)},
	{"delete_delay_ms", offsetof(struct fake_manners, delete_delay_ms)},
	{"post_status", offsetof(struct fake_manners, post_status)},
	{"patch_status", offsetof(struct fake_manners, patch_status)},
	{"delete_status", offsetof(struct fake_manners, delete_status)},
	{"list_status", offsetof(struct fake_manners, list_status)},
	{"silent_events", offsetof(struct fake_manners, silent_events)},
	{"bad_doc", offsetof(struct fake_manners, bad_doc)},
	{"new_ice", offsetof(struct fake_manners, new_ice)},
	{"armf_full", offsetof(struct fake_manners, armf_full)},
	{"old_mask", offsetof(struct fake_manners, old_mask)},
	{"no_picture", offsetof(struct fake_manners, no_picture)},
	{"share_full", offsetof(struct fake_manners, share_full)},
	{"load", offsetof(struct fake_manners, load)},
};

static const char *set(struct fake_mediad *f, const char *name, int value)
{
	for (unsigned i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		if (strcmp(manners[i].name, name) == 0) {
			*(int *)((char *)fake_manners(f) + manners[i].offset) = value;
			return "ok";
		}
	}
	return "no such manner";
}

static void obey(struct fake_mediad *f, char *line, struct evbuffer *out)
{
	char name[64] = "";
	int value = 0;

	if (sscanf(line, "set %63s %d", name, &value) == 2)
		evbuffer_add_printf(out, "%s\n", set(f, name, value));
	else if (strcmp(line, "count") == 0)
		evbuffer_add_printf(out, "%zu %u %u %u\n", json_object_size(fake_contexts(f)),
			fake_seen(f, "POST"), fake_seen(f, "PATCH"), fake_seen(f, "DELETE"));
	else if (sscanf(line, "down %d", &value) == 1)
		fake_down(f, value), evbuffer_add_printf(out, "ok\n");
	else if (sscanf(line, "forget %63s", name) == 1)
		fake_forget(f, name), evbuffer_add_printf(out, "ok\n");
	else if (sscanf(line, "stray %63s", name) == 1)
		json_object_set_new(fake_contexts(f), "stray1",
			json_pack("{s:{s:s, s:s, s:s}}", "x-ims-ar", "owner", name, "callId", "s@x",
				"call", "00000000000000aa")),
			evbuffer_add_printf(out, "ok\n");
	else if (strncmp(line, "event ", 6) == 0)
		fake_event(f, json_loads(line + 6, 0, NULL)), evbuffer_add_printf(out, "ok\n");
	else
		evbuffer_add_printf(out, "what?\n");
}

static void on_line(struct bufferevent *bev, void *arg)
{
	char *line;

	while ((line = evbuffer_readln(bufferevent_get_input(bev), NULL, EVBUFFER_EOL_LF))) {
		obey(arg, line, bufferevent_get_output(bev));
		free(line);
	}
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(bev);
}

static void on_accept(
	struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int n, void *arg)
{
	struct bufferevent *bev =
		bufferevent_socket_new(evconnlistener_get_base(l), fd, BEV_OPT_CLOSE_ON_FREE);

	(void)sa;
	(void)n;
	bufferevent_setcb(bev, on_line, NULL, on_end, arg);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

int main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	uint16_t port = argc == 3 ? (uint16_t)atoi(argv[1]) : 0;
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct fake_mediad *f;

	if (argc != 3 || !(f = fake_new(base, "i1", &port))) {
		fprintf(stderr, "usage: fake_mediad PORT CONTROL-PORT (or the port is taken)\n");
		return 2;
	}
	sin.sin_port = htons((uint16_t)atoi(argv[2]));
	if (!evconnlistener_new_bind(base, on_accept, f, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
		    4, (struct sockaddr *)&sin, sizeof(sin)))
		return 2;
	return event_base_dispatch(base);
}
