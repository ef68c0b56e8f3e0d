/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file of encoded video through a media processor, as fast as it goes, one frame at a time: CPU
 * time a frame of both processes, start-up left out. armf.sh runs it beside its peers.
 *
 * armf_pipe IN OUT CODEC-IN CODEC-OUT BPS MODE SCENE: codecs vp8 (IVF) or h264 (Annex B); modes
 * live (the camera moves with every frame), still, bare (nothing is drawn). Prints "frames N cpu_ms
 * X decode_us X draw_us X encode_us X bytes N". H264 in the environment: its encoder.
 */
#include "bench_orbit.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/armf/codec/codec.h"
#include "mediad/armf/front/armf_pool_int.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WARM 30 /* frames that are not counted */
#define MAX_FRAMES 2000

struct input {
	char *bytes;
	size_t n;
	struct ar_span frame[MAX_FRAMES];
	bool key[MAX_FRAMES];
	unsigned number[MAX_FRAMES]; /* of an IVF file: its time stamp */
	unsigned frames;
};

static struct bench {
	struct event_base *base;
	struct armf_pool *pool;
	struct input in;
	FILE *out, *index;
	bool ivf, up;
	const char *mode;
	uint32_t job;
	unsigned next, lost;
	uint64_t cpu0, bytes;
	float distance;
} b;

/* ---- files ---- */

static void die(const char *what)
{
	fprintf(stderr, "armf_pipe: %s\n", what);
	exit(1);
}

static struct ar_span slurp(const char *path)
{
	FILE *f = fopen(path, "re");
	struct ar_span s = {0};
	char *p;
	long n;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0 || !(p = malloc((size_t)n + 1)))
		die(path);
	rewind(f);
	s = (struct ar_span){p, fread(p, 1, (size_t)n, f)};
	fclose(f);
	return s;
}

static void add(struct input *in, const char *p, size_t n, bool key, unsigned number)
{
	if (in->frames == MAX_FRAMES || n == 0)
		return;
	in->frame[in->frames] = (struct ar_span){p, n};
	in->number[in->frames] = number;
	in->key[in->frames++] = key;
}

static void split_ivf(struct input *in, struct ar_span s)
{
	for (size_t at = 32; at + 12 < s.n;) {
		const uint8_t *h = (const uint8_t *)s.p + at;
		size_t n = h[0] | (size_t)h[1] << 8 | (size_t)h[2] << 16 | (size_t)h[3] << 24;

		if (at + 12 + n > s.n)
			break;
		add(in, s.p + at + 12, n, !(h[12] & 1), h[4] | (unsigned)h[5] << 8);
		at += 12 + n;
	}
}

/* Access units: a new one at a parameter set or a first slice behind a slice. */
static void split_h264(struct input *in, struct ar_span s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	bool vcl = false, key = false;
	size_t from = 0;

	for (size_t i = 0; i + 4 < s.n; i++) {
		unsigned type, first;

		if (p[i] || p[i + 1] || p[i + 2] != 1)
			continue;
		type = p[i + 3] & 31;
		first = p[i + 4] & 0x80;
		if (vcl && (type >= 6 || first)) {
			size_t end = i && !p[i - 1] ? i - 1 : i;

			add(in, s.p + from, end - from, key, in->frames);
			from = end;
			vcl = key = false;
		}
		vcl = vcl || type == 1 || type == 5;
		key = key || type == 5;
	}
	add(in, s.p + from, s.n - from, key, in->frames);
}

static void put_le(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void write_out(const struct armf_frame_out *f)
{
	uint8_t head[32] = "DKIF\0\0\40\0VP80", h[12];

	if (b.ivf && b.bytes == 0) {
		put_le(head + 12, f->width, 2);
		put_le(head + 14, f->height, 2);
		put_le(head + 16, 30, 4);
		put_le(head + 20, 1, 4);
		fwrite(head, 1, 32, b.out);
	}
	put_le(h, f->data.n, 4);
	put_le(h + 4, f->ts / 3000, 8);
	if (b.ivf)
		fwrite(h, 1, 12, b.out);
	fwrite(f->data.p, 1, f->data.n, b.out);
	fprintf(b.index, "%u\n", f->ts / 3000);
	b.bytes += f->data.n;
}

static enum depay_codec codec(const char *name)
{
	return strcmp(name, "vp8") == 0 ? DEPAY_VP8 : DEPAY_H264;
}

/* ---- the pipe ---- */

/* Nanoseconds that the threads of a process ran. */
static uint64_t ran(const char *pid)
{
	char path[300];
	unsigned long long ns, sum = 0;
	struct dirent *d;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	tasks = opendir(path);
	while (tasks && (d = readdir(tasks))) {
		FILE *f;

		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/task/%.20s/schedstat", pid, d->d_name);
		f = fopen(path, "re");
		if (!f || fscanf(f, "%llu", &ns) != 1)
			die(path);
		sum += ns;
		fclose(f);
	}
	if (!tasks)
		die(path);
	closedir(tasks);
	return sum;
}

static uint64_t cpu_us(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)b.pool->proc[0].pid);
	return (ran(pid) + ran("self")) / 1000;
}

static struct armf_camera camera(unsigned n)
{
	struct armf_camera c = {.fov_y = BENCH_FOV};

	bench_orbit(strcmp(b.mode, "still") == 0 ? 0 : n, b.distance, c.position, c.orientation);
	return c;
}

static void feed(void)
{
	struct armf_frame_in f = {.views = strcmp(b.mode, "bare") != 0};
	int err;

	if (b.next == WARM)
		b.cpu0 = cpu_us();
	if (b.next == b.in.frames) {
		event_base_loopbreak(b.base);
		return;
	}
	f.data = b.in.frame[b.next];
	f.key = b.in.key[b.next];
	f.ts = 3000 * b.next;
	f.capture = ar_now();
	f.camera[0] = camera(b.next++);
	err = armf_job_frame(b.pool, b.job, &f);
	if (err)
		die(strerror(-err));
}

static void on_state(void *arg, bool up, const char *reason)
{
	(void)arg;
	if (!up)
		die(reason);
	b.up = true;
}

static void feed_if_idle(void)
{
	struct pool_job *j = ar_ids_get(&b.pool->jobs, b.job);

	if (j && b.up && j->in.n == 0)
		feed();
}

static void on_frame(void *arg, const struct armf_frame_out *f)
{
	(void)arg;
	write_out(f);
	feed_if_idle();
}

/* The first one, and after one that did not come out. */
static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	feed_if_idle();
}

/* ---- how good it is ---- */

static void load_input(struct input *in, const char *path, enum depay_codec c)
{
	(c == DEPAY_VP8 ? split_ivf : split_h264)(in, slurp(path));
}

static double square_error(const struct codec_picture *a, const struct codec_picture *p)
{
	unsigned columns = a->width / 4;
	double sum = 0;

	if (a->width != p->width || a->height != p->height)
		die("sizes differ");
	for (unsigned y = 0; y < a->height; y++) {
		for (unsigned x = 0; x < columns; x++) {
			int d = a->plane[0][y * (unsigned)a->stride[0] + x] -
				p->plane[0][y * (unsigned)p->stride[0] + x];

			sum += d * d;
		}
	}
	return sum / (a->height * columns);
}

static int psnr(char **argv)
{
	static struct input in, out;
	enum depay_codec ci = codec(argv[3]), co = codec(argv[5]);
	struct codec_dec *di, *d;
	struct codec_picture a, p;
	char path[512];
	unsigned at = 0, n = 0, want = 0;
	double sum = 0;
	FILE *index;

	load_input(&in, argv[2], ci);
	load_input(&out, argv[4], co);
	snprintf(path, sizeof(path), "%s.index", argv[4]);
	index = fopen(path, "re");
	if (codec_dec_new(&di, ci) != 0 || codec_dec_new(&d, co) != 0)
		die("no decoder");
	for (unsigned i = 0; i < out.frames; i++) {
		if (!index || fscanf(index, "%u", &want) != 1)
			want = out.number[i];
		while (at <= want && at < in.frames) {
			if (codec_dec_frame(di, in.frame[at++], &a) != 0)
				die("the input cannot be decoded");
		}
		if (codec_dec_frame(d, out.frame[i], &p) != 0 || at != want + 1)
			die("the output cannot be decoded, or is longer");
		sum += square_error(&a, &p);
		n++;
	}
	printf("psnr %.2f frames %u of %u\n", 10 * log10(255 * 255 / (sum / n)), n, want + 1);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct armf_job_handlers h = {.on_frame = on_frame, .on_state = on_state};
	struct armf_pool_conf pc = {.program = MEDIAD_ARMF,
		.processes = 1,
		.max_jobs = 2,
		.cpu_percent = 100000,
		.platform = "surfaceless",
		.device = -1,
		.cache_dir = ARMF_CACHE,
		.h264 = getenv("H264"),
		.splice = getenv("SPLICE") && strcmp(getenv("SPLICE"), "0") != 0};
	struct armf_job_conf jc = {.op = ARMF_OVERLAY, .call_id = "bench"};
	const struct timeval soon = {.tv_usec = 20000};
	struct armf_job_stats st;
	struct event *idle;
	char path[512];

	if (argc == 6 && strcmp(argv[1], "psnr") == 0)
		return psnr(argv);
	if (argc < 9)
		die("IN OUT CODEC-IN CODEC-OUT BPS MODE SCENE DISTANCE");
	ar_log_init("armf_pipe", AR_LOG_WARN);
	jc.in = codec(argv[3]);
	jc.out = codec(argv[4]);
	jc.start_bps = (uint32_t)atoi(argv[5]);
	b.mode = argv[6];
	b.distance = (float)atof(argv[8]);
	b.ivf = jc.out == DEPAY_VP8;
	load_input(&b.in, argv[1], jc.in);
	snprintf(path, sizeof(path), "%s.index", argv[2]);
	b.out = fopen(argv[2], "we");
	b.index = fopen(path, "we");
	b.base = event_base_new();
	if (!b.out || !b.index || !b.base || armf_pool_new(&b.pool, &pc, b.base) != 0)
		die("cannot start");
	if (armf_scene_open(b.pool, slurp(argv[7]), "bench", &jc.scene) != 0 ||
		armf_job_open(b.pool, &jc, &h, NULL, &b.job) != 0)
		die("cannot open");
	idle = event_new(b.base, -1, EV_PERSIST, on_idle, NULL);
	event_add(idle, &soon);
	event_base_dispatch(b.base);
	armf_job_get_stats(b.pool, b.job, &st);
	printf("frames %u cpu_ms %.2f decode_us %u draw_us %u encode_us %u bytes %lu out %lu "
	       "spliced %lu recoded %lu of %lu\n",
		b.next - WARM, (double)(cpu_us() - b.cpu0) / 1000 / (b.next - WARM), st.decode_us,
		st.draw_us, st.encode_us, (unsigned long)b.bytes, (unsigned long)st.out,
		(unsigned long)st.spliced, (unsigned long)b.pool->st.blocks_recoded,
		(unsigned long)b.pool->st.blocks);
	fclose(b.out);
	fclose(b.index);
	armf_pool_free(b.pool);
	return 0;
}
