/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends the queue of a connection and waits for the answers: one wait for all, and errors
 * with the kernel's own words. */
#include <assert.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "queue.h"

#define ANSWER_SIZE \
	32768 /* bytes: the most that the kernel puts into one answer of a dump */
#define DUMP_RETRIES_MAX 16
/* answers: in a pod's namespace others may send on and on */
#define DROPPED_MAX 4096
/* bytes, which the kernel doubles; a refusal takes some 800 */
#define ANSWER_ROOM 1024
#define ROOM_FOR    100 /* answers that a socket has room for anyway */

/* Receives one datagram of answers. Returns its length, or -errno. */
static int answer_receive(struct netlink *nl, char buffer[ANSWER_SIZE])
{
	struct sockaddr_nl sender = {};
	ssize_t len;

	/* In a pod's namespace somebody else than the kernel may send, too. */
	do
		len = recvfrom(nl->fd, buffer, ANSWER_SIZE, MSG_TRUNC,
			       (struct sockaddr *)&sender, &(socklen_t){sizeof(sender)});
	while ((len < 0 && errno == EINTR) || (len >= 0 && sender.nl_pid != 0));
	if (len < 0)
		return -errno;
	return len > ANSWER_SIZE ? -EMSGSIZE : (int)len;
}

/* Returns the text of the extended acknowledgement, or NULL. */
static const char *ext_ack_text(const struct nlmsghdr *header)
{
	const struct nlmsgerr *ack = nlmsg_data(header);
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];
	size_t skip = sizeof(*ack);
	struct nlattr *text;

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(ack->msg.nlmsg_len) - sizeof(ack->msg);
	if (nlmsg_parse((struct nlmsghdr *)header, skip, attrs, NLMSGERR_ATTR_MAX, NULL) <
	    0)
		return NULL;
	text = attrs[NLMSGERR_ATTR_MSG];
	if (!text || nla_len(text) < 1 ||
	    ((char *)nla_data(text))[nla_len(text) - 1] != '\0')
		return NULL;
	return nla_get_string(text);
}

static int refusal_set(const struct netlink *nl, const struct nlmsghdr *header,
		       struct cni_error *err)
{
	const struct nlmsgerr *ack = nlmsg_data(header);
	const struct queued *refused = &nl->queue[0];
	const char *text = ext_ack_text(header);
	int ret;

	for (size_t i = 0; i < nl->n; i++)
		if (queue_message(nl, i)->nlmsg_seq == header->nlmsg_seq)
			refused = &nl->queue[i];
	ret = error_errno(err, CNI_ERR_KERNEL, -ack->error, "%s", refused->what);
	if (refused->modules && (ret == -ENOENT || ret == -EOPNOTSUPP))
		error_wrap(err, "the kernel lacks a module (modprobe %s)",
			   refused->modules);
	if (text)
		error_details(err, "kernel: %s", text);
	return ret;
}

struct answers {
	netlink_answer_fn fn; /* NULL: acknowledgements only */
	void *data;
	/* The number of the first question. An answer to an earlier one was left by a
	 * wait that failed. */
	uint32_t first;
	uint32_t last; /* the message whose answer is the last one */
	/* The message that opens a batch; 0: it is no batch. If it is refused, there is
	 * no other answer. */
	uint32_t batch;
	int expected; /* this errno is an answer, not an error; 0: none is */
	int result; /* of the first refusal: -errno, or NETLINK_EXPECTED */
	bool single; /* one message answers it all */
	bool interrupted;
};

/* Takes an acknowledgement. The first refusal becomes the result. */
static void ack_take(const struct netlink *nl, const struct nlmsghdr *header,
		     struct answers *answers, struct cni_error *err)
{
	const struct nlmsgerr *ack = nlmsg_data(header);
	bool is_expected = -ack->error == answers->expected;

	if (!ack->error || answers->result)
		return;
	/* That there is none is an answer to a question that goes along with the last
	 * one. */
	if (is_expected && answers->fn && header->nlmsg_seq != answers->last)
		return;
	answers->result = is_expected ? NETLINK_EXPECTED : refusal_set(nl, header, err);
}

/* nfnetlink checks the sender's rights once for the whole datagram. If they don't
 * suffice, there is no other answer. */
static bool refused_whole(const struct netlink *nl, const struct nlmsghdr *header)
{
	const struct nlmsgerr *ack = nlmsg_data(header);

	return nl->protocol == NETLINK_FOR_NFTABLES && ack->error == -EPERM &&
	       header->nlmsg_seq == queue_message(nl, 0)->nlmsg_seq;
}

static int answer_unreadable(const struct netlink *nl, const struct answers *answers,
			     int ret, struct cni_error *err)
{
	if (answers->result < 0)
		return ret; /* the refusal has set @err */
	return error_set(err, CNI_ERR_KERNEL, -ret, "%s: the answer can't be read",
			 nl->queue[0].what);
}

#define ANSWERS_COMPLETE 1

/* Takes the answers of one datagram. 0: more are to come; ANSWERS_COMPLETE: the last one
 * was among them. Code 101 where @answers->fn can't read one, unless the kernel has
 * refused something before. */
static int answers_take(struct netlink *nl, struct nlmsghdr *header, int len,
			struct answers *answers, struct cni_error *err)
{
	for (; nlmsg_ok(header, len); header = nlmsg_next(header, &len)) {
		const struct nlmsgerr *ack = nlmsg_data(header);
		int ret;

		if (header->nlmsg_seq - answers->first > answers->last - answers->first)
			continue;
		if (header->nlmsg_flags & NLM_F_DUMP_INTR)
			answers->interrupted = true;
		if (header->nlmsg_type == NLMSG_ERROR &&
		    nlmsg_valid_hdr(header, sizeof(*ack))) {
			ack_take(nl, header, answers, err);
			if (header->nlmsg_seq == answers->last ||
			    (ack->error && header->nlmsg_seq == answers->batch) ||
			    refused_whole(nl, header))
				return ANSWERS_COMPLETE;
		} else if (header->nlmsg_type == NLMSG_DONE &&
			   header->nlmsg_seq == answers->last) {
			return ANSWERS_COMPLETE;
		} else if (answers->fn) {
			ret = answers->fn(header, answers->data);
			if (ret < 0)
				return answer_unreadable(nl, answers, ret, err);
			if (answers->single)
				return ANSWERS_COMPLETE;
		}
	}
	return 0;
}

void answers_drop(const struct netlink *nl)
{
	char byte;

	for (int i = 0; i < DROPPED_MAX; i++)
		if (recv(nl->fd, &byte, 1, MSG_DONTWAIT) < 0 && errno != EINTR &&
		    errno != ENOBUFS)
			return;
}

static int answers_await(struct netlink *nl, struct answers *answers,
			 struct cni_error *err)
{
	/* A buffer on the stack would be touched page by page
	 * (-fstack-clash-protection). */
	_cleanup_(free_p) char *buffer = malloc(ANSWER_SIZE);
	int ret, len;

	if (!buffer)
		return error_oom(err);
	do {
		len = answer_receive(nl, buffer);
		if (len < 0) {
			answers_drop(nl);
			if (answers->result < 0)
				return answers->result;
			return error_errno(err, CNI_ERR_KERNEL, -len,
					   "%s: the kernel's answer", nl->queue[0].what);
		}
		ret = answers_take(nl, (struct nlmsghdr *)buffer, len, answers, err);
	} while (ret == 0);
	return ret < 0 ? ret : answers->result;
}

/* The kernel answers every refusal, and success where it is asked to: only the last
 * message asks, so that one wait is enough. */
static int commit(struct netlink *nl, struct nlmsghdr *last, struct answers *answers,
		  struct cni_error *err)
{
	int ret;

	last->nlmsg_flags |= NLM_F_ACK;
	answers->first = queue_message(nl, 0)->nlmsg_seq;
	answers->last = last->nlmsg_seq;
	ret = queue_send(nl, err);
	return ret < 0 ? ret : answers_await(nl, answers, err);
}

int netlink_commit(struct netlink *nl, struct cni_error *err)
{
	struct answers answers = {};
	int ret = 0;

	if (nl->failed)
		ret = error_oom(err);
	else if (nl->n > 0)
		ret = commit(nl, queue_message(nl, nl->n - 1), &answers, err);
	queue_clear(nl);
	return ret;
}

/* Each message of a batch may be refused, and an answer that finds no room is lost. That
 * may be the last one, which is waited for. */
static void make_room(const struct netlink *nl)
{
	int bytes = (int)nl->n * ANSWER_ROOM;

	if (nl->n > ROOM_FOR)
		(void)setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
				 sizeof(bytes));
}

int netlink_commit_batch(struct netlink *nl, int expected, struct cni_error *err)
{
	struct answers answers = {.expected = expected};
	int ret;

	assert(nl->failed || nl->n > 2);
	if (nl->failed) {
		ret = error_oom(err);
	} else {
		make_room(nl);
		answers.batch = queue_message(nl, 0)->nlmsg_seq;
		ret = commit(nl, queue_message(nl, nl->n - 2), &answers, err);
	}
	queue_clear(nl);
	return ret;
}

static bool is_single(const struct netlink *nl, const struct nlmsghdr *question)
{
	return nl->protocol == NETLINK_FOR_ROUTE &&
	       !(question->nlmsg_flags & NLM_F_DUMP) &&
	       (question->nlmsg_type == RTM_GETLINK ||
		question->nlmsg_type == RTM_GETROUTE);
}

int netlink_request(struct netlink *nl, netlink_answer_fn fn, void *data, int expected,
		    struct cni_error *err)
{
	int ret = 0;

	assert(nl->failed || nl->n > 0);
	if (nl->failed)
		ret = error_oom(err);
	for (int i = 0; ret == 0; i++) {
		struct answers answers = {
			.fn = fn,
			.data = data,
			.expected = expected,
		};
		struct nlmsghdr *last = queue_message(nl, nl->n - 1);

		answers.first = nl->seq + 1;
		for (size_t k = 0; k < nl->n; k++)
			queue_message(nl, k)->nlmsg_seq = ++nl->seq;
		answers.last = nl->seq;
		/* A dump ends in NLMSG_DONE. A link or a route is one message. Other
		 * answers end in an acknowledgement, which has to be asked for. */
		answers.single = nl->n == 1 && is_single(nl, last);
		if (!answers.single && !(last->nlmsg_flags & NLM_F_DUMP))
			last->nlmsg_flags |= NLM_F_ACK;
		fn(NULL, data);
		ret = queue_send(nl, err);
		if (ret == 0)
			ret = answers_await(nl, &answers, err);
		if (ret != 0 || !answers.interrupted)
			break;
		if (i == DUMP_RETRIES_MAX)
			ret = error_set(
				err, CNI_ERR_TRY_AGAIN, EAGAIN,
				"%s: the kernel's list changes too quickly to be read",
				nl->queue[0].what);
	}
	queue_clear(nl);
	return ret;
}
