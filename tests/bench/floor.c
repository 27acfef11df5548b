/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor of ADD and DEL: a process that sends the kernel what bridge-cni makes it change
 * for a pod, packed by hand, and nothing else. It asks nothing, reads no configuration, keeps
 * no store, takes no lock, prints no result. Any other CNI_COMMAND: an empty process.
 *
 * FLOOR_BRIDGE, FLOOR_HOST, FLOOR_ADDRESS: the bridge, the pod's interface there, the pod's
 * IPv4 address, of a /16 whose first address is the gateway. FLOOR_ADDRESS6: an address of a
 * /64 as well. FLOOR_SPOOF: the port opens when its elements are there, as spoofCheck has it.
 * FLOOR_QUIET: what quietBridge has, with this MAC address of the bridge.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAC_LEN 6

/* The pod that is to be made or deleted. */
struct pod {
	const char *host; /* its interface on the node */
	uint8_t mac[MAC_LEN];
	struct in_addr address;
	struct in6_addr address6, link_local; /* of has6 */
	bool has6, spoof, quiet;
	uint8_t gateway_mac[MAC_LEN]; /* of quiet */
};

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

static void put_end(const char *name, const uint8_t mac[MAC_LEN])
{
	put_text(IFLA_IFNAME, name);
	put(IFLA_ADDRESS, mac, MAC_LEN);
	put_u32(IFLA_MTU, 1500);
	put_u32(IFLA_NUM_TX_QUEUES, 1);
	put_u32(IFLA_NUM_RX_QUEUES, 1);
}

static void put_u8(int type, uint8_t value)
{
	put(type, &value, sizeof(value));
}

/* An interface makes no link-local address by itself. */
static void put_no_link_local(void)
{
	struct rtattr *families = nest(IFLA_AF_SPEC), *family = nest(AF_INET6);

	put_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nest_end(family);
	nest_end(families);
}

/* The second message is about the port, which the first one has made. */
static void put_port(const struct pod *pod)
{
	struct rtattr *info = nest(IFLA_LINKINFO), *data;

	put_text(IFLA_INFO_SLAVE_KIND, "bridge");
	data = nest(IFLA_INFO_SLAVE_DATA);
	put_u8(IFLA_BRPORT_MODE, 1);
	if (pod->spoof || pod->quiet)
		put_u8(IFLA_BRPORT_LEARNING, 0);
	if (pod->spoof)
		put_u8(IFLA_BRPORT_GUARD, 1);
	if (pod->quiet) {
		put_u8(IFLA_BRPORT_UNICAST_FLOOD, 0);
		put_u8(IFLA_BRPORT_PROXYARP_WIFI, 1);
	}
	nest_end(data);
	nest_end(info);
}

static void veth_add(int fd, const struct pod *pod, const char *ifname, int pod_ns)
{
	uint8_t host_mac[MAC_LEN] = {0xfe};
	struct ifinfomsg first = {.ifi_flags = pod->spoof ? 0 : IFF_UP,
				  .ifi_change = pod->spoof ? 0 : IFF_UP},
			 none = {};
	struct rtattr *info, *data, *peer;

	memcpy(host_mac + 2, &pod->address, 4);
	begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &first, sizeof(first));
	put_end(pod->host, host_mac);
	put_u32(IFLA_MASTER, index_of(fd, getenv("FLOOR_BRIDGE")));
	info = nest(IFLA_LINKINFO);
	put_text(IFLA_INFO_KIND, "veth");
	data = nest(IFLA_INFO_DATA);
	peer = nest(VETH_INFO_PEER);
	put_raw(&none, sizeof(none));
	put_end(ifname, pod->mac);
	put_u32(IFLA_NET_NS_FD, pod_ns);
	nest_end(peer);
	nest_end(data);
	nest_end(info);

	begin(RTM_NEWLINK, 0, &none, sizeof(none));
	put_text(IFLA_IFNAME, pod->host);
	put_text(IFLA_IFALIAS, "the floor of what an ADD costs");
	put_port(pod);
	put_no_link_local();
	commit(fd, message, "RTM_NEWLINK");
}

static void neighbour_add(int family, unsigned int index, const void *address,
			  const uint8_t mac[MAC_LEN])
{
	struct ndmsg header = {
		.ndm_family = family, .ndm_ifindex = index, .ndm_state = NUD_PERMANENT};

	begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
	put(NDA_DST, address, family == AF_INET ? 4 : 16);
	put(NDA_LLADDR, mac, MAC_LEN);
	put_u8(NDA_PROTOCOL, 98);
}

/* The group that whoever looks for the address asks. */
static void group_add(unsigned int bridge, unsigned int port,
		      const struct in6_addr *address)
{
	struct br_port_msg header = {.family = AF_BRIDGE, .ifindex = bridge};
	struct br_mdb_entry entry = {
		.ifindex = port, .state = MDB_PERMANENT, .addr.proto = htons(0x86dd)};
	uint8_t *group = entry.addr.u.ip6.s6_addr;

	memcpy(group, (uint8_t[]){0xff, 2, [11] = 1, [12] = 0xff}, 13);
	memcpy(group + 13, address->s6_addr + 13, 3);
	begin(RTM_NEWMDB, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	put(MDBA_SET_ENTRY, &entry, sizeof(entry));
}

/* Tells the bridge and the node of the pod, and sets the port up where it isn't. */
static void port_open(int fd, const struct pod *pod)
{
	unsigned int bridge = index_of(fd, getenv("FLOOR_BRIDGE"));
	unsigned int port = index_of(fd, pod->host);
	struct ndmsg entry = {.ndm_family = AF_BRIDGE,
			      .ndm_ifindex = port,
			      .ndm_state = NUD_NOARP,
			      .ndm_flags = NTF_MASTER | NTF_STICKY};
	struct ifinfomsg up = {
		.ifi_index = port, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, &entry, sizeof(entry));
	put(NDA_LLADDR, pod->mac, MAC_LEN);
	if (pod->spoof)
		begin(RTM_NEWLINK, 0, &up, sizeof(up));
	if (pod->quiet)
		neighbour_add(AF_INET, bridge, &pod->address, pod->mac);
	if (pod->quiet && pod->has6) {
		neighbour_add(AF_INET6, bridge, &pod->address6, pod->mac);
		group_add(bridge, port, &pod->address6);
		group_add(bridge, port, &pod->link_local);
	}
	commit(fd, message, "the port's entries");
}

static void address6_add(unsigned int index, const struct in6_addr *address)
{
	struct ifaddrmsg header = {.ifa_family = AF_INET6,
				   .ifa_prefixlen = 64,
				   .ifa_index = index,
				   .ifa_flags = IFA_F_NODAD};

	begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	put(IFA_LOCAL, address, 16);
	put(IFA_ADDRESS, address, 16);
}

static void route_add(int family, unsigned int index, const void *gateway)
{
	struct rtmsg route = {.rtm_family = family,
			      .rtm_table = RT_TABLE_MAIN,
			      .rtm_protocol = RTPROT_BOOT,
			      .rtm_type = RTN_UNICAST};

	begin(RTM_NEWROUTE, NLM_F_CREATE, &route, sizeof(route));
	put(RTA_GATEWAY, gateway, family == AF_INET ? 4 : 16);
	put_u32(RTA_OIF, index);
}

/* Addresses, up, neighbours and default routes in one send. */
static void addresses_add(int fd, const char *ifname, const struct pod *pod)
{
	unsigned int index = index_of(fd, ifname);
	const uint8_t *bytes = (const uint8_t *)&pod->address;
	const uint8_t gateway[4] = {bytes[0], bytes[1], 0, 1};
	const uint8_t broadcast[4] = {bytes[0], bytes[1], 255, 255};
	struct in6_addr gateway6 = {.s6_addr = {[15] = 1}};
	struct ifaddrmsg addr = {
		.ifa_family = AF_INET, .ifa_prefixlen = 16, .ifa_index = index};
	struct ifinfomsg same = {.ifi_index = index};
	struct ifinfomsg up = {
		.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	memcpy(&gateway6, &pod->address6, 8);
	if (pod->has6) {
		begin(RTM_NEWLINK, 0, &same, sizeof(same));
		put_no_link_local();
	}
	begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &addr, sizeof(addr));
	put(IFA_LOCAL, &pod->address, 4);
	put(IFA_ADDRESS, &pod->address, 4);
	put(IFA_BROADCAST, broadcast, 4);
	if (pod->has6) {
		address6_add(index, &pod->address6);
		address6_add(index, &pod->link_local);
	}
	begin(RTM_NEWLINK, 0, &up, sizeof(up));
	if (pod->quiet)
		neighbour_add(AF_INET, index, gateway, pod->gateway_mac);
	if (pod->quiet && pod->has6)
		neighbour_add(AF_INET6, index, &gateway6, pod->gateway_mac);
	route_add(AF_INET, index, gateway);
	if (pod->has6)
		route_add(AF_INET6, index, &gateway6);
	commit(fd, message, "RTM_NEWADDR, RTM_NEWROUTE");
}

/* As spoofCheck has it: six sets, one element each, in one transaction. */
static int elements(int type, const struct pod *pod)
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

		strncpy(bytes, pod->host, 15);
		if (sizes[i] > 16)
			memcpy(bytes + 16, &pod->address, 4);
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

static void add(const struct pod *pod)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int pod_ns = open(getenv("CNI_NETNS"), O_RDONLY | O_CLOEXEC);
	int rtnl = connection(NETLINK_ROUTE), pod_rtnl;

	must(setns(pod_ns, CLONE_NEWNET) == 0, "setns");
	pod_rtnl = connection(NETLINK_ROUTE);
	must(setns(own, CLONE_NEWNET) == 0, "setns");
	veth_add(rtnl, pod, getenv("CNI_IFNAME"), pod_ns);
	if (pod->spoof)
		elements(NFT_MSG_NEWSETELEM, pod);
	if (pod->spoof || pod->quiet)
		port_open(rtnl, pod);
	addresses_add(pod_rtnl, getenv("CNI_IFNAME"), pod);
}

static void neighbour_del(int family, unsigned int index, const void *address)
{
	struct ndmsg header = {.ndm_family = family, .ndm_ifindex = index};

	begin(RTM_DELNEIGH, 0, &header, sizeof(header));
	put(NDA_DST, address, family == AF_INET ? 4 : 16);
}

static void del(const struct pod *pod)
{
	int fd = connection(NETLINK_ROUTE);
	struct ifinfomsg none = {};

	if (pod->spoof)
		elements(NFT_MSG_DELSETELEM, pod);
	if (pod->quiet) {
		unsigned int bridge = index_of(fd, getenv("FLOOR_BRIDGE"));

		neighbour_del(AF_INET, bridge, &pod->address);
		if (pod->has6)
			neighbour_del(AF_INET6, bridge, &pod->address6);
	}
	begin(RTM_DELLINK, 0, &none, sizeof(none));
	put_text(IFLA_IFNAME, pod->host);
	commit(fd, message, "RTM_DELLINK");
}

/* The link-local address is that of the MAC address. */
static void read_pod(struct pod *pod)
{
	const char *address6 = getenv("FLOOR_ADDRESS6"), *mac = getenv("FLOOR_QUIET");
	uint8_t *bytes = pod->link_local.s6_addr;

	*pod = (struct pod){.host = getenv("FLOOR_HOST"),
			    .mac = {0x0a, 0x58},
			    .has6 = address6,
			    .spoof = getenv("FLOOR_SPOOF"),
			    .quiet = mac};
	must(inet_pton(AF_INET, getenv("FLOOR_ADDRESS"), &pod->address) == 1, "address");
	memcpy(pod->mac + 2, &pod->address, 4);
	must(!address6 || inet_pton(AF_INET6, address6, &pod->address6) == 1, "address");
	memcpy(bytes,
	       (uint8_t[]){0xfe, 0x80, [8] = pod->mac[0] ^ 2, pod->mac[1], pod->mac[2],
			   0xff, 0xfe, pod->mac[3], pod->mac[4], pod->mac[5]},
	       16);
	must(!mac || sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &pod->gateway_mac[0],
			    &pod->gateway_mac[1], &pod->gateway_mac[2],
			    &pod->gateway_mac[3], &pod->gateway_mac[4],
			    &pod->gateway_mac[5]) == MAC_LEN,
	     "MAC address");
}

int main(void)
{
	const char *verb = getenv("CNI_COMMAND");
	struct pod pod;

	if (getenv("FLOOR_HOST"))
		read_pod(&pod);
	if (strcmp(verb, "ADD") == 0)
		add(&pod);
	else if (strcmp(verb, "DEL") == 0)
		del(&pod);
	return 0;
}
