/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libnl makes and sends the messages. Answers are received here: they may have the
 * device's private key in them, and libnl frees its buffers with what they held. */
#include "wireguard_genl.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Bytes of a message to the kernel. An attribute, such as the list of peers, has at most
 * 65,535. */
#define MESSAGE_SIZE 16384
/* Bytes of an answer: the kernel fills at most 32 KiB at once, with its own overhead. */
#define ANSWER_SIZE	 32768
#define DUMP_RETRIES_MAX 16

struct wireguard_genl {
	struct nl_sock *sock;
	int family; /* the number that the kernel has given to the name */
	_Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
};

/* A request, and what its answers have told so far. */
struct exchange {
	uint32_t seq; /* the number that the answers have, too */
	wireguard_genl_fn fn; /* NULL: it is no dump */
	void *data;
	bool ended;
	int errnum; /* the kernel's, or that of @fn; 0: none */
	bool interrupted; /* the kernel's list has changed during a dump */
};

/* The status of an acknowledgement, or of the message that ends a dump. */
static void take_status(struct exchange *exchange, const struct nlmsghdr *header)
{
	int status = 0;

	if (nlmsg_datalen(header) >= (int)sizeof(status))
		memcpy(&status, nlmsg_data(header), sizeof(status));
	exchange->ended = true;
	if (status < 0 && !exchange->errnum)
		exchange->errnum = -status;
}

static void take_attributes(struct exchange *exchange, struct nlmsghdr *header)
{
	struct nlattr *attrs[WGDEVICE_A_MAX + 1];
	int ret;

	/* The rest of a dump is read to its end after an error, too. */
	if (exchange->errnum || !exchange->fn)
		return;
	ret = genlmsg_parse(header, 0, attrs, WGDEVICE_A_MAX, NULL) < 0
		      ? -EBADMSG
		      : exchange->fn(attrs, exchange->data);
	if (ret < 0)
		exchange->errnum = -ret;
}

static void take_message(struct exchange *exchange, struct nlmsghdr *header)
{
	if (header->nlmsg_seq != exchange->seq || exchange->ended)
		return;
	if (header->nlmsg_flags & NLM_F_DUMP_INTR)
		exchange->interrupted = true;
	if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE)
		take_status(exchange, header);
	else if (header->nlmsg_type >= NLMSG_MIN_TYPE)
		take_attributes(exchange, header);
}

/* Receives what the kernel says until the exchange has ended. Returns -errno where it
 * can't be received. */
static int receive(struct wireguard_genl *genl, struct exchange *exchange)
{
	while (!exchange->ended) {
		struct sockaddr_nl from = {};
		socklen_t from_len = sizeof(from);
		ssize_t len = recvfrom(nl_socket_get_fd(genl->sock), genl->answer,
				       sizeof(genl->answer), MSG_TRUNC, (void *)&from,
				       &from_len);
		struct nlmsghdr *header = (void *)genl->answer;
		int left = (int)len;

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		if ((size_t)len > sizeof(genl->answer))
			return -EMSGSIZE;
		/* Another process can send to this socket as well. */
		for (; from.nl_pid == 0 && nlmsg_ok(header, left);
		     header = nlmsg_next(header, &left))
			take_message(exchange, header);
	}
	return -exchange->errnum;
}

int wireguard_genl_open(struct wireguard_genl **ret_genl, struct cni_error *err)
{
	_cleanup_(wireguard_genl_closep) struct wireguard_genl *genl =
		calloc(1, sizeof(*genl));
	int ret;

	if (!genl)
		return error_oom(err);
	genl->sock = nl_socket_alloc();
	if (!genl->sock)
		return error_oom(err);
	ret = genl_connect(genl->sock);
	if (ret < 0)
		return error_set(err, CNI_ERR_KERNEL, EIO,
				 "opening a generic netlink socket: %s",
				 nl_geterror(ret));
	/* The kernel loads the module when it is asked for the family. */
	genl->family = genl_ctrl_resolve(genl->sock, WG_GENL_NAME);
	if (genl->family < 0)
		return error_set(err, CNI_ERR_KERNEL, EOPNOTSUPP,
				 "the kernel lacks a module (modprobe wireguard): "
				 "generic netlink's family " WG_GENL_NAME ": %s",
				 nl_geterror(genl->family));
	*ret_genl = TAKE_PTR(genl);
	return 0;
}

void wireguard_genl_close(struct wireguard_genl *genl)
{
	if (!genl)
		return;
	nl_socket_free(genl->sock);
	explicit_bzero(genl, sizeof(*genl));
	free(genl);
}

struct nl_msg *wireguard_genl_begin(const struct wireguard_genl *genl, uint8_t command,
				    unsigned int index)
{
	struct nl_msg *msg = nlmsg_alloc_size(MESSAGE_SIZE);

	if (msg &&
	    genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, genl->family, 0, NLM_F_REQUEST,
			command, WG_GENL_VERSION) &&
	    nla_put_u32(msg, WGDEVICE_A_IFINDEX, index) == 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

void wireguard_genl_free(struct nl_msg *msg)
{
	if (msg)
		explicit_bzero(nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
	nlmsg_free(msg);
}

/* Sends the message and takes what comes until its end. */
static int run(struct wireguard_genl *genl, struct nl_msg *msg, struct exchange *exchange,
	       const char *what, struct cni_error *err)
{
	int ret = nl_send_auto(genl->sock, msg);

	if (ret < 0)
		return error_set(err, CNI_ERR_KERNEL, EIO, "%s: %s", what,
				 nl_geterror(ret));
	exchange->seq = nlmsg_hdr(msg)->nlmsg_seq;
	ret = receive(genl, exchange);
	return ret < 0 ? error_errno(err, CNI_ERR_KERNEL, -ret, "%s", what) : 0;
}

int wireguard_genl_change(struct wireguard_genl *genl, struct nl_msg *msg,
			  const char *what, struct cni_error *err)
{
	struct exchange exchange = {};

	return run(genl, msg, &exchange, what, err);
}

int wireguard_genl_dump(struct wireguard_genl *genl, unsigned int index,
			wireguard_genl_fn fn, void *data, const char *what,
			struct cni_error *err)
{
	for (int i = 0; i <= DUMP_RETRIES_MAX; i++) {
		struct nl_msg *msg = wireguard_genl_begin(genl, WG_CMD_GET_DEVICE, index);
		struct exchange exchange = {.fn = fn, .data = data};
		int ret;

		if (!msg)
			return error_oom(err);
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_DUMP;
		(void)fn(NULL, data);
		ret = run(genl, msg, &exchange, what, err);
		nlmsg_free(msg);
		if (ret < 0 || !exchange.interrupted)
			return ret;
	}
	return error_set(err, CNI_ERR_TRY_AGAIN, EAGAIN,
			 "%s: the peers change too quickly to be read", what);
}
