/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text becomes a document, tables read it, and the current context chooses of it. */
#include "kubeconfig.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/json/json_doc.h"
#include "conf/json/json_table.h"
#include "deploy/agent/base/files.h"
#include "yaml_json.h"

#define ENTRIES_MAX 256 /* of each list */

/* -- the document */

struct cluster {
	const char *server, *ca_file, *ca_data;
	bool insecure;
	const char *server_name, *proxy;
};
struct user {
	const char *token, *token_file, *cert_file, *cert_data, *key_file, *key_data;
	const char *name, *password, *as;
	bool has_exec, has_provider;
};
struct context {
	const char *cluster, *user;
};
struct entry {
	const char *name;
	union {
		struct cluster cluster;
		struct user user;
		struct context context;
	};
};
struct entries {
	struct entry *items;
	size_t n;
};
struct document {
	const char *current;
	struct entries clusters, users, contexts;
};

static const struct json_type any_object = {.kind = JSON_OBJECT};

static const struct json_field cluster_fields[] = {
	FIELD_REQUIRED(struct cluster, server, "server", &text_type),
	FIELD(struct cluster, ca_file, "certificate-authority", &text_type),
	FIELD(struct cluster, ca_data, "certificate-authority-data", &text_type),
	FIELD(struct cluster, insecure, "insecure-skip-tls-verify", &bool_type),
	FIELD(struct cluster, server_name, "tls-server-name", &text_type),
	FIELD(struct cluster, proxy, "proxy-url", &text_type),
};
static const struct json_field user_fields[] = {
	FIELD(struct user, token, "token", &text_type),
	FIELD(struct user, token_file, "tokenFile", &text_type),
	FIELD(struct user, cert_file, "client-certificate", &text_type),
	FIELD(struct user, cert_data, "client-certificate-data", &text_type),
	FIELD(struct user, key_file, "client-key", &text_type),
	FIELD(struct user, key_data, "client-key-data", &text_type),
	FIELD(struct user, name, "username", &text_type),
	FIELD(struct user, password, "password", &text_type),
	FIELD(struct user, as, "as", &text_type),
	FIELD_SET(struct user, name, has_exec, "exec", &any_object),
	FIELD_SET(struct user, name, has_provider, "auth-provider", &any_object),
};
static const struct json_field context_fields[] = {
	FIELD_REQUIRED(struct context, cluster, "cluster", &text_type),
	FIELD_REQUIRED(struct context, user, "user", &text_type),
};
static const struct json_type cluster_type = OBJECT(cluster_fields);
static const struct json_type user_type = OBJECT(user_fields);
static const struct json_type context_type = OBJECT(context_fields);

#define ENTRY(what)                                                               \
	static const struct json_field what##_entry_fields[] = {                  \
		FIELD_REQUIRED(struct entry, name, "name", &text_type),           \
		FIELD_REQUIRED(struct entry, what, #what, &what##_type),          \
	};                                                                        \
	static const struct json_type what##_entry = OBJECT(what##_entry_fields); \
	static const struct json_type what##_list = {.kind = JSON_LIST,           \
						     .max = ENTRIES_MAX,          \
						     .item = &what##_entry,       \
						     .item_size = sizeof(struct entry)}
ENTRY(cluster);
ENTRY(user);
ENTRY(context);

static const struct json_field document_fields[] = {
	FIELD_REQUIRED(struct document, current, "current-context", &text_type),
	FIELD_REQUIRED(struct document, clusters, "clusters", &cluster_list),
	FIELD_REQUIRED(struct document, users, "users", &user_list),
	FIELD_REQUIRED(struct document, contexts, "contexts", &context_list),
};
static const struct json_type document_type = OBJECT(document_fields);

static int lacks(struct cni_error *err, const char *what, const char *name)
{
	return error_set(err, CNI_ERR_CONFIG, EINVAL, what, name);
}

static int find(const struct entries *list, const char *key, const char *name,
		const struct entry **ret_entry, struct cni_error *err)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->items[i].name, name) != 0)
			continue;
		*ret_entry = &list->items[i];
		return 0;
	}
	return error_set(err, CNI_ERR_CONFIG, EINVAL, "%s: there is no \"%s\"", key,
			 name);
}

/* -- what it says, as files */

/* Decodes base64 (RFC 4648, section 4) in its place; line ends may be in it. Returns the length,
 * or -EINVAL. */
static ssize_t base64_decode(char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/";
	uint32_t bits = 0;
	unsigned int n = 0, pad = 0;
	char *to = text;

	for (const char *from = text; *from; from++) {
		const char *digit = strchr(digits, *from);

		if (isspace((unsigned char)*from))
			continue;
		if (*from == '=')
			pad++;
		else if (!digit || pad)
			return -EINVAL;
		bits = bits << 6 | (digit ? digit - digits : 0);
		if (++n % 4)
			continue;
		*to++ = bits >> 16;
		*to++ = bits >> 8;
		*to++ = bits;
		bits = 0;
	}
	return n % 4 || pad > 2 ? -EINVAL : to - text - (ssize_t)pad;
}

/* A file that has no name but in this process. */
static int file_in_memory(struct kubeconfig *kubeconfig, enum kubeconfig_file which,
			  const char *bytes, size_t len, struct cni_error *err)
{
	int fd = memfd_create("kubeconfig", MFD_CLOEXEC);

	if (fd < 0)
		return error_errno(err, CNI_ERR_INTERNAL, errno, "memfd_create");
	kubeconfig->fds[which] = fd;
	if (write(fd, bytes, len) != (ssize_t)len)
		return error_errno(err, CNI_ERR_INTERNAL, errno, "writing to memory");
	if (asprintf(&kubeconfig->files[which], "/proc/self/fd/%d", fd) < 0) {
		kubeconfig->files[which] = NULL;
		return error_oom(err);
	}
	return 0;
}

static int file_of_data(struct kubeconfig *kubeconfig, enum kubeconfig_file which,
			const char *key, const char *data, struct cni_error *err)
{
	_cleanup_(free_p) char *bytes = strdup(data);
	ssize_t len;
	int ret;

	if (!bytes)
		return error_oom(err);
	len = base64_decode(bytes);
	ret = len <= 0 ? lacks(err, "%s isn't base64", key)
		       : file_in_memory(kubeconfig, which, bytes, len, err);
	explicit_bzero(bytes, strlen(data));
	return ret;
}

/* The bytes go before the file, as with kubectl. */
static int file_set(struct kubeconfig *kubeconfig, enum kubeconfig_file which,
		    const char *key, const char *data, const char *file, const char *dir,
		    struct cni_error *err)
{
	int ret;

	if (data && data[0])
		return file_of_data(kubeconfig, which, key, data, err);
	if (!file || !file[0])
		return 0;
	ret = file[0] == '/' ? asprintf(&kubeconfig->files[which], "%s", file)
			     : asprintf(&kubeconfig->files[which], "%s/%s", dir, file);
	if (ret >= 0)
		return 0;
	kubeconfig->files[which] = NULL;
	return error_oom(err);
}

static int cluster_use(const struct cluster *cluster, const char *dir,
		       struct kubeconfig *kubeconfig, struct cni_error *err)
{
	int ret;

	if (strncmp(cluster->server, "https://", 8) != 0)
		return lacks(err,
			     "server: \"%s\" isn't right, expected https://HOST:PORT",
			     cluster->server);
	if (cluster->insecure)
		return lacks(err, "%s: the server has to prove who it is",
			     "insecure-skip-tls-verify");
	if (cluster->server_name && cluster->server_name[0])
		return lacks(err, "%s is not known here", "tls-server-name");
	if (cluster->proxy && cluster->proxy[0])
		return lacks(err, "%s is not known here", "proxy-url");
	kubeconfig->server = strdup(cluster->server);
	if (!kubeconfig->server)
		return error_oom(err);
	/* Paths follow it. */
	for (size_t len = strlen(kubeconfig->server);
	     len > 8 && kubeconfig->server[len - 1] == '/'; len--)
		kubeconfig->server[len - 1] = '\0';
	ret = file_set(kubeconfig, KUBECONFIG_CA, "certificate-authority-data",
		       cluster->ca_data, cluster->ca_file, dir, err);
	return ret == 0 && !kubeconfig->files[KUBECONFIG_CA]
		       ? lacks(err, "%s is missing", "certificate-authority-data")
		       : ret;
}

static int user_check(const struct user *user, struct cni_error *err)
{
	if (user->has_exec || user->has_provider)
		return lacks(
			err,
			"%s: no program is asked for credentials, expected a token or "
			"a certificate",
			user->has_exec ? "exec" : "auth-provider");
	if ((user->name && user->name[0]) || (user->password && user->password[0]))
		return lacks(err,
			     "%s is not known here, expected a token or a certificate",
			     "username");
	if (user->as && user->as[0])
		return lacks(err, "%s is not known here", "as");
	return 0;
}

static int user_use(const struct user *user, const char *dir,
		    struct kubeconfig *kubeconfig, struct cni_error *err)
{
	char **files = kubeconfig->files;
	int ret = user_check(user, err);

	if (ret == 0 && user->token_file && user->token_file[0])
		ret = file_set(kubeconfig, KUBECONFIG_TOKEN, "tokenFile", NULL,
			       user->token_file, dir, err);
	else if (ret == 0 && user->token && user->token[0])
		ret = file_in_memory(kubeconfig, KUBECONFIG_TOKEN, user->token,
				     strlen(user->token), err);
	if (ret == 0)
		ret = file_set(kubeconfig, KUBECONFIG_CERT, "client-certificate-data",
			       user->cert_data, user->cert_file, dir, err);
	if (ret == 0)
		ret = file_set(kubeconfig, KUBECONFIG_KEY, "client-key-data",
			       user->key_data, user->key_file, dir, err);
	if (ret < 0)
		return ret;
	if (!files[KUBECONFIG_CERT] != !files[KUBECONFIG_KEY])
		return lacks(err, "%s is missing",
			     files[KUBECONFIG_CERT] ? "client-key"
						    : "client-certificate");
	if (!files[KUBECONFIG_CERT] && !files[KUBECONFIG_TOKEN])
		return lacks(err, "%s is missing", "token, or client-certificate");
	return 0;
}

static int document_use(const struct document *document, const char *dir,
			struct kubeconfig *kubeconfig, struct cni_error *err)
{
	const struct entry *context = NULL, *cluster = NULL, *user = NULL;
	int ret = find(&document->contexts, "contexts", document->current, &context, err);

	if (ret == 0)
		ret = find(&document->clusters, "clusters", context->context.cluster,
			   &cluster, err);
	if (ret == 0)
		ret = find(&document->users, "users", context->context.user, &user, err);
	if (ret < 0 || !cluster || !user)
		return ret;
	ret = cluster_use(&cluster->cluster, dir, kubeconfig, err);
	if (ret < 0) {
		error_wrap(err, "cluster \"%s\"", cluster->name);
		return ret;
	}
	ret = user_use(&user->user, dir, kubeconfig, err);
	if (ret < 0)
		error_wrap(err, "user \"%s\"", user->name);
	return ret;
}

int kubeconfig_parse(const char *text, size_t len, const char *dir,
		     struct kubeconfig *ret_kubeconfig, struct cni_error *err)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	_cleanup_(free_p) char *json = NULL;
	struct kubeconfig kubeconfig = KUBECONFIG_NONE;
	struct document document = {};
	size_t space = 0;
	int ret = 0;

	while (space < len && isspace((unsigned char)text[space]))
		space++;
	if (space < len && text[space] != '{')
		ret = yaml_to_json(text, len, &json, err);
	if (ret == 0)
		ret = json_parse(json ? json : text, json ? strlen(json) : len, &doc,
				 err);
	if (json)
		explicit_bzero(json, strlen(json));
	if (ret < 0)
		return ret;
	ret = json_read(doc, &document_type, &document, err);
	if (ret < 0)
		return ret;
	ret = document_use(&document, dir, &kubeconfig, err);
	json_clear(&document_type, &document);
	if (ret < 0)
		kubeconfig_close(&kubeconfig);
	else
		*ret_kubeconfig = kubeconfig;
	return ret;
}

int kubeconfig_open(const char *path, struct kubeconfig *ret_kubeconfig,
		    struct cni_error *err)
{
	_cleanup_(free_p) char *text = NULL, *dir = strdup(path);
	size_t len;
	int ret = dir ? file_read(path, &text, &len, err) : error_oom(err);

	if (ret == FILE_ABSENT)
		return error_errno(err, CNI_ERR_IO, ENOENT, "reading %s", path);
	if (ret < 0)
		return ret;
	dir[strrchr(dir, '/') - dir] = '\0'; /* an absolute path */
	ret = kubeconfig_parse(text, len, dir, ret_kubeconfig, err);
	explicit_bzero(text, len);
	if (ret < 0)
		error_wrap(err, "%s", path);
	return ret;
}

void kubeconfig_close(struct kubeconfig *kubeconfig)
{
	free(kubeconfig->server);
	for (size_t i = 0; i < KUBECONFIG_FILES; i++) {
		free(kubeconfig->files[i]);
		close_p(&kubeconfig->fds[i]);
	}
	*kubeconfig = KUBECONFIG_NONE;
}
