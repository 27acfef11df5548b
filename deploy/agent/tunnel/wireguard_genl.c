/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libnl sends and receives; callbacks keep the kernel's errno, and tell of an interrupted
 * dump. */
#include "wireguard_genl.h"

#include <errno.h>
#include <linux/wireguard.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <string.h>

/* Bytes of a message to the kernel. An attribute, such as the list of peers, has at most
 * 65,535. */
#define MESSAGE_SIZE	 16384
#define DUMP_RETRIES_MAX 16

struct wireguard_genl {
	struct nl_sock *sock;
	int family; /* the number that the kernel has given to the name */
	/* Of the request that is under way: */
	int errnum; /* the kernel's, or that of @fn; 0: none */
	bool interrupted; /* the kernel's list has changed during a dump */
	wireguard_genl_fn fn;
	void *data;
};

static int refused(struct sockaddr_nl *kernel, struct nlmsgerr *ack, void *data)
{
	struct wireguard_genl *genl = data;

	(void)kernel;
	genl->errnum = -ack->error;
	return NL_STOP;
}

/* The message that ends a dump carries the error of a dump that broke off. */
static int finished(struct nl_msg *msg, void *data)
{
	struct wireguard_genl *genl = data;
	const struct nlmsghdr *header = nlmsg_hdr(msg);
	int status;

	if (nlmsg_datalen(header) >= (int)sizeof(status)) {
		memcpy(&status, nlmsg_data(header), sizeof(status));
		if (status < 0)
			genl->errnum = -status;
	}
	return NL_STOP;
}

static int interrupted(struct nl_msg *msg, void *data)
{
	struct wireguard_genl *genl = data;

	(void)msg;
	genl->interrupted = true;
	return NL_OK;
}

static int answered(struct nl_msg *msg, void *data)
{
	struct wireguard_genl *genl = data;
	struct nlattr *attrs[WGDEVICE_A_MAX + 1];
	int ret;

	/* The rest of a dump is read to its end after an error, too. */
	if (genl->errnum)
		return NL_OK;
	ret = genlmsg_parse(nlmsg_hdr(msg), 0, attrs, WGDEVICE_A_MAX, NULL) < 0
		      ? -EBADMSG
		      : genl->fn(attrs, genl->data);
	if (ret < 0)
		genl->errnum = -ret;
	return NL_OK;
}

static int callbacks_set(struct wireguard_genl *genl)
{
	int ret = nl_socket_modify_err_cb(genl->sock, NL_CB_CUSTOM, refused, genl);

	if (ret == 0)
		ret = nl_socket_modify_cb(genl->sock, NL_CB_VALID, NL_CB_CUSTOM, answered,
					  genl);
	if (ret == 0)
		ret = nl_socket_modify_cb(genl->sock, NL_CB_FINISH, NL_CB_CUSTOM,
					  finished, genl);
	if (ret == 0)
		ret = nl_socket_modify_cb(genl->sock, NL_CB_DUMP_INTR, NL_CB_CUSTOM,
					  interrupted, genl);
	return ret;
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
	ret = callbacks_set(genl);
	if (ret < 0)
		return error_set(err, CNI_ERR_INTERNAL, EINVAL,
				 "setting up a generic netlink socket: %s",
				 nl_geterror(ret));
	*ret_genl = TAKE_PTR(genl);
	return 0;
}

void wireguard_genl_close(struct wireguard_genl *genl)
{
	if (!genl)
		return;
	nl_socket_free(genl->sock);
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

/* Sends the message and takes what comes until its end. @ret of libnl is told where the
 * kernel has said nothing. */
static int exchange(struct wireguard_genl *genl, struct nl_msg *msg, bool dump,
		    const char *what, struct cni_error *err)
{
	int ret;

	genl->errnum = 0;
	genl->interrupted = false;
	ret = nl_send_auto(genl->sock, msg);
	if (ret >= 0)
		ret = dump ? nl_recvmsgs_default(genl->sock)
			   : nl_wait_for_ack(genl->sock);
	if (genl->errnum)
		return error_errno(err, CNI_ERR_KERNEL, genl->errnum, "%s", what);
	if (ret < 0)
		return error_set(err, CNI_ERR_KERNEL, EIO, "%s: %s", what,
				 nl_geterror(ret));
	return 0;
}

int wireguard_genl_change(struct wireguard_genl *genl, struct nl_msg *msg,
			  const char *what, struct cni_error *err)
{
	return exchange(genl, msg, false, what, err);
}

int wireguard_genl_dump(struct wireguard_genl *genl, unsigned int index,
			wireguard_genl_fn fn, void *data, const char *what,
			struct cni_error *err)
{
	int ret = 0;

	genl->fn = fn;
	genl->data = data;
	for (int i = 0; ret == 0; i++) {
		struct nl_msg *msg = wireguard_genl_begin(genl, WG_CMD_GET_DEVICE, index);

		if (!msg)
			return error_oom(err);
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_DUMP;
		(void)fn(NULL, data);
		ret = exchange(genl, msg, true, what, err);
		nlmsg_free(msg);
		if (ret < 0 || !genl->interrupted)
			break;
		if (i == DUMP_RETRIES_MAX)
			ret = error_set(err, CNI_ERR_TRY_AGAIN, EAGAIN,
					"%s: the peers change too quickly to be read",
					what);
	}
	return ret;
}
