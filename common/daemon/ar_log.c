/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/daemon/ar_log.h"
#include "common/daemon/ar_clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *word;
	int syslog;
} levels[] = {{"err", 3}, {"warn", 4}, {"notice", 5}, {"info", 6}, {"debug", 7}};

static struct {
	const char *program;
	enum ar_log_level level;
	bool journal;
	char call[80];
	bool traced; /* that call is */
	unsigned ntraced;
	struct {
		char call[80];
		unsigned n;
	} trace[AR_LOG_MAX_TRACED];
} log_state = {.program = "ims-ar", .level = AR_LOG_INFO};

/* systemd.exec(5): the variable is inherited, so it counts only while it names our own stderr. */
static bool stderr_is_journal(void)
{
	const char *v = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	char *end;

	if (!v || fstat(STDERR_FILENO, &st) != 0)
		return false;
	dev = strtoull(v, &end, 10);
	if (*end != ':')
		return false;
	ino = strtoull(end + 1, &end, 10);
	return !*end && dev == st.st_dev && ino == st.st_ino;
}

void ar_log_init(const char *program, enum ar_log_level level)
{
	log_state.program = program;
	log_state.level = level;
	log_state.journal = stderr_is_journal();
}

int ar_log_level_parse(const char *word, enum ar_log_level *level)
{
	for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(word, levels[i].word) == 0) {
			*level = (enum ar_log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

void ar_log_set_level(enum ar_log_level level)
{
	log_state.level = level;
}

bool ar_log_on(enum ar_log_level level)
{
	return level <= log_state.level || log_state.traced;
}

/* Control characters from outside must not make lines of their own. */
static void flatten(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	}
}

static int stamp(char *line, size_t cap, enum ar_log_level level)
{
	struct timespec t;
	struct tm tm;
	char when[32];

	if (log_state.journal)
		return snprintf(line, cap, "<%d>", levels[level].syslog);
	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	return snprintf(line, cap, "%s.%03ldZ %s[%d] %s ", when, t.tv_nsec / 1000000,
		log_state.program, (int)getpid(), levels[level].word);
}

void ar_log(enum ar_log_level level, const char *area, const char *fmt, ...)
{
	char line[2048], text[1700];
	va_list ap;
	int n;

	if (!ar_log_on(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap); /* NOLINT(clang-analyzer-valist.Uninitialized) */
	va_end(ap);
	flatten(text);
	n = stamp(line, sizeof(line), level);
	n += snprintf(line + n, sizeof(line) - (size_t)n, "%s: %s%s%s%s\n", area,
		log_state.call[0] ? "[" : "", log_state.call, log_state.call[0] ? "] " : "", text);
	if ((size_t)n >= sizeof(line))
		n = sizeof(line) - 1;
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nobody left to tell */
}

bool ar_log_allow(struct ar_log_limit *l, unsigned burst)
{
	uint64_t now = ar_now() / AR_SEC;

	if (l->window != now) {
		if (l->suppressed)
			ar_log(AR_LOG_WARN, "log", "%u lines like the next were suppressed",
				l->suppressed);
		*l = (struct ar_log_limit){.window = now};
	}
	if (l->n < burst) {
		l->n++;
		return true;
	}
	l->suppressed++;
	return false;
}

/* call: as it stands in log_state.call, cut and flattened. */
static unsigned find_traced(const char *call)
{
	unsigned i = 0;

	while (i < log_state.ntraced && strcmp(log_state.trace[i].call, call) != 0)
		i++;
	return i;
}

void ar_log_trace(const char *call_id, bool on)
{
	char call[sizeof(log_state.call)];
	unsigned i;

	snprintf(call, sizeof(call), "%s", call_id);
	flatten(call);
	i = find_traced(call);
	if (!call[0] || (!on && i == log_state.ntraced))
		return;
	if (!on) {
		if (--log_state.trace[i].n == 0)
			log_state.trace[i] = log_state.trace[--log_state.ntraced];
		return;
	}
	if (i == AR_LOG_MAX_TRACED) {
		ar_log(AR_LOG_WARN, "log", "%s is not traced: %d calls are", call,
			AR_LOG_MAX_TRACED);
		return;
	}
	if (i == log_state.ntraced) {
		memcpy(log_state.trace[i].call, call, sizeof(call));
		log_state.trace[i].n = 0;
		log_state.ntraced++;
	}
	log_state.trace[i].n++;
}

struct ar_log_scope ar_log_enter(const char *call_id)
{
	struct ar_log_scope s = {.traced = log_state.traced};

	memcpy(s.prev, log_state.call, sizeof(s.prev));
	snprintf(log_state.call, sizeof(log_state.call), "%s", call_id ? call_id : "");
	flatten(log_state.call);
	log_state.traced = log_state.ntraced && find_traced(log_state.call) < log_state.ntraced;
	return s;
}

void ar_log_leave(struct ar_log_scope *s)
{
	memcpy(log_state.call, s->prev, sizeof(log_state.call));
	log_state.traced = s->traced;
}
