/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A full room: 50 participants in one scene, each sending its pose at 60 Hz. Everything between
 * "message of a channel" and "message of a channel" is what it is in a call; the transport is the
 * unit tests' stand-in and takes every byte at once, so the processor time is the application's
 * without SCTP and DTLS, and the ages are what pacing and interest management make of them. Time
 * is virtual, in steps of 1 ms; each pose is a turn of the loop of its own, which costs most. As
 * configured by default, around a table and in rows, and with interest management off (everybody is
 * told of everybody at the full rate).
 */
#include "tests/unit/dcmf/rig.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PEOPLE 50
#define HZ 60
#define SECONDS 5
#define MS 1000ull
#define MAX_AGE 1000 /* ms */
#define UNIT 100000.0 /* a pose's height says when it was sent: 10 um a millisecond */

struct result {
	uint64_t cpu_ns, bytes, poses, updates, told;
	unsigned age[MAX_AGE + 1];
	uint64_t of[PEOPLE]; /* updates */
};

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Swaying a little: around a table of 10 m, looking at its middle, or in rows 1.2 m apart, all
 * looking along -Z, so that the first row has everybody behind it. */
static void send_pose(struct peer *p, bool rows, unsigned who, unsigned ms)
{
	double a = rows ? 0 : 6.283185307 * who / PEOPLE, sway = ms % 50 * 0.001;
	double x = rows ? who % 7 * 1.2 : 5 * sin(a), z = rows ? who / 7 * 1.2 : 5 * cos(a);
	char text[400];

	snprintf(text, sizeof(text),
		"{\"poseInfo\":[{\"poseTime\":%.5f,\"xrSpaceId\":1,\"poses\":[{\"orientation\":{"
		"\"x\":0,\"y\":%.8f,\"z\":0,\"w\":%.8f},\"position\":{\"x\":%.6f,\"y\":%.6f,"
		"\"z\":%.6f},\"confidence\":1,\"estimatedAtTime\":1732272845.%03u}]}]}",
		100 + ms / 1000.0, sin(a / 2 + sway), cos(a / 2 + sway), x + sway, ms / UNIT, z,
		ms % 1000);
	fake_deliver(p, META, text);
}

/* Every pose of others that the message tells: how old is it? */
static void read_update(const char *text, unsigned now_ms, struct result *out)
{
	const char *p = text;

	while ((p = strstr(p, "/translation\",\"value\":[")) != NULL) {
		const char *y = strchr(p + 22, ',');
		double sent = y ? strtod(y + 1, NULL) * UNIT : 0;
		unsigned age = (unsigned)((double)now_ms - sent + 0.5);

		out->age[age > MAX_AGE ? MAX_AGE : age]++;
		out->told++;
		p += 22;
	}
}

static void read_all(struct peer *p, unsigned who, unsigned now_ms, struct result *out)
{
	struct fake_message m;

	while (fake_take(p, SD, &m)) {
		if (m.text[0] != '[' || !strstr(m.text, "\"replace\""))
			continue;
		out->updates++;
		out->of[who]++;
		out->bytes += m.n;
		read_update(m.text, now_ms, out);
	}
}

static void second_by_second(struct rig *r, struct peer **peer, bool rows, unsigned from,
	unsigned to, struct result *out)
{
	for (unsigned ms = from; ms < to; ms++) {
		uint64_t cpu;

		r->now += MS;
		cpu = cpu_ns();
		dcmf_set_now(r->d, r->now);
		for (unsigned i = 0; i < PEOPLE; i++) {
			/* spread over the interval, as their clocks are */
			if ((ms * HZ + i * 20) / 1000 != ((ms + 1) * HZ + i * 20) / 1000) {
				send_pose(peer[i], rows, i, ms);
				dcmf_run(r->d, r->now);
				out->poses++;
			}
		}
		dcmf_run(r->d, r->now);
		out->cpu_ns += cpu_ns() - cpu;
		for (unsigned i = 0; i < PEOPLE; i++)
			read_all(peer[i], i, ms, out);
	}
}

static unsigned percentile(const struct result *res, double share)
{
	uint64_t seen = 0;

	for (unsigned a = 0; a <= MAX_AGE; a++) {
		seen += res->age[a];
		if ((double)seen >= share * (double)res->told)
			return a;
	}
	return MAX_AGE;
}

static void one(const char *name, bool rows, unsigned interest)
{
	struct peer *peer[PEOPLE];
	struct result warm = {.poses = 0}, res = {.poses = 0};
	uint64_t least = UINT64_MAX;
	struct rig r;

	rig_interest = interest;
	rig_start(&r, NULL);
	rig_create(&r, PEOPLE);
	for (unsigned i = 0; i < PEOPLE; i++) {
		peer[i] = fake_peer(i);
		fake_set_rtt(peer[i], 20000);
		fake_connect(peer[i]);
	}
	second_by_second(&r, peer, rows, 0, 1000, &warm);
	second_by_second(&r, peer, rows, 1000, 1000 + SECONDS * 1000, &res);
	for (unsigned i = 0; i < PEOPLE; i++)
		least = res.of[i] < least ? res.of[i] : least;
	printf("bench room participants=%d pose_hz=%d room=%s interest=%s updates_per_s=%.1f "
	       "least_updates_per_s=%.1f cpu_percent=%.1f cpu_us_per_pose=%.2f age_p50_ms=%u "
	       "age_p99_ms=%u kbps_to_each=%.0f poses_told_per_s=%.0f transport=stand-in\n",
		PEOPLE, HZ, name, interest ? "on" : "off", (double)res.updates / PEOPLE / SECONDS,
		(double)least / SECONDS, (double)res.cpu_ns / (SECONDS * 1e7),
		(double)res.cpu_ns / 1e3 / (double)res.poses, percentile(&res, 0.5),
		percentile(&res, 0.99), (double)res.bytes * 8 / 1000 / PEOPLE / SECONDS,
		(double)res.told / SECONDS);
	rig_stop(&r);
}

int main(void)
{
	one("table", false, 6);
	one("rows", true, 6);
	one("table", false, 0);
	return 0;
}
