/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links to the executable, by whose names runtimes find the other plugins that it is
 * (cni_names). A link is beside the executable and leads to it by its name alone,
 * so that it goes along when the executable is replaced or the directory is moved. What
 * somebody else has put there under such a name is never touched.
 */
#ifndef BRIDGE_CNI_PLUGIN_NAME_LINKS_H
#define BRIDGE_CNI_PLUGIN_NAME_LINKS_H

#include <stdbool.h>

#include "conf/env.h"

/* Outcomes of name_link_make() and name_link_remove() other than 0 and an error. */
#define NAME_LINK_DONE	1
#define NAME_LINK_TAKEN 2 /* something else has the name */

/*
 * Makes the link of that name in the directory. 0: the executable has the name already,
 * by a link or otherwise. Code 5: it can't be made, or the executable isn't in @dir.
 */
int name_link_make(const char *dir, const char *name, struct cni_error *err);

/* Is there a link as name_link_make() makes it? */
bool name_link_is_there(const char *dir, const char *name);

/* Removes such a link; 0: there is none. Code 5. */
int name_link_remove(const char *dir, const char *name, struct cni_error *err);

/* Finds a name's place in cni_names. The name need not end with a NUL. False: it isn't
 * there. */
bool name_link_find(const char *name, size_t len, int *ret_place);

#endif
