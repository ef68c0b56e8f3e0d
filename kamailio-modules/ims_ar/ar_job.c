/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_job.h"

#include "ar_stat.h"

#include "../../core/dprint.h"
#include "../../core/locking.h"
#include "../../core/mem/shm_mem.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct ar_queue {
	gen_lock_t lock;
	struct ar_job *head, *tail;
};

struct ar_jobs {
	struct ar_queue offers, resume;
	int pending; /* atomic: reserved slots */
	gen_lock_t event_lock;
	struct ar_event *event_head, *event_tail;
	int unacked; /* atomic: events queued, here and in the link process */
	int lost; /* atomic flag */
	struct ar_link_state link;
};

static struct ar_jobs *jobs;
static int offer_fd = -1, resume_fd = -1;

struct ar_link_state *ar_link_state;

int ar_jobs_init(void)
{
	jobs = shm_malloc(sizeof(*jobs));
	if (!jobs)
		return -ENOMEM;
	memset(jobs, 0, sizeof(*jobs));
	lock_init(&jobs->offers.lock);
	lock_init(&jobs->resume.lock);
	lock_init(&jobs->event_lock);
	ar_link_state = &jobs->link;
	return 0;
}

int ar_jobs_open(void)
{
	offer_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	/* blocking, and one job per reader woken */
	resume_fd = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
	return offer_fd < 0 || resume_fd < 0 ? -errno : 0;
}

static void queue_free(struct ar_queue *q)
{
	struct ar_job *j;

	while ((j = q->head)) {
		q->head = j->next;
		shm_free(j);
	}
	lock_destroy(&q->lock);
}

void ar_jobs_destroy(void)
{
	struct ar_event *e;

	if (!jobs)
		return;
	queue_free(&jobs->offers);
	queue_free(&jobs->resume);
	while ((e = jobs->event_head)) {
		jobs->event_head = e->next;
		shm_free(e);
	}
	lock_destroy(&jobs->event_lock);
	shm_free(jobs);
	jobs = NULL;
	ar_link_state = NULL;
}

/* ---- jobs */

bool ar_jobs_behind(int timeout)
{
	int64_t due = __atomic_load_n(&ar_link_state->due, __ATOMIC_RELAXED);

	return due && ar_jobs_pending() >= AR_BEHIND_MIN && due - ar_now_ms() < timeout * 3 / 5;
}

bool ar_job_reserve(void)
{
	if (__atomic_add_fetch(&jobs->pending, 1, __ATOMIC_ACQ_REL) <= ar_conf.queue_max)
		return true;
	ar_job_unreserve();
	return false;
}

void ar_job_unreserve(void)
{
	__atomic_fetch_sub(&jobs->pending, 1, __ATOMIC_ACQ_REL);
}

int ar_jobs_pending(void)
{
	return jobs ? __atomic_load_n(&jobs->pending, __ATOMIC_RELAXED) : 0;
}

static char *copy(char **to, struct ar_span *s)
{
	char *p = *to;

	if (s->n)
		memcpy(p, s->p, s->n);
	s->p = p;
	*to += s->n;
	return p;
}

struct ar_job *ar_job_new(const struct ar_msg_key *k, const char *json)
{
	size_t n = strlen(json) + 1;
	struct ar_job *j = shm_malloc(sizeof(*j) + n + k->callid.n + k->from_tag.n + k->to_tag.n);
	struct ar_span text = {json, n};
	char *p;

	if (!j)
		return NULL;
	memset(j, 0, sizeof(*j));
	j->key = *k;
	p = j->data;
	j->json = copy(&p, &text);
	copy(&p, &j->key.callid);
	copy(&p, &j->key.from_tag);
	copy(&p, &j->key.to_tag);
	return j;
}

void ar_job_free(struct ar_job *j)
{
	shm_free(j);
	ar_job_unreserve();
}

static void push(struct ar_queue *q, struct ar_job *j, int fd)
{
	const uint64_t one = 1;

	j->next = NULL;
	lock_get(&q->lock);
	if (q->tail)
		q->tail->next = j;
	else
		q->head = j;
	q->tail = j;
	lock_release(&q->lock);
	if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		LM_ERR("cannot wake the process that takes jobs: %s\n", strerror(errno));
}

void ar_jobs_push_offer(struct ar_job *j)
{
	push(&jobs->offers, j, offer_fd);
}

void ar_jobs_push_resume(struct ar_job *j)
{
	push(&jobs->resume, j, resume_fd);
}

struct ar_job *ar_jobs_take_offers(void)
{
	struct ar_queue *q = &jobs->offers;
	struct ar_job *list;
	uint64_t n;

	if (read(offer_fd, &n, sizeof(n)) < 0 && errno != EAGAIN && errno != EINTR)
		LM_ERR("wake-up: %s\n", strerror(errno));
	lock_get(&q->lock);
	list = q->head;
	q->head = q->tail = NULL;
	lock_release(&q->lock);
	return list;
}

struct ar_job *ar_jobs_take_resume(void)
{
	struct ar_queue *q = &jobs->resume;
	struct ar_job *j;

	lock_get(&q->lock);
	j = q->head;
	if (j) {
		q->head = j->next;
		if (!q->head)
			q->tail = NULL;
		j->next = NULL;
	}
	lock_release(&q->lock);
	return j;
}

int ar_jobs_offer_fd(void)
{
	return offer_fd;
}

int ar_jobs_resume_fd(void)
{
	return resume_fd;
}

/* ---- events */

static bool lose_event(void)
{
	AR_COUNT(events_lost);
	__atomic_store_n(&jobs->lost, 1, __ATOMIC_RELEASE);
	return false;
}

bool ar_event_push(unsigned asd, const char *text, bool urgent)
{
	const uint64_t one = 1;
	size_t n = text ? strlen(text) : 0;
	struct ar_event *e;

	if (!text || __atomic_load_n(&jobs->unacked, __ATOMIC_RELAXED) >= ar_conf.event_max)
		return lose_event();
	e = shm_malloc(sizeof(*e) + n + 1);
	if (!e)
		return lose_event();
	*e = (struct ar_event){.asd = asd, .n = n};
	memcpy(e->text, text, n + 1);
	__atomic_fetch_add(&jobs->unacked, 1, __ATOMIC_RELAXED);
	lock_get(&jobs->event_lock);
	if (jobs->event_tail)
		jobs->event_tail->next = e;
	else
		jobs->event_head = e;
	jobs->event_tail = e;
	lock_release(&jobs->event_lock);
	AR_COUNT(events);
	if (urgent && write(offer_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		LM_ERR("cannot wake the link process: %s\n", strerror(errno));
	return true;
}

struct ar_event *ar_events_take(void)
{
	struct ar_event *list;

	lock_get(&jobs->event_lock);
	list = jobs->event_head;
	jobs->event_head = jobs->event_tail = NULL;
	lock_release(&jobs->event_lock);
	return list;
}

void ar_event_free(struct ar_event *e)
{
	shm_free(e);
	__atomic_fetch_sub(&jobs->unacked, 1, __ATOMIC_RELAXED);
}

int ar_events_unacked(void)
{
	return jobs ? __atomic_load_n(&jobs->unacked, __ATOMIC_RELAXED) : 0;
}

bool ar_events_were_lost(void)
{
	return __atomic_exchange_n(&jobs->lost, 0, __ATOMIC_ACQ_REL) != 0;
}
