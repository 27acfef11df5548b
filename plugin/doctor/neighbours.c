/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs of the node: network managers, and the node agent. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "conf/identity.h"
#include "finding.h"
#include "plugin/show/agent_facts.h"

#define FILE_MAX 65536 /* bytes of a manager's file that are read */

/* ---- Managers ---- */

/* Calls @fn for each file of the directory whose name ends so, until it returns true. */
static bool files_any(const char *dir, const char *suffix,
		      bool (*fn)(const char *text, const void *data), const void *data)
{
	DIR *opened = opendir(dir);
	const struct dirent *entry;
	bool found = false;

	while (opened && !found && (entry = readdir(opened))) {
		size_t len = strlen(entry->d_name), end = strlen(suffix);
		_cleanup_(close_p) int fd = -1;
		char path[PATH_MAX], text[FILE_MAX];
		ssize_t n;

		if (len <= end || strcmp(entry->d_name + len - end, suffix) != 0 ||
		    snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) >=
			    (int)sizeof(path))
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (n < 0)
			continue;
		text[n] = '\0';
		found = fn(text, data);
	}
	if (opened)
		closedir(opened);
	return found;
}

/* Hands the words behind "KEY=" of each line to @fn, until it returns true. */
static bool words_any(const char *text, const char *key, const char *separators,
		      bool (*fn)(const char *word, const void *data), const void *data)
{
	size_t len = strlen(key);

	for (const char *line = text; *line;) {
		size_t end = strcspn(line, "\n");

		if (end > len && strncmp(line, key, len) == 0) {
			char words[512], *rest = words, *word;

			snprintf(words, sizeof(words), "%.*s", (int)(end - len),
				 line + len);
			while ((word = strtok_r(rest, separators, &rest)))
				if (fn(word, data))
					return true;
		}
		line += end + (line[end] == '\n');
	}
	return false;
}

static bool is_pattern_of(const char *word, const void *ifname)
{
	static const char by_name[] = "interface-name:";

	if (strncmp(word, by_name, strlen(by_name)) == 0)
		word += strlen(by_name);
	return fnmatch(word, ifname, 0) == 0;
}

static bool leaves_unmanaged(const char *text, const void *ifname)
{
	return words_any(text, "unmanaged-devices=", "; ,", is_pattern_of, ifname) ||
	       words_any(text, "unmanaged-devices+=", "; ,", is_pattern_of, ifname);
}

/* Is it a file of systemd-networkd for such an interface, and does it leave the
 * interface alone? */
static bool leaves_alone(const char *text, const void *ifname)
{
	return words_any(text, "Name=", " \t", is_pattern_of, ifname) &&
	       strstr(text, "Unmanaged=yes");
}

static bool takes(const char *text, const void *ifname)
{
	return words_any(text, "Name=", " \t", is_pattern_of, ifname) &&
	       !strstr(text, "Unmanaged=yes");
}

static const char *const manager_dirs[] = {"/etc/NetworkManager/conf.d",
					   "/run/NetworkManager/conf.d",
					   "/usr/lib/NetworkManager/conf.d", NULL};
static const char *const networkd_dirs[] = {"/etc/systemd/network",
					    "/run/systemd/network",
					    "/usr/lib/systemd/network",
					    "/lib/systemd/network", NULL};

static bool dirs_any(const char *const *dirs, const char *suffix,
		     bool (*fn)(const char *text, const void *data), const void *data)
{
	for (; *dirs; dirs++)
		if (files_any(*dirs, suffix, fn, data))
			return true;
	return false;
}

#define SOME_VETH HOST_IFNAME_PREFIX "aaaaaaaaaaa" /* a pod's end on the node */

static void network_manager_look(struct doctor *doctor, const char *bridge)
{
	char text[128];
	bool all = dirs_any(manager_dirs, ".conf", leaves_unmanaged, bridge) &&
		   dirs_any(manager_dirs, ".conf", leaves_unmanaged, SOME_VETH);

	if (all)
		return;
	snprintf(
		text, sizeof(text),
		"[keyfile]\\nunmanaged-devices+=interface-name:%s;interface-name:" HOST_IFNAME_PREFIX
		"*\\n",
		bridge);
	doctor_tell(
		doctor, DOCTOR_WARNING,
		"NetworkManager runs, and no file says that it leaves %s and the pods' "
		"interfaces (" HOST_IFNAME_PREFIX "*) alone",
		bridge);
	doctor_command(doctor, "mkdir", "-p", manager_dirs[0], DOCTOR_AND, "printf", text,
		       DOCTOR_INTO, "/etc/NetworkManager/conf.d/bridge-cni.conf", NULL);
	doctor_advise(doctor, "then: systemctl reload NetworkManager");
}

static void networkd_look(struct doctor *doctor, const char *bridge)
{
	const char *const ours[] = {bridge, SOME_VETH};
	bool takes_any = false;
	char text[128];

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		takes_any |= dirs_any(networkd_dirs, ".network", takes, ours[i]) &&
			     !dirs_any(networkd_dirs, ".network", leaves_alone, ours[i]);
	if (!takes_any)
		return;
	snprintf(text, sizeof(text),
		 "[Match]\\nName=%s " HOST_IFNAME_PREFIX "*\\n[Link]\\nUnmanaged=yes\\n",
		 bridge);
	doctor_tell(doctor, DOCTOR_WARNING,
		    "systemd-networkd runs, and a file of it is for %s or the pods' "
		    "interfaces (" HOST_IFNAME_PREFIX "*), too",
		    bridge);
	doctor_command(doctor, "mkdir", "-p", networkd_dirs[0], DOCTOR_AND, "printf",
		       text, DOCTOR_INTO, "/etc/systemd/network/00-bridge-cni.network",
		       NULL);
	doctor_advise(doctor, "then: networkctl reload");
}

void managers_check(struct doctor *doctor)
{
	bool manager = access("/run/NetworkManager", F_OK) == 0;
	bool networkd = access("/run/systemd/netif", F_OK) == 0;

	for (size_t i = 0; i < doctor->networks.n; i++) {
		const char *bridge = doctor->networks.items[i].bridge;
		bool seen = false;

		for (size_t k = 0; k < i; k++)
			seen |= strcmp(doctor->networks.items[k].bridge, bridge) == 0;
		if (manager && !seen)
			network_manager_look(doctor, bridge);
		if (networkd && !seen)
			networkd_look(doctor, bridge);
	}
}

/* ---- The agent ---- */

static void complaint_tell(struct doctor *doctor, const struct agent_facts *facts)
{
	const char *says = facts->says ? facts->says : "";

	doctor_tell(doctor, facts->ready ? DOCTOR_WARNING : DOCTOR_PROBLEM,
		    "the node agent is %s: %.*s",
		    facts->ready ? "ready, but" : "not ready", (int)strcspn(says, "\n"),
		    says);
	doctor_advise(doctor,
		      "see the agent's log, and bridge-cni-agent(8), DIAGNOSTICS");
}

/* The tunnel's packets may be dropped on their way. */
static void silent_tell(struct doctor *doctor, const struct agent_facts *facts)
{
	double silent = agent_metric_value(facts, "tunnel_peers_silent");
	double peers = agent_metric_value(facts, "wireguard_peers");

	if (silent > 0) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "%.0f node%s never answered by the tunnel", silent,
			    silent == 1 ? " has" : "s have");
		doctor_advise(
			doctor,
			"open the UDP port of VXLAN between the nodes: 8472, or what "
			"the agent's --vxlan-port says");
	}
	if (peers > 0 && agent_metric_value(facts, "wireguard_sessions") == 0) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "none of %.0f nodes has answered by WireGuard in the last "
			    "three minutes",
			    peers);
		doctor_advise(
			doctor,
			"unless no pod has sent anything to another node meanwhile, "
			"open the UDP port of WireGuard between the nodes: 51820, or "
			"what the agent's --wireguard-port says, and the one above "
			"it for new keys");
	}
}

void agent_check(struct doctor *doctor)
{
	_cleanup_(agent_facts_clear) struct agent_facts facts = {};
	bool waited_for = false;

	for (size_t i = 0; i < doctor->networks.n; i++)
		waited_for |= doctor->networks.items[i].waits_for_agent;
	agent_facts_read(&facts);
	if (facts.unreached) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "the agent's port 9810 on 127.0.0.1: %s", facts.failure);
		doctor_advise(doctor, "see `nft list ruleset` for what drops them, and "
				      "accept what comes in by lo");
	} else if (facts.failure) {
		doctor_tell(
			doctor, DOCTOR_WARNING,
			"somebody listens on the agent's port 9810, and doesn't answer: "
			"%s",
			facts.failure);
		doctor_advise(doctor, "see the agent's log");
	} else if (!facts.answers && waited_for && access(AGENT_READY_FILE, F_OK) < 0) {
		doctor_tell(
			doctor, DOCTOR_PROBLEM,
			"no node agent answers, and waitForAgent has every ADD wait for "
			"one");
		doctor_advise(doctor, "start the agent, or set waitForAgent to false");
	} else if (!facts.answers) {
		doctor_tell(doctor, DOCTOR_OK, "no node agent is here");
	} else if (!facts.ready || (facts.says && strncmp(facts.says, "ok\n", 3) != 0)) {
		complaint_tell(doctor, &facts);
	}
	silent_tell(doctor, &facts);
}
