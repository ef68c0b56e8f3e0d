/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages and rings between worker and media processor. */
#include "mediad/armf/link/link_ring.h"
#include "mediad/armf/link/link_sock.h"

#include "../common/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- rings ---- */

struct model {
	struct link_ring r;
	struct {
		uint32_t offset, size, seq;
	} live[LINK_RING_SLOTS];
	unsigned n;
	uint32_t seq;
};

static void put(struct model *m, uint32_t size)
{
	bool room = link_ring_has_room(&m->r, size);
	uint32_t at = 12345;

	if (link_ring_put(&m->r, size, m->seq + 1, &at) != 0) {
		assert_false(room);
		assert_true(m->n > 0);
		return;
	}
	assert_true(room);
	assert_true(link_ring_place_ok(at, size));
	for (unsigned i = 0; i < m->n; i++) { /* nobody else's bytes */
		uint32_t from = m->live[i].offset, to = from + m->live[i].size;

		assert_true(at >= to || at + size <= from);
	}
	m->live[m->n].offset = at;
	m->live[m->n].size = size;
	m->live[m->n++].seq = ++m->seq;
}

static void take(struct model *m, unsigned n)
{
	assert_true(link_ring_taken(&m->r, m->live[n - 1].seq));
	memmove(m->live, m->live + n, (m->n - n) * sizeof(m->live[0]));
	m->n -= n;
}

static void test_ring_against_a_model(void **state)
{
	struct model m = {0};
	unsigned full = 0;

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		uint32_t size = (uint32_t)rand() % (rand() % 8 ? 60000 : ARMF_MAX_FRAME) + 1;

		if (rand() % 100 < 55 && m.n < LINK_RING_SLOTS) {
			unsigned before = m.n;

			put(&m, size);
			full += m.n == before;
		} else if (m.n) {
			take(&m, 1 + (unsigned)rand() % m.n);
		}
		assert_int_equal(m.r.n, m.n);
	}
	assert_true(full > 100);
	assert_false(link_ring_taken(&m.r, m.seq + 1));
}

static void test_ring_basics(void **state)
{
	struct link_ring r = {0};
	uint32_t at;

	(void)state;
	for (unsigned i = 1; i <= 1000; i++) { /* one that keeps up touches the first pages only */
		assert_int_equal(link_ring_put(&r, 5000, i, &at), 0);
		assert_int_equal(at, 0);
		assert_true(link_ring_taken(&r, i));
	}
	assert_int_equal(link_ring_put(&r, ARMF_MAX_FRAME, 1, &at), 0);
	assert_int_equal(link_ring_put(&r, ARMF_MAX_FRAME, 2, &at), 0);
	assert_int_equal(link_ring_put(&r, ARMF_MAX_FRAME, 3, &at), -ENOBUFS);
	link_ring_undo(&r);
	assert_int_equal(link_ring_put(&r, ARMF_MAX_FRAME, 3, &at), 0);
	assert_false(link_ring_taken(&r, 2));
	assert_true(link_ring_taken(&r, 3)); /* and the one before */
	assert_int_equal(r.n, 0);
	assert_false(link_ring_place_ok(0, ARMF_MAX_FRAME + 1));
	assert_false(link_ring_place_ok(UINT32_MAX, 2));
	assert_false(link_ring_place_ok(LINK_RING_BYTES - 1, 2));
	assert_true(link_ring_place_ok(LINK_RING_BYTES - 2, 2));
}

/* Split rendering gives frames without bytes: several are under way, in any company. */
static void test_ring_of_empty_frames(void **state)
{
	struct link_ring r = {0};
	uint32_t at, before = 0;

	(void)state;
	for (unsigned i = 1; i <= LINK_RING_SLOTS; i++) {
		assert_int_equal(link_ring_put(&r, i % 4 == 3 ? 5000 : 0, i, &at), 0);
		assert_true(i == 1 || at > before);
		before = at;
	}
	assert_int_equal(link_ring_put(&r, 0, 99, &at), -ENOBUFS); /* no slot */
	assert_true(link_ring_taken(&r, LINK_RING_SLOTS));
	for (unsigned i = 1; i <= 100; i++) { /* two at a time, for ever */
		assert_int_equal(link_ring_put(&r, 0, 2 * i, &at), 0);
		assert_int_equal(link_ring_put(&r, 0, 2 * i + 1, &at), 0);
		assert_true(link_ring_taken(&r, 2 * i + 1));
	}
}

/* ---- messages ---- */

static struct link_msg frame(void)
{
	struct link_msg m = {.h = {LINK_FRAME, 7}};

	m.u.frame = (struct link_frame){.seq = 1, .offset = 64, .size = 1000, .views = 2};
	return m;
}

static const char *check(const struct link_msg *m, unsigned nfd, enum link_side from)
{
	return link_msg_check(m, link_msg_size(m->h.type), nfd, from);
}

static void test_frame_message(void **state)
{
	struct link_msg m = frame();

	(void)state;
	assert_null(check(&m, 0, LINK_FROM_FRONT));
	assert_non_null(check(&m, 1, LINK_FROM_FRONT)); /* a file descriptor too many */
	assert_non_null(check(&m, 0, LINK_FROM_PROC)); /* not its to send */
	assert_non_null(link_msg_check(&m, 4, 0, LINK_FROM_FRONT));
	assert_non_null(link_msg_check(&m, link_msg_size(LINK_FRAME) - 1, 0, LINK_FROM_FRONT));
	m.u.frame.camera[1].projection[15] = NAN;
	assert_non_null(check(&m, 0, LINK_FROM_FRONT));
	m = frame();
	m.u.frame.offset = LINK_RING_BYTES - 999;
	assert_non_null(check(&m, 0, LINK_FROM_FRONT));
	m = frame();
	m.u.frame.views = 3;
	assert_non_null(check(&m, 0, LINK_FROM_FRONT));
	m = frame();
	m.h.id = 0;
	assert_non_null(check(&m, 0, LINK_FROM_FRONT));
}

static void test_out_message(void **state)
{
	struct link_msg m = {.h = {LINK_OUT, 7}}, ok;

	(void)state;
	m.u.out = (struct link_out){
		.work = {.seq = 1}, .seq = 1, .size = 10, .width = 640, .height = 360};
	ok = m;
	assert_null(check(&m, 0, LINK_FROM_PROC));
	m.u.out.size = 0;
	assert_non_null(check(&m, 0, LINK_FROM_PROC));
	m = ok;
	m.u.out.size = ARMF_MAX_FRAME + 1;
	assert_non_null(check(&m, 0, LINK_FROM_PROC));
	m = ok;
	m.u.out.offset = UINT32_MAX - 5;
	assert_non_null(check(&m, 0, LINK_FROM_PROC));
	m = ok;
	m.u.out.width = 100000;
	assert_non_null(check(&m, 0, LINK_FROM_PROC));
	m = ok;
	m.u.out.pose[6] = INFINITY;
	assert_non_null(check(&m, 0, LINK_FROM_PROC));
	m = ok;
	m.u.out.work.fate = LINK_FATE_LATE;
	assert_non_null(check(&m, 0, LINK_FROM_PROC));
	assert_non_null(check(&ok, 1, LINK_FROM_PROC));
}

static void test_texts(void **state)
{
	struct link_msg m = {.h = {LINK_WANT_ASSET, 0}};

	(void)state;
	strcpy(m.u.want_asset.uri, "textures/wood.png");
	assert_null(check(&m, 0, LINK_FROM_PROC));
	memset(m.u.want_asset.uri, 'x', sizeof(m.u.want_asset.uri));
	assert_non_null(check(&m, 0, LINK_FROM_PROC));
	assert_false(link_uri_ok(""));
	assert_false(link_uri_ok("/etc/passwd"));
	assert_false(link_uri_ok("../x"));
	assert_false(link_uri_ok("a/../../x"));
	assert_false(link_uri_ok("http://x"));
	assert_false(link_uri_ok("a\\b"));
	assert_false(link_uri_ok("a\nb"));
	m = (struct link_msg){.h = {LINK_HELLO, 0}};
	assert_non_null(check(&m, 0, LINK_FROM_PROC)); /* of another build */
	m.u.hello.version = LINK_VERSION;
	assert_null(check(&m, 0, LINK_FROM_PROC));
	memset(m.u.hello.renderer, 'x', sizeof(m.u.hello.renderer));
	assert_non_null(check(&m, 0, LINK_FROM_PROC));
}

static void test_unknown_types(void **state)
{
	struct link_msg m = {0};

	(void)state;
	for (uint32_t t = 0; t < 200; t++) {
		m.h = (struct link_head){t, 1};
		if (link_msg_size(t) == 0)
			assert_non_null(link_msg_check(&m, sizeof(m), 0, LINK_FROM_FRONT));
		else
			assert_true(link_msg_size(t) <= sizeof(m));
	}
	m.h.type = UINT32_MAX;
	assert_non_null(link_msg_check(&m, sizeof(m), 0, LINK_FROM_PROC));
}

/* ---- the socket ---- */

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int i = 0; i < 256; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static void send_many_fds(int sock, unsigned n)
{
	struct link_msg m = frame();
	struct iovec iov = {&m, link_msg_size(LINK_FRAME)};
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(8 * sizeof(int))];
	} c;
	struct msghdr h = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = c.buf,
		.msg_controllen = CMSG_SPACE(n * sizeof(int))};
	int fds[8];

	for (unsigned i = 0; i < n; i++)
		fds[i] = STDERR_FILENO;
	memset(&c, 0, sizeof(c));
	c.align.cmsg_level = SOL_SOCKET;
	c.align.cmsg_type = SCM_RIGHTS;
	c.align.cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(&c.align), fds, n * sizeof(int));
	assert_true(sendmsg(sock, &h, 0) > 0);
}

static void test_socket(void **state)
{
	struct link_msg m = frame(), got;
	unsigned nfd, before;
	int pair[2], fd, n;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	before = open_fds();
	assert_int_equal(link_recv(pair[1], &got, &fd, &nfd, false), -EAGAIN);
	assert_int_equal(link_send(pair[0], &m, -1), 0);
	n = link_recv(pair[1], &got, &fd, &nfd, false);
	assert_null(link_msg_check(&got, (size_t)n, nfd, LINK_FROM_FRONT));
	assert_memory_equal(&m, &got, (size_t)n);
	assert_int_equal(link_send(pair[0], &m, STDERR_FILENO), 0);
	n = link_recv(pair[1], &got, &fd, &nfd, false);
	assert_int_equal(nfd, 1);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	for (unsigned k = 2; k <= 8; k++) { /* surplus ones stay nowhere */
		send_many_fds(pair[0], k);
		n = link_recv(pair[1], &got, &fd, &nfd, false);
		assert_non_null(link_msg_check(&got, (size_t)n, nfd, LINK_FROM_FRONT));
		if (fd >= 0)
			close(fd);
		assert_int_equal(open_fds(), before);
	}
	close(pair[0]);
	assert_int_equal(link_recv(pair[1], &got, &fd, &nfd, false), 0);
	assert_int_equal(link_send(pair[1], &m, -1), -EPIPE);
	close(pair[1]);
}

static void test_memory(void **state)
{
	int fd = link_memory("test", 8192), doc;

	(void)state;
	assert_true(fd >= 0);
	assert_true(link_memory_ok(fd, 8192));
	assert_false(link_memory_ok(fd, 8193));
	assert_int_equal(ftruncate(fd, 4096), -1); /* would be a SIGBUS for the other side */
	close(fd);
	doc = link_memory_of("test", AR_SPAN("hello"));
	assert_true(link_memory_ok(doc, 5));
	assert_int_equal(pwrite(doc, "x", 1, 0), -1);
	close(doc);
	assert_false(link_memory_ok(STDERR_FILENO, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_basics),
		cmocka_unit_test(test_ring_of_empty_frames),
		cmocka_unit_test(test_ring_against_a_model),
		cmocka_unit_test(test_frame_message),
		cmocka_unit_test(test_out_message),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_unknown_types),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
