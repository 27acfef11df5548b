/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one packet costs between two ends, in nanoseconds:
 *
 *   packets serve PORT                      answers all of these, one client after the other, for ever
 *   packets pingpong ADDRESS PORT COUNT     one byte there and back, by TCP, so many times
 *   packets connections ADDRESS PORT COUNT  so many connections of TCP, one after the other: each is
 *                                           opened, sends a byte, gets one and is reset
 *   packets stream ADDRESS PORT COUNT       so many datagrams of 64 bytes there
 *
 * Printed are the mean, the median and the 99th percentile; of a stream, whose datagrams are not
 * timed one by one, the mean alone. Of a stream no more than WINDOW datagrams are on their way, so
 * that none is dropped and the receiver has its turn. Addresses are IPv4's. A tenth more goes
 * before, uncounted.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define WINDOW 64
#define ANSWERED \
	32 /* the receiver answers each so-many-th datagram; WINDOW has two of these */
#define SIZE 64

static int open_socket(int type)
{
	int sock = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (sock < 0)
		err(1, "socket");
	return sock;
}

static void set(int sock, int level, int option, const void *value, socklen_t size)
{
	if (setsockopt(sock, level, option, value, size) < 0)
		err(1, "setsockopt");
}

static void at_once(int sock)
{
	set(sock, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static void bind_to(int sock, const struct sockaddr_in *address)
{
	set(sock, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(sock, (const struct sockaddr *)address, sizeof(*address)) < 0)
		err(1, "bind");
}

static _Noreturn void serve_pingpong(const struct sockaddr_in *address)
{
	int listener = open_socket(SOCK_STREAM);

	bind_to(listener, address);
	if (listen(listener, 8) < 0)
		err(1, "listen");
	for (;;) {
		int sock = accept(listener, NULL, NULL);
		char byte;

		if (sock < 0)
			err(1, "accept");
		at_once(sock);
		while (read(sock, &byte, 1) == 1 && write(sock, &byte, 1) == 1)
			;
		close(sock);
	}
}

static _Noreturn void serve_stream(const struct sockaddr_in *address)
{
	int sock = open_socket(SOCK_DGRAM);

	bind_to(sock, address);
	for (;;) {
		struct sockaddr_in from;
		uint32_t data[SIZE / sizeof(uint32_t)];
		socklen_t size = sizeof(from);

		if (recvfrom(sock, data, SIZE, 0, (struct sockaddr *)&from, &size) !=
		    SIZE)
			err(1, "recvfrom");
		if (data[0] % ANSWERED == ANSWERED - 1 &&
		    sendto(sock, data, sizeof(data[0]), 0, (struct sockaddr *)&from,
			   size) < 0)
			err(1, "sendto");
	}
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int connect_to(int type, const struct sockaddr_in *address)
{
	int sock = open_socket(type);

	set(sock, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 5},
	    sizeof(struct timeval));
	if (connect(sock, (const struct sockaddr *)address, sizeof(*address)) < 0)
		err(1, "connect");
	if (type == SOCK_STREAM)
		at_once(sock);
	return sock;
}

static void one_byte(int sock)
{
	char byte = 0;

	if (write(sock, &byte, 1) != 1 || read(sock, &byte, 1) != 1)
		err(1, "one byte there and back");
}

/* @took gets the time of each. */
static void pingpong(const struct sockaddr_in *address, uint32_t count, int64_t took[])
{
	int sock = connect_to(SOCK_STREAM, address);

	for (uint32_t i = 0; i < count; i++) {
		int64_t start = now();

		one_byte(sock);
		took[i] = now() - start;
	}
	close(sock);
}

/* A connection that is reset leaves no port behind that has to wait. */
static void connections(const struct sockaddr_in *address, uint32_t count, int64_t took[])
{
	for (uint32_t i = 0; i < count; i++) {
		int64_t start = now();
		int sock = connect_to(SOCK_STREAM, address);

		one_byte(sock);
		set(sock, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
		    sizeof(struct linger));
		close(sock);
		took[i] = now() - start;
	}
}

static int ascending(const void *a, const void *b)
{
	const int64_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static void measure_each(void (*run)(const struct sockaddr_in *, uint32_t, int64_t[]),
			 const struct sockaddr_in *address, uint32_t count)
{
	int64_t *took = calloc(count, sizeof(*took)), sum = 0;

	if (!took)
		err(1, "calloc");
	run(address, count / 10, took);
	run(address, count, took);
	for (uint32_t i = 0; i < count; i++)
		sum += took[i];
	qsort(took, count, sizeof(*took), ascending);
	printf("%lld %lld %lld\n", (long long)(sum / count), (long long)took[count / 2],
	       (long long)took[(uint64_t)count * 99 / 100]);
	free(took);
}

/*
 * Answers may come in another order: packets of a process that goes to another processor overtake
 * those that it sent before. One that doesn't come at all is a failure.
 */
static void await_answer(int sock)
{
	uint32_t number;

	if (recv(sock, &number, sizeof(number), 0) != sizeof(number))
		err(1, "an answer");
}

/* @count is a multiple of ANSWERED. */
static void stream(int sock, uint32_t count)
{
	uint32_t data[SIZE / sizeof(uint32_t)] = {0}, answered = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (i - answered == WINDOW) {
			await_answer(sock);
			answered += ANSWERED;
		}
		data[0] = i;
		if (send(sock, data, SIZE, 0) != SIZE)
			err(1, "datagram %u", i);
	}
	for (; answered < count; answered += ANSWERED)
		await_answer(sock);
}

static void measure_stream(const struct sockaddr_in *address, uint32_t count)
{
	int sock = connect_to(SOCK_DGRAM, address);
	int64_t start;

	stream(sock, count / 10 / ANSWERED * ANSWERED);
	start = now();
	stream(sock, count);
	printf("%lld\n", (long long)((now() - start) / count));
	close(sock);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	uint32_t count;

	if (argc == 3 && strcmp(argv[1], "serve") == 0) {
		address.sin_port = htons((uint16_t)atoi(argv[2]));
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL); /* who ends one, ends both */
			serve_stream(&address);
		}
		serve_pingpong(&address);
	}
	if (argc != 5)
		errx(2, "usage: packets serve PORT | "
			"pingpong|connections|stream ADDRESS PORT COUNT");
	address.sin_port = htons((uint16_t)atoi(argv[3]));
	count = (uint32_t)atoi(argv[4]) / ANSWERED * ANSWERED;
	if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1 || !count)
		errx(2, "an IPv4 address, a port and a count of at least %d are wanted",
		     ANSWERED);
	if (strcmp(argv[1], "stream") == 0)
		measure_stream(&address, count);
	else if (strcmp(argv[1], "pingpong") == 0)
		measure_each(pingpong, &address, count);
	else if (strcmp(argv[1], "connections") == 0)
		measure_each(connections, &address, count);
	else
		errx(2, "%s: this is not measured", argv[1]);
	return 0;
}
