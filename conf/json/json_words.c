/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares strings with the words that a type allows. */
#include "json_words.h"

#include <stdio.h>

#include "conf/base/utf8.h"

#define WORDS_MAX	  128
#define LEVEL_OF_WORDS	  2 /* the level of the first word */
#define VALUE_TEXT(value) json_value_text((value), (char[JSON_VALUE_TEXT_MAX]){})

const char *json_value_text(const cJSON *value, char buf[JSON_VALUE_TEXT_MAX])
{
	static const char more[] = "...";
	char *text = cJSON_PrintUnformatted(value);
	size_t len = text ? strlen(text) : 0;

	if (len < JSON_VALUE_TEXT_MAX) {
		memcpy(buf, text ? text : "", len + 1);
	} else {
		len = utf8_cut(text, JSON_VALUE_TEXT_MAX - sizeof(more));
		memcpy(buf, text, len);
		memcpy(buf + len, more, sizeof(more));
	}
	cJSON_free(text);
	return buf;
}

/* "a", "b" or "c" */
static const char *words_format(const char *const *words, char buf[WORDS_MAX])
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; words[i] && len < WORDS_MAX; i++) {
		const char *lead = !i ? "" : words[i + 1] ? ", " : " or ";

		len += snprintf(buf + len, WORDS_MAX - len, "%s\"%s\"", lead, words[i]);
	}
	return buf;
}

const char *json_level_expected(const char *const *words, char buf[64])
{
	snprintf(buf, 64, "true, false or %s", words_format(words, (char[WORDS_MAX]){}));
	return buf;
}

int json_read_text(const cJSON *value, const char *const *words, bool or_empty,
		   const char **ret_value, const struct json_path *path,
		   struct cni_error *err)
{
	const char *text = value->valuestring;
	bool right = !words || (or_empty && !*text);

	for (size_t i = 0; !right && words[i]; i++)
		right = strcmp(words[i], text) == 0;
	if (!right)
		return json_error(path, NULL, err, "%s is not known, expected %s",
				  VALUE_TEXT(value),
				  words_format(words, (char[WORDS_MAX]){}));
	*ret_value = text;
	return 0;
}

int json_read_level(const cJSON *value, const char *const *words, uint8_t *ret_value,
		    const struct json_path *path, struct cni_error *err)
{
	uint8_t level = LEVEL_OF_WORDS;

	if (cJSON_IsBool(value)) {
		*ret_value = cJSON_IsTrue(value);
		return 0;
	}
	for (; *words; words++, level++)
		if (strcmp(*words, value->valuestring) == 0) {
			*ret_value = level;
			return 0;
		}
	return json_error(
		path, NULL, err, "%s is not known, expected %s", VALUE_TEXT(value),
		json_level_expected(words - (level - LEVEL_OF_WORDS), (char[64]){}));
}
