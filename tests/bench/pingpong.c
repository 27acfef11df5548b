/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One byte there and back, over and over, by TCP:
 *
 *   pingpong serve PORT             answers one connection after the other, for ever
 *   pingpong ADDRESS PORT ROUNDS    prints the nanoseconds of one round
 *
 * Addresses are IPv4's. The first tenth of the rounds is not counted.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void at_once(int sock)
{
	if (setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) < 0)
		err(1, "TCP_NODELAY");
}

static int serve(int listener, const struct sockaddr_in *address)
{
	if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
	    bind(listener, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
	    listen(listener, 8) < 0)
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

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void play(int sock, long rounds)
{
	char byte = 0;

	for (long i = 0; i < rounds; i++)
		if (write(sock, &byte, 1) != 1 || read(sock, &byte, 1) != 1)
			err(1, "round %ld", i);
}

int main(int argc, char **argv)
{
	bool server = argc == 3 && strcmp(argv[1], "serve") == 0;
	struct sockaddr_in address = {.sin_family = AF_INET};
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int64_t start;
	long rounds;

	if (sock < 0)
		err(1, "socket");
	if (!server && argc != 4)
		errx(2, "usage: pingpong serve PORT | pingpong ADDRESS PORT ROUNDS");
	address.sin_port = htons((uint16_t)atoi(argv[2]));
	if (server)
		return serve(sock, &address);
	rounds = atol(argv[3]);
	if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1 || rounds < 1)
		errx(2, "an address, a port and a number of rounds are wanted");
	if (connect(sock, (const struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "connect");
	at_once(sock);
	play(sock, rounds / 10);
	start = now();
	play(sock, rounds);
	printf("%lld\n", (long long)((now() - start) / rounds));
	return 0;
}
