# SPDX-License-Identifier: GPL-2.0-or-later
"""Features of the kernel's nftables, and a libnftables that answers as on a kernel which lacks something."""
import pathlib
import shutil

import pytest

from . import plugin

SOURCE = """
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
struct nft_ctx;
static void *real(const char *name)
{
	void *library = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
	return library ? dlsym(library, name) : NULL;
}
static int refused;
struct nft_ctx *nft_ctx_new(unsigned int flags)
{
	return ((struct nft_ctx * (*)(unsigned int)) real("nft_ctx_new"))(flags);
}
void nft_ctx_free(struct nft_ctx *ctx)
{
	((void (*)(struct nft_ctx *))real("nft_ctx_free"))(ctx);
}
int nft_ctx_buffer_error(struct nft_ctx *ctx)
{
	return ((int (*)(struct nft_ctx *))real("nft_ctx_buffer_error"))(ctx);
}
int nft_ctx_buffer_output(struct nft_ctx *ctx)
{
	return ((int (*)(struct nft_ctx *))real("nft_ctx_buffer_output"))(ctx);
}
const char *nft_ctx_get_error_buffer(struct nft_ctx *ctx)
{
	if (refused)
		return "Error: Could not process rule: " WORDS "\\n";
	return ((const char *(*)(struct nft_ctx *))real("nft_ctx_get_error_buffer"))(ctx);
}
const char *nft_ctx_get_output_buffer(struct nft_ctx *ctx)
{
	return ((const char *(*)(struct nft_ctx *))real("nft_ctx_get_output_buffer"))(ctx);
}
void nft_ctx_output_set_flags(struct nft_ctx *ctx, unsigned int flags)
{
	((void (*)(struct nft_ctx *, unsigned int))real("nft_ctx_output_set_flags"))(ctx, flags);
}
int nft_run_cmd_from_buffer(struct nft_ctx *ctx, const char *text)
{
	refused = strstr(text, EXPRESSION) != NULL;
	return refused ? -1 : ((int (*)(struct nft_ctx *, const char *))real(
				      "nft_run_cmd_from_buffer"))(ctx, text);
}
"""


def without(node, tmp_path, expression, words):
    """Arguments of node.add(), so that the plugin is refused rules with that expression, in
    these words of the kernel."""
    if plugin.SANITIZED:
        pytest.skip("what the sanitizer is told to load comes first")
    if not shutil.which("cc"):
        pytest.skip("there is no compiler here")
    executable, directory, env = plugin.BRIDGE_CNI, tmp_path / "lib", plugin.TRACED
    if plugin.BUNDLED:
        shutil.copytree(pathlib.Path(executable).resolve().parent, tmp_path / "bundle")
        executable = str(tmp_path / "bundle/bridge-cni")
        directory = tmp_path / "bundle/bridge-cni.lib"
        real = directory / "real-libnftables.so"
        (directory / "libnftables.so.1").rename(real)
    else:
        directory.mkdir()
        real = next(line.split()[-1] for line in node.run("/sbin/ldconfig", "-p").stdout
                    .splitlines() if line.split()[:1] == ["libnftables.so.1"])
        env = {**env, "LD_LIBRARY_PATH": str(directory)}
    source = tmp_path / "without.c"
    source.write_text(SOURCE)
    node.run("cc", "-shared", "-fPIC", f'-DREAL="{real}"', f'-DEXPRESSION="{expression}"',
             f'-DWORDS="{words}"', "-Wl,-soname,libnftables.so.1",
             "-o", directory / "libnftables.so.1", source)
    return {"executable": executable, "env": env}


FLOWTABLE = "add flowtable inet probe f { hook ingress priority filter; devices = { lo }; }\n"


def has_flowtables(namespace):
    had = namespace.run("nft", "-f", "-", input="add table inet probe\n" + FLOWTABLE,
                        check=False).returncode == 0
    namespace.run("nft", "delete", "table", "inet", "probe", check=False)
    return had
