/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares the configurations with each other and with the plugins that are installed. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checks.h"
#include "finding.h"
#include "plugin/node/plugin_file.h"

/* So that validate's lines aren't all repeated here, the first one of a file stands for
 * the others. */
void configurations_check(struct doctor *doctor)
{
	const struct findings *conf = &doctor->conf;

	if (doctor->networks.n == 0) {
		doctor_tell(
			doctor, DOCTOR_WARNING,
			"no network of bridge-cni was read, so that the needs of none are "
			"looked at");
		doctor_advise(
			doctor,
			"write a configuration into /etc/cni/net.d, or name a FILE");
	}
	for (size_t i = 0; i < conf->n; i++) {
		const struct finding *finding = &conf->items[i];
		char more[40] = "";
		size_t same = 0;

		if (i > 0 && strcmp(conf->items[i - 1].file, finding->file) == 0)
			continue;
		for (size_t k = i; k < conf->n; k++)
			if (strcmp(conf->items[k].file, finding->file) == 0) {
				same++;
				if (conf->items[k].level > finding->level)
					finding = &conf->items[k];
			}
		if (same > 1)
			snprintf(more, sizeof(more), " (and %zu more)", same - 1);
		doctor_tell(doctor,
			    finding->level == FINDING_ERROR ? DOCTOR_PROBLEM
							    : DOCTOR_WARNING,
			    "%s: %s%s", finding->file, finding->text, more);
		doctor_advise(doctor, "change what `bridge-cni validate` names");
	}
}

/* A runtime takes the first file of the directory, in the order of their names. A
 * meta-plugin takes the next one. */
void order_check(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->files.n; i++) {
		const struct doctor_file *file = &doctor->files.items[i];
		size_t next = i + 1;
		char off[PATH_MAX];

		if (!file->in_directory || file->ours > 0 || file->hands_on)
			continue;
		while (next < doctor->files.n && doctor->files.items[next].ours == 0)
			next++;
		if (next == doctor->files.n || !doctor->files.items[next].in_directory)
			continue;
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "%s comes before %s: a runtime takes the first file of a "
			    "directory, so pods get that network and not ours",
			    file->path, doctor->files.items[next].path);
		if (snprintf(off, sizeof(off), "%s.off", file->path) < (int)sizeof(off))
			doctor_command(doctor, "mv", file->path, off);
	}
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* Is this the name of a link to the executable that is beside it? */
static bool is_link_of_ours(const char *name)
{
	return strcmp(name, "loopback") == 0 || strcmp(name, "host-local") == 0;
}

/* Gives the command that makes a link of that name in the directory. A link leads to
 * bridge-cni beside it, which has to be there first. @off: the name that the file in the
 * link's place gets; NULL: none is there. */
static void link_command(struct doctor *doctor, const char *dir, const char *name,
			 const char *path, const char *off)
{
	char found_dir[PATH_MAX], found[PATH_MAX];

	if (!plugin_file_find(dir, "bridge-cni", plugin_file_is_runnable, found_dir,
			      found))
		doctor_advise(doctor,
			      "install bridge-cni in %s first, and then run `%s links "
			      "--bin-dir %s %s`",
			      dir, doctor->self, dir, name);
	else if (off)
		doctor_command(doctor, "mv", path, off, DOCTOR_AND, doctor->self, "links",
			       "--bin-dir", dir, name);
	else
		doctor_command(doctor, doctor->self, "links", "--bin-dir", dir, name);
}

/* Tells of a file that has the plugin's name and can't be run. */
static void unrunnable_tell(struct doctor *doctor, const char *name, const char *dir,
			    const char *path)
{
	char off[PATH_MAX];
	struct stat st;
	bool is_dangling = stat(path, &st) < 0;

	doctor_tell(doctor, DOCTOR_PROBLEM, "the plugin %s can't be run: %s %s", name,
		    path,
		    is_dangling		    ? "is a link to a file that isn't there"
		    : !S_ISREG(st.st_mode)  ? "is no file"
		    : !(st.st_mode & 0111U) ? "is not executable"
					    : "may not be executed here");
	if (!is_dangling && S_ISREG(st.st_mode)) {
		if (st.st_mode & 0111U)
			doctor_advise(doctor,
				      "see whether its file system is mounted noexec, "
				      "and run doctor as root");
		else
			doctor_command(doctor, "chmod", "a+x", path);
	} else if (is_link_of_ours(name) &&
		   snprintf(off, sizeof(off), "%s.off", path) < (int)sizeof(off)) {
		link_command(doctor, dir, name, path, off);
	} else {
		doctor_advise(doctor, "install it there again");
	}
}

static void program_check(struct doctor *doctor, const char *name)
{
	char dir[PATH_MAX], path[PATH_MAX];

	if (strchr(name, '/') || plugin_file_find(doctor->plugin_path, name,
						  plugin_file_is_runnable, dir, path))
		return;
	if (plugin_file_find(doctor->plugin_path, name, is_there, dir, path)) {
		unrunnable_tell(doctor, name, dir, path);
		return;
	}
	/* A link is made where bridge-cni is, anything else in the first directory. */
	if (!is_link_of_ours(name) ||
	    !plugin_file_find(doctor->plugin_path, "bridge-cni", plugin_file_is_runnable,
			      dir, path))
		snprintf(dir, sizeof(dir), "%.*s", (int)strcspn(doctor->plugin_path, ":"),
			 doctor->plugin_path);
	doctor_tell(doctor, DOCTOR_PROBLEM, "no plugin %s is in %s%s", name,
		    doctor->plugin_path,
		    strcmp(name, "loopback") == 0
			    ? ", and containerd calls it for every pod (CRI-O since 1.18 "
			      "and podman don't)"
			    : "");
	if (is_link_of_ours(name))
		link_command(doctor, dir, name, path, NULL);
	else
		doctor_advise(doctor, "install it there, or set CNI_PATH to where it is");
}

/* Is a runtime there that sets a pod's lo up by itself, and no containerd? These
 * directories are made when the runtime starts first after a boot. */
static bool sets_loopback_up(void)
{
	return (access("/run/libpod", F_OK) == 0 || access("/run/crio", F_OK) == 0) &&
	       access("/run/containerd", F_OK) < 0;
}

void programs_check(struct doctor *doctor)
{
	bool loopback = false;

	for (size_t i = 0; i < doctor->programs.n; i++) {
		const char *name = doctor->programs.items[i];

		loopback |= strcmp(name, "loopback") == 0;
		program_check(doctor, name);
	}
	if (!loopback && doctor->networks.n > 0 && !sets_loopback_up())
		program_check(doctor, "loopback");
}

static bool share_subnet(const struct doctor_network *a, const struct doctor_network *b,
			 struct ip_prefix *ret_subnet)
{
	for (size_t i = 0; i < a->subnets.n; i++)
		for (size_t k = 0; k < b->subnets.n; k++)
			if (prefix_overlaps(&a->subnets.items[i], &b->subnets.items[k])) {
				*ret_subnet = b->subnets.items[k];
				return true;
			}
	return false;
}

/* @ret_from, @ret_to: the addresses that both give out, borrowed from the two. */
static bool share_addresses(const struct doctor_network *a,
			    const struct doctor_network *b,
			    const struct ip_addr **ret_from,
			    const struct ip_addr **ret_to)
{
	for (size_t i = 0; i < a->ranges.n; i++)
		for (size_t k = 0; k < b->ranges.n; k++) {
			const struct ip_range *of_a = &a->ranges.items[i],
					      *of_b = &b->ranges.items[k];

			if (of_a->start.family != of_b->start.family ||
			    ip_cmp(&of_a->start, &of_b->end) > 0 ||
			    ip_cmp(&of_b->start, &of_a->end) > 0)
				continue;
			*ret_from = ip_cmp(&of_a->start, &of_b->start) > 0 ? &of_a->start
									   : &of_b->start;
			*ret_to = ip_cmp(&of_a->end, &of_b->end) < 0 ? &of_a->end
								     : &of_b->end;
			return true;
		}
	return false;
}

static void subnets_compare(struct doctor *doctor, const struct doctor_network *a,
			    const struct doctor_network *b, bool on_two_bridges)
{
	const struct ip_addr *from, *to;
	struct ip_prefix subnet;

	if (!share_subnet(a, b, &subnet))
		return;
	if (share_addresses(a, b, &from, &to)) {
		doctor_tell(doctor, DOCTOR_PROBLEM,
			    "networks %s (%s) and %s (%s) both give out addresses of %s, "
			    "%s to %s, so two pods get one address",
			    a->name, a->file, b->name, b->file, PREFIX_TEXT(&subnet),
			    IP_TEXT(from), IP_TEXT(to));
		doctor_advise(doctor, "change ipam.ranges of one of them");
	} else if (on_two_bridges) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "networks %s (%s) and %s (%s) have the subnet %s on two "
			    "bridges, and the node's route to it leads to one of them",
			    a->name, a->file, b->name, b->file, PREFIX_TEXT(&subnet));
		doctor_advise(doctor, "give each network a subnet of its own");
	}
}

static void pair_check(struct doctor *doctor, const struct doctor_network *a,
		       const struct doctor_network *b)
{
	bool same_name = strcmp(a->name, b->name) == 0;
	bool have_bridges = switch_has_bridge(a->switch_kind) &&
			    switch_has_bridge(b->switch_kind);
	bool share_bridge = have_bridges && strcmp(a->bridge, b->bridge) == 0 &&
			    a->vlan == b->vlan;

	if (same_name) {
		doctor_tell(
			doctor, DOCTOR_PROBLEM,
			"%s and %s both have the network %s, whose pods and addresses "
			"are then taken for each other's",
			a->file, b->file, a->name);
		doctor_advise(doctor, "give one of them another name, or remove a file");
		return;
	}
	subnets_compare(doctor, a, b, have_bridges && !share_bridge);
	if (share_bridge) {
		doctor_tell(doctor, DOCTOR_WARNING,
			    "networks %s (%s) and %s (%s) share the bridge %s, so their "
			    "pods reach each other",
			    a->name, a->file, b->name, b->file, a->bridge);
		doctor_advise(doctor, "change the key bridge, or vlan, of one of them");
	}
}

void duplicates_check(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->networks.n; i++)
		for (size_t k = i + 1; k < doctor->networks.n; k++)
			pair_check(doctor, &doctor->networks.items[i],
				   &doctor->networks.items[k]);
}
