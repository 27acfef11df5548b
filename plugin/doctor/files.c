/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configurations, compared with each other and with what is installed. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "finding.h"

/* So that validate's lines aren't all repeated here, the first one of a file stands for
 * the others. */
void configurations_check(struct doctor *doctor)
{
	const struct findings *conf = &doctor->conf;

	if (doctor->networks.n == 0) {
		doctor_tell(
			doctor, DOCTOR_WARNING,
			"no network of bridge-cni was read; what it would need is not "
			"looked at");
		doctor_advise(
			doctor,
			"write a configuration into /etc/cni/net.d, or name a FILE");
	}
	for (size_t i = 0; i < conf->n; i++) {
		const struct finding *finding = &conf->items[i];
		size_t same = 0;

		if (i > 0 && strcmp(conf->items[i - 1].file, finding->file) == 0)
			continue;
		for (size_t k = i; k < conf->n; k++)
			if (strcmp(conf->items[k].file, finding->file) == 0) {
				same++;
				if (conf->items[k].level > finding->level)
					finding = &conf->items[k];
			}
		doctor_tell(
			doctor,
			finding->level == FINDING_ERROR ? DOCTOR_PROBLEM : DOCTOR_WARNING,
			"%s: %s (the first of %zu)", finding->file, finding->text, same);
		doctor_advise(doctor, "change what `bridge-cni validate` names");
	}
}

/* A runtime takes the first file of the directory, in the order of their names. */
void order_check(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->files.n; i++) {
		const struct doctor_file *file = &doctor->files.items[i];
		size_t next = i + 1;
		char off[PATH_MAX];

		if (!file->in_directory || file->ours > 0)
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
			doctor_command(doctor, "mv", file->path, off, NULL);
	}
}

static bool is_installed(const char *dirs, const char *name)
{
	while (*dirs) {
		size_t len = strcspn(dirs, ":");
		char path[PATH_MAX];

		if (len > 0 &&
		    snprintf(path, sizeof(path), "%.*s/%s", (int)len, dirs, name) <
			    (int)sizeof(path) &&
		    access(path, X_OK) == 0)
			return true;
		dirs += len + (dirs[len] == ':');
	}
	return false;
}

static void program_check(struct doctor *doctor, const char *name)
{
	char first[PATH_MAX];

	if (strchr(name, '/') || is_installed(doctor->plugin_path, name))
		return;
	snprintf(first, sizeof(first), "%.*s", (int)strcspn(doctor->plugin_path, ":"),
		 doctor->plugin_path);
	doctor_tell(doctor, DOCTOR_PROBLEM, "no plugin %s is in %s%s", name,
		    doctor->plugin_path,
		    strcmp(name, "loopback") == 0
			    ? ", and containerd calls it for every pod"
			    : "");
	if (strcmp(name, "loopback") == 0 || strcmp(name, "host-local") == 0)
		doctor_command(doctor, doctor->self, "links", "--bin-dir", first, name,
			       NULL);
	else
		doctor_advise(doctor, "install it there, or set CNI_PATH to where it is");
}

void programs_check(struct doctor *doctor)
{
	bool loopback = false;

	for (size_t i = 0; i < doctor->programs.n; i++) {
		const char *name = doctor->programs.items[i];

		loopback |= strcmp(name, "loopback") == 0;
		program_check(doctor, name);
	}
	if (!loopback && doctor->networks.n > 0)
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

static void pair_check(struct doctor *doctor, const struct doctor_network *a,
		       const struct doctor_network *b)
{
	bool same_name = strcmp(a->name, b->name) == 0;
	struct ip_prefix subnet;

	if (same_name) {
		doctor_tell(
			doctor, DOCTOR_PROBLEM,
			"%s and %s both have the network %s, whose pods and addresses "
			"are then taken for each other's",
			a->file, b->file, a->name);
		doctor_advise(doctor, "give one of them another name, or remove a file");
		return;
	}
	if (share_subnet(a, b, &subnet)) {
		doctor_tell(
			doctor, DOCTOR_PROBLEM,
			"networks %s (%s) and %s (%s) both give out %s, so two pods get "
			"one address",
			a->name, a->file, b->name, b->file, PREFIX_TEXT(&subnet));
		doctor_advise(doctor, "change ipam.ranges of one of them");
	}
	if (strcmp(a->bridge, b->bridge) == 0 && a->vlan == b->vlan) {
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
