/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network managers of the node, which may take our interfaces for theirs. Their files are
 * read as systemd.network(5) and NetworkManager.conf(5) say. */
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "conf/base/list.h"
#include "conf/base/text.h"
#include "conf/identity.h"
#include "finding.h"
#include "manager_files.h"

#define FILE_MAX  65536 /* bytes of a manager's file that are read */
#define SOME_VETH HOST_IFNAME_PREFIX "aaaaaaaaaaa" /* a pod's end on the node */
#define WORDS_MAX 512 /* bytes of a key's value */

/* An interface of ours, as a manager knows it. */
struct device {
	char name[IF_NAMESIZE];
	const char *pattern; /* for all of its kind; NULL: its name alone */
	const char *type; /* as networkd's Type= has it */
	const char *kind;
};

struct device_list {
	struct device *items;
	size_t n;
};

/* ---- systemd-networkd ---- */

static const char *const networkd_dirs[] = {
	"/etc/systemd/network",		  "/run/systemd/network",
	"/usr/local/lib/systemd/network", "/usr/lib/systemd/network",
	"/lib/systemd/network",		  NULL};

/* Conditions that an interface can meet. Our interfaces have nothing of the last ones.
 * Conditions about the machine are taken as met. */
static const char *const conditions[] = {"Name",       "Type",
					 "Kind",       "Driver",
					 "MACAddress", "PermanentMACAddress",
					 "Path",       "SSID",
					 "BSSID",      "WLANInterfaceType",
					 "Property"};

struct networkd_file {
	char words[ARRAY_SIZE(conditions)][WORDS_MAX]; /* of the conditions */
	bool unmanaged;
};

static bool is_true(const char *value)
{
	static const char *const words[] = {"1", "yes", "y", "true", "t", "on"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(value, words[i]) == 0)
			return true;
	return false;
}

/* Adds the patterns of a value, which "!" in front of it turns over, each of them. An
 * empty value empties the list. */
static void patterns_add(char words[WORDS_MAX], const char *value)
{
	char copy[WORDS_MAX], *rest = copy, *pattern;
	bool turned = *value == '!';

	if (!*value)
		*words = '\0';
	snprintf(copy, sizeof(copy), "%s", value + turned);
	while ((pattern = strtok_r(rest, " \t", &rest))) {
		size_t len = strlen(words);

		snprintf(words + len, WORDS_MAX - len, "%s%s ", turned ? "!" : "",
			 pattern);
	}
}

static void networkd_key(const char *section, const char *key, const char *value,
			 void *data)
{
	struct networkd_file *file = data;

	if (strcmp(section, "Link") == 0 && strcmp(key, "Unmanaged") == 0)
		file->unmanaged = is_true(value);
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++)
		if (strcmp(section, "Match") == 0 && strcmp(key, conditions[i]) == 0)
			patterns_add(file->words[i], value);
}

/* One pattern has to match, if there are any that are not turned over, and none of
 * those that are. */
static bool patterns_match(const char *list, const char *word)
{
	char copy[WORDS_MAX], *rest = copy, *pattern;
	bool found = false, wants_one = false;

	snprintf(copy, sizeof(copy), "%s", list);
	while ((pattern = strtok_r(rest, " ", &rest))) {
		bool turned = *pattern == '!';
		bool matches = fnmatch(pattern + turned, word, 0) == 0;

		if (turned && matches)
			return false;
		wants_one |= !turned;
		found |= matches;
	}
	return found || !wants_one;
}

/* A file without conditions is for no interface. */
static bool networkd_matches(const struct networkd_file *file,
			     const struct device *device)
{
	const char *const own[ARRAY_SIZE(conditions)] = {device->name, device->type,
							 device->kind, device->kind};
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
		if (!file->words[i][0])
			continue;
		any = true;
		if (!patterns_match(file->words[i], own[i] ? own[i] : ""))
			return false;
	}
	return any;
}

/* Reads the file and what is added to it. An empty file, as /dev/null is, hides others. */
static bool networkd_read(const struct manager_file *file, struct networkd_file *read)
{
	char text[MANAGER_FILE_MAX], sub[NAME_MAX + 8];
	struct manager_file_list more = {};

	*read = (struct networkd_file){};
	if (!manager_file_read(file, "", text))
		return false;
	manager_keys_each(text, networkd_key, read);
	snprintf(sub, sizeof(sub), "/%s.d", file->name);
	manager_files_list(networkd_dirs, sub, ".conf", &more);
	for (size_t i = 0; i < more.n; i++)
		if (manager_file_read(&more.items[i], sub, text))
			manager_keys_each(text, networkd_key, read);
	free(more.items);
	return true;
}

/* The first file that is for the interface decides. NULL: none has it managed. */
static const struct manager_file *networkd_takes(const struct manager_file_list *files,
						 const struct device *device)
{
	struct networkd_file read;

	for (size_t i = 0; i < files->n; i++)
		if (networkd_read(&files->items[i], &read) &&
		    networkd_matches(&read, device))
			return read.unmanaged ? NULL : &files->items[i];
	return NULL;
}

static const char *device_word(const struct device *device)
{
	return device->pattern ? device->pattern : device->name;
}

static void names_add(struct text *text, const struct device_list *devices,
		      const char *prefix, const char *separator)
{
	for (size_t i = 0; i < devices->n; i++)
		text_add(text, "%s%s%s", i ? separator : "", prefix,
			 device_word(&devices->items[i]));
}

static void networkd_look(struct doctor *doctor, const struct device_list *devices)
{
	struct manager_file_list files = {};
	const struct manager_file *taking = NULL;
	struct text text = {};
	const char *taken = NULL;

	manager_files_list(networkd_dirs, "", ".network", &files);
	for (size_t i = 0; !taking && i < devices->n; i++) {
		taken = device_word(&devices->items[i]);
		taking = networkd_takes(&files, &devices->items[i]);
	}
	text_add(&text, "[Match]\\nName=");
	names_add(&text, devices, "", " ");
	text_add(&text, "\\n[Link]\\nUnmanaged=yes\\n");
	if (text.failed)
		doctor->out_of_memory = true;
	if (taking && !text.failed) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "systemd-networkd runs, and its file %s/%s is for %s, too",
			    taking->dir, taking->name, taken);
		doctor_command(doctor, "mkdir", "-p", networkd_dirs[0], DOCTOR_AND,
			       "printf", text.text, DOCTOR_INTO,
			       "/etc/systemd/network/00-bridge-cni.network");
		doctor_advise(doctor, "then: networkctl reload");
	}
	free(text.text);
	free(files.items);
}

/* ---- NetworkManager ---- */

static const char *const manager_dirs[] = {"/etc/NetworkManager/conf.d",
					   "/run/NetworkManager/conf.d",
					   "/usr/lib/NetworkManager/conf.d", NULL};

struct unmanaged {
	const struct device *device;
	bool named, excepted;
};

static bool is_spec_of(const char *spec, const struct device *device)
{
	static const char by_name[] = "interface-name:", by_type[] = "type:";

	if (strncmp(spec, by_type, strlen(by_type)) == 0)
		return strcmp(spec + strlen(by_type), device->kind) == 0;
	if (strncmp(spec, by_name, strlen(by_name)) == 0)
		spec += strlen(by_name);
	return fnmatch(spec + (*spec == '='), device->name, 0) == 0;
}

static void manager_key(const char *section, const char *key, const char *value,
			void *data)
{
	static const char except[] = "except:", name[] = "unmanaged-devices";
	struct unmanaged *unmanaged = data;
	char copy[WORDS_MAX], *rest = copy, *spec;

	(void)section;
	if (strncmp(key, name, strlen(name)) != 0)
		return;
	snprintf(copy, sizeof(copy), "%s", value);
	while ((spec = strtok_r(rest, ";, ", &rest))) {
		bool is_except = strncmp(spec, except, strlen(except)) == 0;

		if (!is_spec_of(spec + (is_except ? strlen(except) : 0),
				unmanaged->device))
			continue;
		unmanaged->named |= !is_except;
		unmanaged->excepted |= is_except;
	}
}

static bool manager_leaves(const struct manager_file_list *files,
			   const struct device *device)
{
	struct unmanaged unmanaged = {.device = device};
	char text[MANAGER_FILE_MAX];

	for (size_t i = 0; i < files->n; i++)
		if (manager_file_read(&files->items[i], "", text))
			manager_keys_each(text, manager_key, &unmanaged);
	return unmanaged.named && !unmanaged.excepted;
}

static void network_manager_look(struct doctor *doctor, const struct device_list *devices)
{
	struct manager_file_list files = {};
	struct text text = {}, names = {};
	bool all = true;

	manager_files_list(manager_dirs, "", ".conf", &files);
	for (size_t i = 0; i < devices->n; i++)
		all = all && manager_leaves(&files, &devices->items[i]);
	text_add(&text, "[keyfile]\\nunmanaged-devices+=");
	names_add(&text, devices, "interface-name:", ";");
	text_add(&text, "\\n");
	names_add(&names, devices, "", ", ");
	if (text.failed || names.failed)
		doctor->out_of_memory = true;
	else if (!all) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "NetworkManager runs, and no file says that it leaves all of "
			    "%s alone",
			    names.text);
		doctor_command(doctor, "mkdir", "-p", manager_dirs[0], DOCTOR_AND,
			       "printf", text.text, DOCTOR_INTO,
			       "/etc/NetworkManager/conf.d/bridge-cni.conf");
		doctor_advise(doctor, "then: systemctl reload NetworkManager");
	}
	free(names.text);
	free(text.text);
	free(files.items);
}

/* ---- Both ---- */

static void device_add(struct doctor *doctor, struct device_list *list, const char *name,
		       const char *pattern, const char *type, const char *kind)
{
	struct device *added;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return;
	added = LIST_ADD(list);
	if (!added) {
		doctor->out_of_memory = true;
		return;
	}
	*added = (struct device){.pattern = pattern, .type = type, .kind = kind};
	snprintf(added->name, sizeof(added->name), "%s", name);
}

/* One file leaves all of them alone, so that all are told in one finding. */
void managers_check(struct doctor *doctor)
{
	struct device_list devices = {};

	for (size_t i = 0; i < doctor->networks.n; i++) {
		const struct doctor_network *network = &doctor->networks.items[i];

		if (!switch_link_kind(network->switch_kind))
			continue;
		device_add(doctor, &devices, network->bridge, NULL, "bridge", "bridge");
		device_add(doctor, &devices, network->gateway_ifname, NULL, "vlan",
			   "vlan");
	}
	if (devices.n)
		device_add(doctor, &devices, SOME_VETH, HOST_IFNAME_PREFIX "*", "ether",
			   "veth");
	if (devices.n && access("/run/NetworkManager", F_OK) == 0)
		network_manager_look(doctor, &devices);
	if (devices.n && access("/run/systemd/netif", F_OK) == 0)
		networkd_look(doctor, &devices);
	free(devices.items);
}
