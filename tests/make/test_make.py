# SPDX-License-Identifier: GPL-2.0-or-later
"""make, in a copy of the tree: what it says where something is missing, and what it installs."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest

from harness import plugin

INSTALLER = "deploy/bundle/install"
# make's own variables would make the inner make one of the outer's.
ENV = {k: v for k, v in os.environ.items()
       if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "T", "K", "B")}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    copy = tmp_path_factory.mktemp("make") / "tree"
    shutil.copytree(plugin.REPOSITORY, copy,
                    ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
    # The tree as after `make`, so that installing compiles nothing.
    (copy / "build").mkdir()
    for path in (copy, *copy.parents):
        if path.stat().st_uid == os.getuid() and path != pathlib.Path("/tmp"):
            path.chmod(path.stat().st_mode | 0o055)
    return copy


def run(tree, *argv, env=None):
    return subprocess.run(argv, cwd=tree, env={**ENV, **(env or {})}, text=True,
                          capture_output=True)


def make(tree, *argv, env=None):
    return run(tree, "make", *argv, env=env)


def packages(tree, kind):
    return subprocess.run(["tests/install-deps", "--list", kind], cwd=tree, check=True, text=True,
                          capture_output=True).stdout.split()


# -- something is missing


@pytest.mark.parametrize("target", ["build/bridge-cni", "agent", "help"])
def test_nothing_but_the_bundle_looks_for_musl(tree, target):
    done = make(tree, "-n", "MUSL_CC=/no/such/musl-gcc", target)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_level_of_FORTIFY_is_the_packagers_where_he_has_one(tree):
    for given, expected in (("-DX", {"2"}), ("-D_FORTIFY_SOURCE=3", {"3"})):
        steps = make(tree, "-n", "-B", f"CPPFLAGS={given}", "build/bridge-cni").stdout
        assert set(re.findall(r"-D_FORTIFY_SOURCE=(\d)", steps)) == expected


def test_make_deb_installs_what_the_packages_are_built_with(tree):
    """dpkg-buildpackage wants build-essential, too, which no package names."""
    fields = (tree / "deploy/debian/control").read_text().split("\n\n")[0]
    named = re.search(r"^Build-Depends:((?:.*,\n)*.*)$", fields, re.M)[1].split(",")
    wanted = {re.sub(r"-compat| \(.*\)", "", name.strip()) for name in named}
    assert len(wanted) > 10 and wanted | {"build-essential", "dpkg-dev"} <= set(packages(tree, "deb"))


@pytest.mark.parametrize("lacks", ["pkg-config", "libraries", "compiler"])
@pytest.mark.parametrize("target, kind", [("all", "build"), ("agent", "build")])
def test_a_build_that_lacks_something_says_what_to_install(tree, tmp_path, lacks, target, kind):
    done = make(tree, f"BUILD={tmp_path}/out", target,
                *{"pkg-config": ["PKG_CONFIG=/no/such/pkg-config"],
                  "compiler": ["CC=no-such-cc"], "libraries": []}[lacks],
                env={"PKG_CONFIG_LIBDIR": "/no/such"} if lacks == "libraries" else {})
    assert done.returncode != 0 and "CC  " not in done.stdout
    for word in ("C compiler", "pkg-config", "libnl-3.0 >= 3.5", "libcjson >= 1.7.13",
                 "libnftables >= 1.0"):
        assert word in done.stderr
    line, = [line for line in done.stderr.splitlines() if "apt install" in line]
    assert line.split("apt install ")[1].split() == packages(tree, kind)


def test_the_agents_libraries_are_named_as_well(tree, tmp_path):
    """The machine has the plugin's libraries."""
    config = tmp_path / "pkg-config"
    config.write_text('#!/bin/sh\ncase "$*" in *libcurl*) exit 1 ;; esac\nexec pkg-config "$@"\n')
    config.chmod(0o755)
    done = make(tree, f"BUILD={tmp_path}/out", f"PKG_CONFIG={config}",
                f"{tmp_path}/out/.agent-versions")
    assert done.returncode != 0
    assert "libcurl >= " in done.stderr and "libmicrohttpd >= " in done.stderr
    assert " ".join(packages(tree, "agent")) in done.stderr


@pytest.mark.parametrize("command", [
    *(f"make {target}" for target in ("check", "check-bundle", "check-storms", "check-faults",
                                      "check-distros", "check-image", "check-deb", "demo",
                                      "bench")),
    "tests/run build/release", "tests/distros", "tests/demo"])
def test_an_ordinary_user_is_told_in_one_line_that_it_takes_root(tree, command):
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    done = run(tree, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
               *command.split())
    assert done.returncode != 0 and done.stdout == ""
    line, = done.stderr.splitlines()
    assert "root" in line and (f"sudo {command}" in line or command.startswith("tests/"))


def test_what_is_to_be_installed_is_said_before_anything_is(tree, tmp_path):
    """Several sets are asked for at once, on a machine that has none of the packages."""
    for name, text in (("dpkg-query", "exit 1"), ("apt-cache", "exit 1"),
                       ("apt-get", 'echo "apt-get $*"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    wanted = "Missing here, to be installed by apt-get: " + " ".join(packages(tree, "unit"))
    done = run(tree, "tests/install-deps", "unit", env=env)
    first, *others = done.stdout.splitlines()
    assert first == wanted and others[0].startswith("apt-get update")
    done = run(tree, "tests/install-deps", "--missing", "unit", "debug", env=env)
    line, = done.stdout.splitlines()
    assert line.startswith(wanted) and line.endswith(" gdb")


def test_the_unit_tests_need_a_compiler_its_libraries_and_those_of_tests_in_C(tree):
    steps = make(tree, "-n", "unit").stdout
    assert [line for line in steps.splitlines() if line.startswith("tests/install-deps")] == [
        "tests/install-deps unit"]
    added = set(packages(tree, "unit")) - set(packages(tree, "build"))
    assert added and all(name.startswith("lib") for name in added)


@pytest.mark.parametrize("target", ["one", "debug"])
@pytest.mark.parametrize("file", ["", "T=tests/node/test_no_such.py"])
def test_which_test_is_wanted_has_to_be_said(tree, target, file):
    done = make(tree, target, *file.split())
    assert done.returncode != 0 and f"make {target} T=tests/node/test_add.py" in done.stderr
    assert ("there is no file tests/node/test_no_such.py" in done.stderr) == bool(file)


# -- installed, and gone again


def listing(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def bundle_of(tmp_path, word):
    """Makes a directory that the installer takes for a bundle: a program and a file beside it."""
    bundle = tmp_path / f"bundle {word}"
    (bundle / "bridge-cni.lib").mkdir(parents=True)
    (bundle / "bridge-cni").write_text(
        '#!/bin/sh\ncat "$(dirname "$(realpath "$0")")/bridge-cni.lib/word"\n')
    (bundle / "bridge-cni").chmod(0o755)
    (bundle / "bridge-cni.lib/word").write_text(word)
    return bundle


def install_bundle(tree, bundle, directory):
    subprocess.run([INSTALLER, bundle, directory, "0.0"], cwd=tree, check=True,
                   stdout=subprocess.DEVNULL)


def says(program):
    return subprocess.run([program], check=True, text=True, capture_output=True).stdout


def make_dest(tree, dest, target, **variables):
    """The targets that install, of an executable that is there already."""
    done = make(tree, target, "-o", "build/bridge-cni", "-o", "bundle", f"DESTDIR={dest}",
                *(f"{k}={v}" for k, v in variables.items()))
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def built(tree):
    """The executable and the bundle, as after make and make bundle."""
    program, bundle = tree / "build/bridge-cni", tree / "build/bundle"
    shutil.copy("/bin/true", program)
    shutil.copytree(bundle_of(tree / "build/made", "made"), bundle)
    yield tree
    shutil.rmtree(bundle)
    shutil.rmtree(tree / "build/made")
    program.unlink()


@pytest.mark.parametrize("variables", [{}, {"PREFIX": "/usr", "CNI_BIN_DIR": "/usr/lib/cni"},
                                       {"CNI_BIN_DIR": "/a place"}])
@pytest.mark.parametrize("targets", [["install"], ["install-bundle"], ["install", "install-bundle"],
                                     ["install-bundle", "install"], ["install-bundle"] * 3])
def test_uninstall_removes_what_was_installed_and_nothing_else(built, tmp_path, targets, variables):
    dest = tmp_path / "dest"
    plugins = dest / variables.get("CNI_BIN_DIR", "/opt/cni/bin").lstrip("/")
    share = dest / variables.get("PREFIX", "/usr/local").lstrip("/") / "share"
    doc = share / "doc/bridge-cni"
    others = [plugins / "loopback", plugins / ".bridge-cni/0.1.0-0123456789abcdef/bridge-cni",
              doc / "changelog", share / "man/man8/bridge.8"]
    for path in others:
        path.parent.mkdir(parents=True)
        path.write_text("somebody else's")
    before = listing(dest)
    for target in targets:
        make_dest(built, dest, target, **variables)
        program = plugins / "bridge-cni"
        assert program.is_symlink() == (target == "install-bundle")
        assert says(program) == ("made" if program.is_symlink() else "")
        # The documents that README.md links to are there, too.
        readme = (built / "README.md").read_text()
        for name in {"README.md", *re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", readme)}:
            assert (doc / name).read_text() == (built / name).read_text()
        for page in (built / "deploy/man").iterdir():
            installed = share / f"man/man{page.suffix[1:]}" / page.name
            assert installed.read_text() == page.read_text()
        for name, place in (("deploy/completion/bridge-cni.bash",
                             "bash-completion/completions/bridge-cni"),
                            ("deploy/completion/_bridge-cni", "zsh/site-functions/_bridge-cni"),
                            ("deploy/bridge-cni.schema.json",
                             "doc/bridge-cni/deploy/bridge-cni.schema.json")):
            assert (share / place).read_text() == (built / name).read_text()
    make_dest(built, dest, "uninstall", **variables)
    assert listing(dest) == before


def test_uninstall_of_all_that_is_there_leaves_no_directory_of_ours(built, tmp_path):
    for target in ("install-bundle", "uninstall", "uninstall"):
        make_dest(built, tmp_path / "dest", target)
    assert [p.name for p in (tmp_path / "dest").rglob("*bridge-cni*")] == []


@pytest.mark.parametrize("lead", [".bridge-cni/0.1.0-0123456789abcdef/bridge-cni",
                                  "/opt/bridge-cni/bridge-cni"])
def test_uninstall_leaves_a_link_that_others_made_and_says_so(built, tmp_path, lead):
    plugins = tmp_path / "dest/opt/cni/bin"
    plugins.mkdir(parents=True)
    (plugins / "bridge-cni").symlink_to(lead)
    assert lead in make_dest(built, tmp_path / "dest", "uninstall").stdout
    assert os.readlink(plugins / "bridge-cni") == lead


@pytest.fixture
def victim(tmp_path):
    """A directory that a link leads to, and that has files of all the names that make uses."""
    directory = tmp_path / "victim"
    for name in ("README.md", "bridge-cni", "file", "make-0.0.1-abcdef/bridge-cni",
                 "bridge-cni.8"):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text("somebody else's")
    before = {p: p.read_text() for p in directory.rglob("*") if p.is_file()}
    yield directory
    assert {p: p.read_text() for p in directory.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("link, targets", [
    ("opt/cni/bin/.bridge-cni", ["install-bundle"]),
    ("usr/local/share/doc/bridge-cni", ["install", "install-bundle"])])
def test_a_link_in_place_of_a_directory_of_ours_is_refused(built, tmp_path, victim, link,
                                                           targets):
    dest = tmp_path / "dest"
    (dest / link).parent.mkdir(parents=True)
    (dest / link).symlink_to(victim)
    for target in targets:
        done = make(built, target, "-o", "build/bridge-cni", "-o", "bundle", f"DESTDIR={dest}")
        assert done.returncode != 0 and f"{dest / link} is a link: remove it" in done.stderr
    make_dest(built, dest, "uninstall")
    assert (dest / link).is_symlink()


def test_links_in_place_of_files_are_replaced_not_followed(built, tmp_path, victim):
    dest = tmp_path / "dest"
    links = {"opt/cni/bin/bridge-cni": victim / "bridge-cni",
             "opt/cni/bin/bridge-cni.new": victim,
             "usr/local/share/doc/bridge-cni/README.md": victim / "README.md",
             "usr/local/share/doc/bridge-cni/LICENSE": victim,
             "usr/local/share/man/man8/bridge-cni.8": victim / "bridge-cni.8"}
    for link, to in links.items():
        (dest / link).parent.mkdir(parents=True, exist_ok=True)
        (dest / link).symlink_to(to)
    make_dest(built, dest, "install")
    assert says(dest / "opt/cni/bin/bridge-cni") == ""
    assert not any((dest / link).is_symlink() for link in links)
    make_dest(built, dest, "uninstall")


def test_an_upgrade_has_a_whole_plugin_at_every_moment_and_does_not_nest(tree, tmp_path):
    plugins = tmp_path / "bin"
    bundles = [bundle_of(tmp_path, word) for word in ("one", "two")]
    install_bundle(tree, bundles[0], plugins)
    program = plugins / "bridge-cni"
    with subprocess.Popen(
            ["sh", "-c", 'while :; do "$1" || exit 1; echo; done', "sh", program], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE) as user:
        for number in range(20):
            install_bundle(tree, bundles[number % 2], plugins)
            # The next upgrade takes away what this one replaced: nobody may be at it then.
            for line in user.stdout:
                assert line in ("one\n", "two\n")
                if line == ("one\n", "two\n")[number % 2]:
                    break
            else:
                raise AssertionError(user.stderr.read())
        user.kill()
        assert user.communicate()[1] == ""
    # The former one stays for whoever has begun with it.
    versions = list((plugins / ".bridge-cni").iterdir())
    assert len(versions) == 2
    for version in versions:
        assert listing(version) == ["bridge-cni", "bridge-cni.lib/word"]


def test_what_an_ordinary_user_has_built_belongs_to_root_once_it_is_installed(tree, tmp_path):
    bundle, plugins = bundle_of(tmp_path, "theirs"), tmp_path / "bin"
    for path in (bundle, *bundle.rglob("*")):
        os.chown(path, 65534, 65534)
        path.chmod(0o777)
    install_bundle(tree, bundle, plugins)
    for path in plugins.rglob("*"):
        assert path.lstat().st_uid == 0
        assert path.is_symlink() or path.stat().st_mode & 0o022 == 0


def test_an_installation_that_fails_leaves_the_plugin_as_it_was(tree, tmp_path):
    plugins = tmp_path / "bin"
    install_bundle(tree, bundle_of(tmp_path, "good"), plugins)
    before = listing(plugins)
    with pytest.raises(subprocess.CalledProcessError):
        install_bundle(tree, tmp_path / "no such bundle", plugins)
    assert listing(plugins) == before and says(plugins / "bridge-cni") == "good"


# -- the archive of sources


def git(tree, *argv):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *argv], cwd=tree, check=True,
                   capture_output=True)


def test_the_archive_of_sources_is_the_committed_tree_and_has_the_same_bytes_again(tree, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tree, copy)
    git(copy, "init")
    git(copy, "add", ".")
    git(copy, "commit", "-m", "all")
    archives = []
    for umask in (0o022, 0o077):
        git(copy, "config", "tar.umask", f"{umask:04o}")
        done = run(copy, "sh", "-c", f"umask {umask:04o}; make dist")
        assert done.returncode == 0, done.stderr
        archive, = (copy / "build/dist").iterdir()
        archives.append(archive.read_bytes())
        archive.unlink()
    assert archives[0] == archives[1]
    archive.write_bytes(archives[0])
    folder = archive.name.removesuffix(".tar.gz")
    subprocess.run(["tar", "-xf", archive, "-C", tmp_path], check=True)
    assert make(tmp_path / folder, "-n", "all").returncode == 0
    assert set(listing(tmp_path / folder)) == set(subprocess.run(
        ["git", "ls-files"], cwd=copy, text=True, capture_output=True, check=True).stdout.split())
    (copy / "README.md").write_text("changed")
    done = make(copy, "dist")
    assert done.returncode != 0 and "commit" in done.stderr


# -- the documents


def commands_of_the_documents():
    """Lines of their blocks of code, less what follows as a remark."""
    text = "".join(path.read_text() for name in ("README.md", "*/README.md", "*/*/README.md")
                   for path in sorted(plugin.REPOSITORY.glob(name)))
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.M | re.S)
    return [re.split(r"\s{2,}#", line)[0].strip() for block in blocks
            for line in block.splitlines()]


def test_each_make_in_the_documents_has_its_target(tree):
    lines = [line for line in commands_of_the_documents() if re.match(r"(sudo )?make\b", line)]
    assert len(lines) > 15
    for line in lines:
        # Only what it would do, and that not for the targets that make runs by itself.
        words = shlex.split(line.removeprefix("sudo "))[1:]
        done = make(tree, "-n", "MAKE=true", *words)
        assert (done.returncode, done.stderr) == (0, ""), line


def test_the_README_s_packages_are_those_of_the_build(tree):
    line, = [line for line in commands_of_the_documents() if line.startswith("apt install ")]
    assert set(packages(tree, "build")) - set(line.split()[2:]) <= {"libnftables1"}  # comes with -dev


def test_Debian_s_packages_are_built_with_what_the_build_needs(tree):
    control = (tree / "deploy/debian/control").read_text()
    listed, = re.findall(r"^Build-Depends: (.*(?:\n .*)*)", control, re.M)
    depends = {word.strip() for word in listed.split(",")}
    # libc6-dev comes with every compiler, libnftables1 with -dev.
    assert depends - {"debhelper-compat (= 13)"} == \
        set(packages(tree, "build") + packages(tree, "agent")) - {"libc6-dev", "libnftables1"}


def test_the_documents_installation_and_bundle_are_installed_and_go(built, tmp_path):
    """Each command as it stands, below another root directory."""
    lines = [line for line in commands_of_the_documents()
             if re.match(r"(sudo )?make (install|install-bundle|uninstall)\b", line)]
    assert {word for line in lines for word in line.split()} >= \
        {"install", "install-bundle", "uninstall"}
    program = tmp_path / "dest/opt/cni/bin/bridge-cni"
    for line in lines:
        _, target, *variables = shlex.split(line.removeprefix("sudo "))
        make_dest(built, tmp_path / "dest", target,
                  **{k: v for k, v in (word.split("=") for word in variables) if k != "DESTDIR"})
        assert program.exists() == (target != "uninstall"), line
