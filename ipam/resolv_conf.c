/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the dns of a result from a file in the format of resolv.conf(5). */
#include "resolv_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/base/utf8.h"

#define KEY   "ipam.resolvConf"
#define BLANK " \t\v\f\r"

/* Reads the whole file, and puts a NUL behind it. */
static int read_text(const char *path, char **ret_text, struct cni_error *err)
{
	_cleanup_(free_p) char *text = NULL;
	_cleanup_(close_p) int fd = -1;
	struct stat st;
	size_t len = 0;
	ssize_t n;

	/* O_NONBLOCK: the open of a FIFO must not wait for a writer. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, CNI_ERR_IO, errno, KEY ": can't open %s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, CNI_ERR_IO, EINVAL,
				 KEY ": %s is not a regular file", path);
	text = malloc(RESOLV_CONF_MAX + 1);
	if (!text)
		return error_oom(err);
	do {
		n = read(fd, text + len, RESOLV_CONF_MAX + 1 - len);
		if (n < 0)
			return error_errno(err, CNI_ERR_IO, errno, KEY ": can't read %s",
					   path);
		len += (size_t)n;
	} while (n > 0 && len <= RESOLV_CONF_MAX);
	if (len > RESOLV_CONF_MAX)
		return error_set(err, CNI_ERR_IO, EFBIG,
				 KEY ": %s has more than %d bytes, which is the limit",
				 path, RESOLV_CONF_MAX);
	text[len] = '\0';
	if (strlen(text) != len)
		return error_set(err, CNI_ERR_IO, EINVAL,
				 KEY ": %s has a NUL in its text", path);
	*ret_text = TAKE_PTR(text);
	return 0;
}

/* Words go into JSON, which must be UTF-8; comments may be anything. */
static int check_word(const char *word, struct cni_error *err)
{
	size_t left = strlen(word), n;

	for (; left > 0; word += n, left -= n) {
		n = utf8_char_len(word, left);
		if (n == 0)
			return error_set(err, CNI_ERR_IO, EILSEQ,
					 "a word in it is not UTF-8 text");
	}
	return 0;
}

static int list_add(struct string_list *list, const char *word, struct cni_error *err)
{
	const char **items;
	int ret;

	ret = check_word(word, err);
	if (ret < 0)
		return ret;
	items = realloc(list->items, (list->n + 1) * sizeof(*items));
	if (!items)
		return error_oom(err);
	items[list->n++] = word;
	list->items = items;
	return 0;
}

/* Cuts the next word out of *rest; NULL when there is none. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, BLANK);

	if (!*word)
		return NULL;
	*rest = word + strcspn(word, BLANK);
	if (**rest)
		*(*rest)++ = '\0';
	return word;
}

static int add_words(struct string_list *list, char *word, char *rest,
		     struct cni_error *err)
{
	for (; word; word = next_word(&rest)) {
		int ret = list_add(list, word, err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static int parse_line(char *line, struct dns *dns, struct cni_error *err)
{
	char *rest = line, *key, *word;

	key = next_word(&rest);
	if (!key || key[0] == '#' || key[0] == ';')
		return 0;
	word = next_word(&rest);
	if (!word)
		return 0;
	if (strcmp(key, "nameserver") == 0)
		return list_add(&dns->nameservers, word, err);
	if (strcmp(key, "search") == 0)
		return add_words(&dns->search, word, rest, err);
	if (strcmp(key, "options") == 0)
		return add_words(&dns->options, word, rest, err);
	if (strcmp(key, "domain") != 0)
		return 0;
	dns->domain = word;
	return check_word(word, err);
}

int resolv_conf_read(const char *path, struct dns *ret_dns, char **ret_text,
		     struct cni_error *err)
{
	_cleanup_(free_p) char *text = NULL;
	_cleanup_(dns_clear) struct dns dns = {};
	char *rest, *line;
	int ret;

	ret = read_text(path, &text, err);
	if (ret < 0)
		return ret;
	for (rest = text; (line = strsep(&rest, "\n"));) {
		ret = parse_line(line, &dns, err);
		if (ret < 0) {
			error_wrap(err, KEY ": %s", path);
			return ret;
		}
	}
	*ret_dns = dns;
	dns = (struct dns){};
	*ret_text = TAKE_PTR(text);
	return 0;
}
