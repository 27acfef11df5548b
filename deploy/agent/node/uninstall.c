/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pod is left while it has a record and lives, or an interface without a record; and
 * while the namespace is there in which it was before it was disconnected: the runtime
 * removes that when its own DEL has succeeded.
 *
 * The order: `bridge-cni cleanup` refuses where somebody came meanwhile, so the
 * configuration goes after it has succeeded; the executable goes last, with its links.
 */
#include "uninstall.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "attachment_life.h"
#include "conf/base/clock.h"
#include "conf/base/printable.h"
#include "conf/identity.h"
#include "conflist.h"
#include "deploy/agent/api/annotate_once.h"
#include "deploy/agent/base/files.h"
#include "deploy/agent/tunnel/tunnel_upkeep.h"
#include "disconnected.h"
#include "former_gateways.h"
#include "install.h"
#include "plugin/netlink/link.h"
#include "plugin_job.h"
#include "plugin_links.h"
#include "port_pod.h"
#include "ready_file.h"
#include "routes.h"
#include "sealed_routes.h"
#include "store_files.h"

#define FILE_DIR  NODE_LOCK_DIR
#define FILE_NAME "uninstall.conflist" /* what `bridge-cni cleanup` is given */
#define RETRY_MS  5000

/*
 * How long the configuration stays behind the last pod, unless it is asked for once
 * (--cleanup): containerd sends a second DEL when the kubelet has it throw the sandbox
 * away, which the kubelet looks for once a minute. A runtime that has read the
 * configuration late may also be at an ADD still.
 */
static int64_t linger_ms(const struct options *options)
{
	return options->uninstall ? (int64_t)options->linger_seconds * 1000 : 0;
}

static void failed(struct uninstall *uninstall, const char *what, struct cni_error *err)
{
	log_error_once(uninstall->log, &uninstall->error, what, err);
	uninstall->retry_at = now_ms() + RETRY_MS;
}

static bool is_left(const struct recorded *item)
{
	return item->life == LIFE_ALIVE || item->life == LIFE_SEEN;
}

/* Is it one that `bridge-cni cleanup --force` disconnects? */
static bool is_own(const struct uninstall *uninstall, const struct recorded *item)
{
	return strcmp(item->record.network, uninstall->network->name) == 0 &&
	       record_is_on(&item->record, uninstall->network->bridge);
}

static const char *name_of(const struct record *record)
{
	return record->pod[0] ? record->pod : record->container_id;
}

static bool is_listed(const struct recorded_list *list, const struct alias_names *names)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i].record.container_id, names->container_id) ==
			    0 &&
		    strcmp(list->items[i].record.ifname, names->ifname) == 0)
			return true;
	return false;
}

/* Adds pods whose record is damaged, was deleted, or is in another store. */
static int find_unlisted(struct uninstall *uninstall, const struct recorded_list *list,
			 struct cni_error *err)
{
	_cleanup_(link_list_clear) struct link_list links = {};
	int ret = link_list_get(uninstall->rtnl, &links, err);

	for (size_t i = 0; ret == 0 && i < links.n; i++) {
		struct alias_names names;

		if (port_is_pods(&links.items[i]) &&
		    identity_alias_read(links.items[i].alias, &names) &&
		    !is_listed(list, &names))
			pod_names_add(&uninstall->left, names.container_id);
	}
	return ret;
}

/* Lists every network's attachments: all of them need the executable for their DEL. */
static int find_left(struct uninstall *uninstall, struct recorded_list *list,
		     bool *ret_own, struct cni_error *err)
{
	int ret = recorded_list_open(list, err);

	uninstall->left = (struct pod_names){};
	*ret_own = false;
	if (ret == 0)
		ret = recorded_list_add_all(list, uninstall->network, err);
	for (size_t i = 0; ret == 0 && i < list->n; i++) {
		if (!is_left(&list->items[i]))
			continue;
		pod_names_add(&uninstall->left, name_of(&list->items[i].record));
		*ret_own |= is_own(uninstall, &list->items[i]);
	}
	return ret < 0 ? ret : find_unlisted(uninstall, list, err);
}

static bool has_conflist(const struct options *options)
{
	char path[PATH_MAX];
	struct stat st;

	return path_join(path, options->conf_dir, options->conflist, NULL) == 0 &&
	       lstat(path, &st) == 0;
}

/* Has the node nothing of the network? Somebody may have deleted the store under a
 * bridge, whose alias tells whose it is. */
static bool is_bare(const struct uninstall *uninstall)
{
	static const char prefix[] = BRIDGE_ALIAS_PREFIX;
	struct link bridge;

	return !has_conflist(uninstall->options) &&
	       !store_files_have_network(uninstall->network) &&
	       link_get(uninstall->rtnl, uninstall->network->bridge, &bridge, NULL) ==
		       0 &&
	       !(bridge.index && strncmp(bridge.alias, prefix, strlen(prefix)) == 0);
}

static void tell(struct uninstall *uninstall, bool connected)
{
	pod_names_tell(
		&uninstall->left, uninstall->log, &uninstall->told,
		connected ? "uninstalling: no new pods; the rest goes when these are "
			    "gone: drain this node"
			  : "uninstalling: these are disconnected; the configuration "
			    "stays until they are deleted: delete them",
		"uninstall",
		uninstall->options->uninstall == UNINSTALL_NOW ? "now" : "drain");
}

static enum uninstall_step step_of(struct uninstall *uninstall, bool own)
{
	int64_t now = now_ms();

	if (own && uninstall->options->uninstall == UNINSTALL_NOW)
		return UNINSTALL_DISCONNECT;
	if (uninstall->left.n) {
		uninstall->empty_since = 0;
		return UNINSTALL_WAIT;
	}
	uninstall->told = (struct pod_names_told){};
	if (is_bare(uninstall))
		return UNINSTALL_REMOVE;
	if (!uninstall->empty_since)
		uninstall->empty_since = now;
	return now - uninstall->empty_since < linger_ms(uninstall->options)
		       ? UNINSTALL_WAIT
		       : UNINSTALL_CLEANUP;
}

void uninstall_look(struct uninstall *uninstall)
{
	_cleanup_(recorded_list_clear) struct recorded_list list = RECORDED_LIST_EMPTY;
	struct cni_error err = {};
	bool own, connected;
	int ret = find_left(uninstall, &list, &own, &err);

	connected = uninstall->left.n;
	if (ret == 0 && !connected)
		ret = disconnected_find(&uninstall->left, &err);
	if (ret < 0) {
		failed(uninstall, "looking for pods has failed", &err);
		uninstall->step = UNINSTALL_WAIT;
		return;
	}
	uninstall->step = step_of(uninstall, own);
	if (uninstall->step != UNINSTALL_WAIT)
		return;
	uninstall->error = 0;
	if (uninstall->options->uninstall)
		tell(uninstall, connected);
}

/* Before pods are disconnected it is written down who they are: their records go. */
static int disconnect_start(struct uninstall *uninstall, struct job *job,
			    struct cni_error *err)
{
	_cleanup_(recorded_list_clear) struct recorded_list list = RECORDED_LIST_EMPTY;
	struct text names = {};
	bool own;
	int ret = find_left(uninstall, &list, &own, err);

	for (size_t i = 0; ret == 0 && i < list.n; i++)
		if (is_left(&list.items[i]) && is_own(uninstall, &list.items[i]))
			ret = disconnected_add(name_of(&list.items[i].record),
					       list.items[i].record.netns, err);
	if (ret < 0)
		return ret;
	pod_names_text(&uninstall->left, &names);
	log_write(uninstall->log, LOG_LEVEL_WARN, "uninstalling: pods are disconnected",
		  "pods", names.text && !names.failed ? names.text : "", NULL);
	free(names.text);
	return plugin_job_start(job, uninstall->options, "cleanup", "--force", FILE_DIR,
				FILE_NAME, err);
}

void uninstall_start(struct uninstall *uninstall, struct job *job)
{
	_cleanup_(free_p) char *text = NULL;
	struct cni_error err = {};
	int ret;

	if (job->pid || now_ms() < uninstall->retry_at ||
	    (uninstall->step != UNINSTALL_DISCONNECT &&
	     uninstall->step != UNINSTALL_CLEANUP))
		return;
	text = conflist_drained(uninstall->options, uninstall->network);
	ret = text ? file_replace(FILE_DIR, FILE_NAME, text, &err) : error_oom(&err);
	if (ret == 0 && uninstall->step == UNINSTALL_DISCONNECT)
		ret = disconnect_start(uninstall, job, &err);
	else if (ret == 0)
		ret = plugin_job_start(job, uninstall->options, "cleanup", NULL, FILE_DIR,
				       FILE_NAME, &err);
	if (ret < 0)
		failed(uninstall, "uninstalling has failed", &err);
}

void uninstall_ended(struct uninstall *uninstall, int status, char *output)
{
	struct cni_error err = {};
	size_t len = strlen(output);

	if (len && output[len - 1] == '\n')
		output[len - 1] = '\0';
	if (status) {
		error_set(&err, CNI_ERR_TRY_AGAIN, EBUSY, "%s", output);
		failed(uninstall, "bridge-cni cleanup has failed", &err);
		return;
	}
	uninstall->error = 0;
	log_write(uninstall->log, LOG_LEVEL_INFO, "bridge-cni cleanup", "output", output,
		  NULL);
	uninstall->step = uninstall->step == UNINSTALL_CLEANUP ? UNINSTALL_REMOVE
							       : UNINSTALL_WAIT;
}

/* Removes the Node's annotation of the WireGuard key, before the device by which it is told
 * that there may be one: an agent that is killed, or fails, in between does both again.
 * Without the API server the annotation stays, and the log says so. */
static void annotations_forget(const struct uninstall *uninstall)
{
	static const char *const names[] = {WIREGUARD_ANNOTATION};
	const struct options *options = uninstall->options;
	const struct transport_spec spec = {
		.server = options->api_server,
		.token_file = options->token_file,
		.ca_file = options->ca_file,
		.cert_file = options->cert_file,
		.key_file = options->key_file,
	};

	if (!tunnel_has_wireguard(uninstall->rtnl) &&
	    !options_have_tunnel(options, TUNNEL_WIREGUARD))
		return;
	(void)annotations_remove(&spec, options->node_name,
				 &(struct annotation_names){names, ARRAY_SIZE(names)},
				 WIREGUARD_RIGHTS, uninstall->log);
}

static int remove_all(struct uninstall *uninstall, struct cni_error *err)
{
	const struct options *options = uninstall->options;
	size_t routes;
	int ret = file_remove(options->conf_dir, options->conflist, err);

	if (ret == FILE_REMOVED)
		log_write(uninstall->log, LOG_LEVEL_INFO, "configuration removed", "file",
			  options->conflist, NULL);
	if (ret >= 0)
		ret = routes_remove(uninstall->rtnl, &routes, err);
	if (ret >= 0)
		ret = sealed_routes_sync(uninstall->rtnl, &(struct sealed_prefixes){},
					 err);
	if (ret >= 0)
		annotations_forget(uninstall);
	if (ret >= 0)
		ret = tunnel_remove(uninstall->rtnl, uninstall->nft, err);
	if (ret >= 0)
		flannel_annotations_remove(options, uninstall->rtnl, uninstall->log);
	if (ret >= 0)
		ret = former_gateways_remove(uninstall->rtnl, uninstall->network->bridge,
					     err);
	if (ret >= 0)
		ret = ready_file_remove(err);
	if (ret >= 0)
		ret = disconnected_forget(err);
	return ret < 0 ? ret : file_remove(FILE_DIR, FILE_NAME, err);
}

/* Removes the links and the executable, unless a runtime needs them. Others' pods and
 * configurations come and go, so that is asked each time. Links to an executable that
 * somebody else has put there are his. */
static int remove_executable(const struct uninstall *uninstall, char ret_by[PATH_MAX],
			     struct cni_error *err)
{
	const struct options *options = uninstall->options;
	int ret = 0;

	ret_by[0] = '\0';
	if (install_is_agents(options->bin_dir)) {
		ret = plugin_links_needed(options, ret_by, err);
		if (ret < 0 || ret_by[0])
			return ret;
		ret = plugin_links_remove(options->bin_dir, err);
	}
	return ret < 0 ? ret : install_remove(options->bin_dir, err);
}

static void tell_done(const struct uninstall *uninstall)
{
	if (uninstall->needed_by[0])
		log_write(uninstall->log, LOG_LEVEL_WARN,
			  "uninstalled, but for the executable and its links, which "
			  "runtimes need to delete pods",
			  "directory", uninstall->options->bin_dir, "needed-by",
			  uninstall->needed_by, NULL);
	else
		log_write(uninstall->log, LOG_LEVEL_INFO,
			  "uninstalled: nothing that the agent has made is left on this "
			  "node",
			  NULL);
}

bool uninstall_remove(struct uninstall *uninstall)
{
	bool was_done = uninstall->step == UNINSTALL_DONE;
	bool was_needed = uninstall->needed_by[0];
	struct cni_error err = {};
	int ret = was_done ? 0 : remove_all(uninstall, &err);

	if (ret >= 0)
		ret = remove_executable(uninstall, uninstall->needed_by, &err);
	if (ret < 0) {
		failed(uninstall, "uninstalling has failed", &err);
		uninstall->step = UNINSTALL_REMOVE;
		return false;
	}
	uninstall->step = UNINSTALL_DONE;
	if (!was_done || was_needed != (bool)uninstall->needed_by[0])
		tell_done(uninstall);
	return !uninstall->needed_by[0];
}

void uninstall_text(const struct uninstall *uninstall, struct text *text)
{
	int64_t rest = uninstall->empty_since + linger_ms(uninstall->options) - now_ms();

	if (uninstall->step == UNINSTALL_DONE && uninstall->needed_by[0]) {
		text_add(text, "uninstalled, but for the executable and its links, which "
			       "runtimes need to delete pods: there is ");
		text_add_printable(text, uninstall->needed_by);
		text_add(text, "\n");
	} else if (uninstall->step == UNINSTALL_DONE) {
		text_add(text, "uninstalled: the node has nothing of bridge-cni\n");
	} else if (uninstall->left.n) {
		text_add(text, "uninstalling: waits for these pods: ");
		pod_names_text(&uninstall->left, text);
		text_add(text, "\n");
	} else if (uninstall->error) {
		text_add(text,
			 "uninstalling has failed, and is tried again; the log says "
			 "why\n");
	} else {
		text_add(text,
			 "uninstalling: no pod is left; all else is removed in %d s\n",
			 rest > 0 ? (int)((rest + 999) / 1000) : 0);
	}
}
