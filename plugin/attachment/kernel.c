/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers IPAM: the boot ID, cookies of namespaces, and whether an attachment is still
 * there. */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "ipam/store/record.h"
#include "plugin/switch/switch.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

void kernel_boot_only(struct kernel *ret_kernel)
{
	_cleanup_(close_p) int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);
	char *text = ret_kernel->boot_id;
	ssize_t n;

	memset(ret_kernel, 0, sizeof(*ret_kernel));
	n = fd < 0 ? -1 : read(fd, text, BOOT_ID_MAX - 1);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	ret_kernel->ipam.boot_id = text;
}

static const struct kernel *of(const struct ipam_kernel *kernel)
{
	return kernel->data;
}

static bool lost_netns(const struct ipam_kernel *kernel, const struct record *record)
{
	const struct node *node = of(kernel)->node;
	_cleanup_(close_p) int fd = -1;
	uint64_t cookie = 0;
	int ret;

	if (!record->netns[0])
		return false;
	ret = pod_ns_open_fd(record->netns, &fd);
	/* An unclean unmount leaves a plain file (EMEDIUMTYPE). */
	if (ret == -ENOENT || ret == -ENOTDIR || ret == -EMEDIUMTYPE)
		return true;
	if (ret < 0)
		return false;
	if (record->cookie != 0)
		cookie = pod_ns_cookie(node, fd);
	return cookie != 0 && cookie != record->cookie;
}

static bool has_interface(const struct ipam_kernel *kernel, const struct record *record)
{
	return switch_liveness(record->switch_kind)
		->has_interface(of(kernel)->node, record);
}

static bool has_renamed(const struct ipam_kernel *kernel, const struct record *record)
{
	return switch_liveness(record->switch_kind)
		->has_renamed(of(kernel)->node, record);
}

static uint64_t node_cookie(const struct ipam_kernel *kernel)
{
	const struct node *node = of(kernel)->node;

	return netlink_cookie(node->rtnl);
}

static uint64_t netns_cookie(const struct ipam_kernel *kernel)
{
	const struct pod_ns *pod_ns = of(kernel)->pod_ns;

	return pod_ns && pod_ns->rtnl ? netlink_cookie(pod_ns->rtnl) : 0;
}

void kernel_open(struct node *node, struct kernel *ret_kernel)
{
	kernel_boot_only(ret_kernel);
	ret_kernel->ipam.netns_cookie = netns_cookie;
	ret_kernel->ipam.node_cookie = node_cookie;
	ret_kernel->ipam.has_interface = has_interface;
	ret_kernel->ipam.has_renamed = has_renamed;
	ret_kernel->ipam.lost_netns = lost_netns;
	ret_kernel->node = node;
	ret_kernel->ipam.data = ret_kernel;
}
