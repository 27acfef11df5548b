/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values and lists of elements. */
#include "nf_tables_element.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void nft_value_add_part(struct nft_value *value, const void *bytes, size_t len)
{
	size_t padded = (len + NFT_PART_SIZE - 1) / NFT_PART_SIZE * NFT_PART_SIZE;

	assert(bytes && value->len + padded <= NFT_VALUE_MAX);
	memcpy(value->bytes + value->len, bytes, len);
	memset(value->bytes + value->len + len, 0, padded - len);
	value->len += padded;
}

void nft_element_list_clear(struct nft_element_list *list)
{
	free(list->items);
	*list = (struct nft_element_list){};
}

int nft_element_list_grow(struct nft_element_list *list, size_t more)
{
	struct nft_element *grown = reallocarray(list->items, list->n + more + 1,
						 sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	memset(grown + list->n, 0, (more + 1) * sizeof(*grown));
	list->items = grown;
	return 0;
}

int nft_element_list_add(struct nft_element_list *list, const struct nft_element *element)
{
	if (nft_element_list_grow(list, 1) < 0)
		return -ENOMEM;
	list->items[list->n++] = *element;
	return 0;
}

int nft_element_list_append(struct nft_element_list *list,
			    const struct nft_element_list *more)
{
	if (nft_element_list_grow(list, more->n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < more->n; i++)
		list->items[list->n++] = more->items[i];
	return 0;
}
