/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts over HTTPS: the certificate must be good, and that host's. */
#include "bench.h"
#include "common/daemon/ar_clock.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static struct bench b;
static SSL_CTX *ctx;
static struct evhttp *http;
static uint16_t port;
static unsigned requests;
static char ca_file[64], url[100];

/* A certificate of its own for these names. */
static X509 *make_certificate(EVP_PKEY *key, const char *names)
{
	X509 *x = X509_new();
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
		(const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	assert_non_null(san);
	X509_add_ext(x, san, -1);
	X509_EXTENSION_free(san);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

static void on_request(struct evhttp_request *rq, void *arg)
{
	struct evbuffer *out = evbuffer_new();

	(void)arg;
	requests++;
	evbuffer_add_printf(out, "{\"tier\":\"gold\"}");
	evhttp_send_reply(rq, 200, "OK", out);
	evbuffer_free(out);
}

static struct bufferevent *tls_connection(struct event_base *base, void *arg)
{
	(void)arg;
	return bufferevent_openssl_socket_new(
		base, -1, SSL_new(ctx), BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
}

static void start_server(const char *names)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = make_certificate(key, names);
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	FILE *f = fopen(ca_file, "w");

	PEM_write_X509(f, x);
	fclose(f);
	ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(ctx, x);
	SSL_CTX_use_PrivateKey(ctx, key);
	X509_free(x);
	EVP_PKEY_free(key);
	http = evhttp_new(b.base);
	evhttp_set_bevcb(http, tls_connection, NULL);
	evhttp_set_gencb(http, on_request, NULL);
	struct evhttp_bound_socket *s = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
	assert_non_null(s);
	getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&sin, &len);
	port = ntohs(sin.sin_port);
}

static int setup(void **state)
{
	(void)state;
	bench_init(&b);
	snprintf(ca_file, sizeof(ca_file), "/tmp/test_lookup_ca.%d", (int)getpid());
	requests = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lookup_free(b.l);
	b.l = NULL;
	evhttp_free(http);
	bench_close(&b);
	SSL_CTX_free(ctx);
	unlink(ca_file);
	return 0;
}

static void tier(const char *host, const char *ca)
{
	struct lookup_fact_conf *c = bench_fact(&b, "tier", "http");

	snprintf(url, sizeof(url), "https://%s:%u/{caller.user}", host, port);
	c->url = url;
	c->pointer = (char *)(uintptr_t) "/tier";
	c->ca_file = (char *)(uintptr_t)ca;
	c->ttl_s = 0;
	c->timeout_ms = 2000;
	b.deadline_ms = 3000;
	bench_open(&b);
}

static void good_by_name(void **state)
{
	(void)state;
	start_server("DNS:localhost");
	tier("localhost", ca_file);
	for (unsigned i = 0; i < 5; i++)
		assert_ok(bench_ask(&b, "sip:alice@x", "tier"), "gold");
	assert_int_equal(requests, 5);
}

static void good_by_address(void **state)
{
	(void)state;
	start_server("IP:127.0.0.1");
	tier("127.0.0.1", ca_file);
	assert_ok(bench_ask(&b, "sip:alice@x", "tier"), "gold");
}

static void another_host(void **state)
{
	(void)state;
	start_server("DNS:other.example,IP:127.0.0.2");
	tier("localhost", ca_file);
	assert_failed(bench_ask(&b, "sip:alice@x", "tier"), "unreachable");
	assert_int_equal(requests, 0);
}

static void unknown_issuer(void **state)
{
	(void)state;
	start_server("DNS:localhost");
	tier("localhost", NULL);
	assert_failed(bench_ask(&b, "sip:alice@x", "tier"), "unreachable");
	assert_int_equal(requests, 0);
}

static void no_certificates_in_the_file(void **state)
{
	struct lookup_fact_conf *c;
	char *why;

	(void)state;
	start_server("DNS:localhost");
	c = bench_fact(&b, "tier", "http");
	c->url = (char *)(uintptr_t) "https://localhost/";
	c->ca_file = (char *)(uintptr_t) "/dev/null";
	why = bench_open_error(&b);
	assert_non_null(strstr(why, "/dev/null: no certificates in it"));
	free(why);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(good_by_name), T(good_by_address), T(another_host),
		T(unknown_issuer), T(no_certificates_in_the_file)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
