/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor of ADD and DEL: a process that sends the kernel what bridge-cni makes it change
 * for a pod, packed by hand, and nothing else. It asks nothing, reads no configuration, keeps
 * no store, takes no lock, prints no result. Any other CNI_COMMAND: an empty process.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static char datagram[4096];
static size_t used;
static struct nlmsghdr *message;

static void put_raw(const void *data, size_t len)
{
	memcpy(datagram + used, data, len);
	used += NLMSG_ALIGN(len);
	if (message)
		message->nlmsg_len = datagram + used - (char *)message;
}

static void begin(int type, int flags, const void *header, size_t len)
{
	struct nlmsghdr next = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags};

	message = (struct nlmsghdr *)(datagram + used);
	put_raw(&next, sizeof(next));
	put_raw(header, len);
}

static void put(int type, const void *data, size_t len)
{
	struct rtattr attr = {.rta_type = type, .rta_len = RTA_LENGTH(len)};

	put_raw(&attr, sizeof(attr));
	put_raw(data, len);
}

static void put_u32(int type, uint32_t value)
{
	put(type, &value, sizeof(value));
}

static void put_text(int type, const char *text)
{
	put(type, text, strlen(text) + 1);
}

static struct rtattr *nest(int type)
{
	struct rtattr *start = (struct rtattr *)(datagram + used);

	put(NLA_F_NESTED | type, NULL, 0);
	return start;
}

static void nest_end(struct rtattr *start)
{
	start->rta_len = datagram + used - (char *)start;
}

static void must(int good, const char *what)
{
	if (good)
		return;
	(void)!write(STDOUT_FILENO, what, strlen(what));
	_exit(1);
}

/* One send, one wait: for the answer to @last. */
static void commit(int fd, struct nlmsghdr *last, const char *what)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr ack;
		char rest[4096];
	} answer;

	last->nlmsg_flags |= NLM_F_ACK;
	must(send(fd, datagram, used, 0) == (ssize_t)used, what);
	must(recv(fd, &answer, sizeof(answer), 0) > 0 && answer.ack.error == 0, what);
	used = 0;
	message = NULL;
}

static int connection(int protocol)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
}

static int index_of(int fd, const char *name)
{
	struct ifreq request = {};

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	must(ioctl(fd, SIOCGIFINDEX, &request) == 0, "SIOCGIFINDEX");
	return request.ifr_ifindex;
}

static void put_end(const char *name, const uint8_t mac[6])
{
	put_text(IFLA_IFNAME, name);
	put(IFLA_ADDRESS, mac, 6);
	put_u32(IFLA_MTU, 1500);
	put_u32(IFLA_NUM_TX_QUEUES, 1);
	put_u32(IFLA_NUM_RX_QUEUES, 1);
}

static void veth_add(int fd, const char *host, const char *ifname, int pod_ns,
		     const uint8_t address[4])
{
	const uint8_t mac[6] = {0x0a,	    0x58,	address[0],
				address[1], address[2], address[3]};
	const uint8_t host_mac[6] = {0xfe,	 0,	     address[0],
				     address[1], address[2], address[3]};
	struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP}, none = {};
	struct rtattr *info, *data, *peer;

	begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof(up));
	put_end(host, host_mac);
	put_u32(IFLA_MASTER, index_of(fd, getenv("FLOOR_BRIDGE")));
	info = nest(IFLA_LINKINFO);
	put_text(IFLA_INFO_KIND, "veth");
	data = nest(IFLA_INFO_DATA);
	peer = nest(VETH_INFO_PEER);
	put_raw(&none, sizeof(none));
	put_end(ifname, mac);
	put_u32(IFLA_NET_NS_FD, pod_ns);
	nest_end(peer);
	nest_end(data);
	nest_end(info);

	begin(RTM_NEWLINK, 0, &none, sizeof(none));
	put_text(IFLA_IFNAME, host);
	put_text(IFLA_IFALIAS, "the floor of what an ADD costs");
	info = nest(IFLA_LINKINFO);
	put_text(IFLA_INFO_SLAVE_KIND, "bridge");
	data = nest(IFLA_INFO_SLAVE_DATA);
	put(IFLA_BRPORT_MODE, &(uint8_t){1}, 1);
	nest_end(data);
	nest_end(info);
	info = nest(IFLA_AF_SPEC);
	data = nest(AF_INET6);
	put(IFLA_INET6_ADDR_GEN_MODE, &(uint8_t){IN6_ADDR_GEN_MODE_NONE}, 1);
	nest_end(data);
	nest_end(info);
	commit(fd, message, "RTM_NEWLINK");
}

/* Address, up and default route in one send. */
static void addresses_add(int fd, const char *ifname, const uint8_t address[4])
{
	unsigned int index = index_of(fd, ifname);
	const uint8_t gateway[4] = {address[0], address[1], 0, 1};
	const uint8_t broadcast[4] = {address[0], address[1], 255, 255};
	struct ifaddrmsg addr = {
		.ifa_family = AF_INET, .ifa_prefixlen = 16, .ifa_index = index};
	struct ifinfomsg up = {
		.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct rtmsg route = {.rtm_family = AF_INET,
			      .rtm_table = RT_TABLE_MAIN,
			      .rtm_protocol = RTPROT_BOOT,
			      .rtm_type = RTN_UNICAST};

	begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &addr, sizeof(addr));
	put(IFA_LOCAL, address, 4);
	put(IFA_ADDRESS, address, 4);
	put(IFA_BROADCAST, broadcast, 4);
	begin(RTM_NEWLINK, 0, &up, sizeof(up));
	begin(RTM_NEWROUTE, NLM_F_CREATE, &route, sizeof(route));
	put(RTA_GATEWAY, gateway, 4);
	put_u32(RTA_OIF, index);
	commit(fd, message, "RTM_NEWADDR, RTM_NEWROUTE");
}

/* As spoofCheck has it: six sets, one element each, in one transaction. */
static int elements(int type, const char *host, const uint8_t address[4])
{
	static const size_t sizes[] = {24, 20, 32, 32, 16, 16};
	struct nfgenmsg edge = {.res_id = htons(NFNL_SUBSYS_NFTABLES)};
	struct nfgenmsg bridge = {.nfgen_family = AF_BRIDGE};
	struct nlmsghdr *last = NULL;
	int fd = connection(NETLINK_NETFILTER);

	begin(NFNL_MSG_BATCH_BEGIN, 0, &edge, sizeof(edge));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct rtattr *list, *element, *key;
		char name[] = {'s', '0' + i, '\0'}, bytes[32] = {};

		strncpy(bytes, host, 15);
		if (sizes[i] > 16)
			memcpy(bytes + 16, address, 4);
		begin(NFNL_SUBSYS_NFTABLES << 8 | type,
		      type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, &bridge,
		      sizeof(bridge));
		put_text(NFTA_SET_ELEM_LIST_TABLE, "floor");
		put_text(NFTA_SET_ELEM_LIST_SET, name);
		list = nest(NFTA_SET_ELEM_LIST_ELEMENTS);
		element = nest(NFTA_LIST_ELEM);
		key = nest(NFTA_SET_ELEM_KEY);
		put(NFTA_DATA_VALUE, bytes, sizes[i]);
		nest_end(key);
		nest_end(element);
		nest_end(list);
		last = message;
	}
	begin(NFNL_MSG_BATCH_END, 0, &edge, sizeof(edge));
	commit(fd, last, "an nftables transaction");
	return fd; /* after a deletion its end waits: it is left to exit() */
}

static void add(const char *host, const uint8_t address[4])
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int pod = open(getenv("CNI_NETNS"), O_RDONLY | O_CLOEXEC);
	int rtnl = connection(NETLINK_ROUTE), pod_rtnl;

	must(setns(pod, CLONE_NEWNET) == 0, "setns");
	pod_rtnl = connection(NETLINK_ROUTE);
	must(setns(own, CLONE_NEWNET) == 0, "setns");
	veth_add(rtnl, host, getenv("CNI_IFNAME"), pod, address);
	if (getenv("FLOOR_ELEMENTS"))
		elements(NFT_MSG_NEWSETELEM, host, address);
	addresses_add(pod_rtnl, getenv("CNI_IFNAME"), address);
}

static void del(const char *host, const uint8_t address[4])
{
	struct ifinfomsg none = {};

	if (getenv("FLOOR_ELEMENTS"))
		elements(NFT_MSG_DELSETELEM, host, address);
	begin(RTM_DELLINK, 0, &none, sizeof(none));
	put_text(IFLA_IFNAME, host);
	commit(connection(NETLINK_ROUTE), message, "RTM_DELLINK");
}

int main(void)
{
	const char *verb = getenv("CNI_COMMAND"), *host = getenv("FLOOR_HOST");
	uint8_t address[4];

	if (host && inet_pton(AF_INET, getenv("FLOOR_ADDRESS"), address) != 1)
		return 1;
	if (strcmp(verb, "ADD") == 0)
		add(host, address);
	else if (strcmp(verb, "DEL") == 0)
		del(host, address);
	return 0;
}
