# SPDX-License-Identifier: GPL-2.0-or-later
# bridge-cni: `make help` lists the targets.

# Make's own rules build nothing here. To look for one of them for each header takes most of its time.
MAKEFLAGS   += --no-builtin-rules

# Packagers set these.
PREFIX      ?= /usr/local
DESTDIR     ?=
CNI_BIN_DIR ?= /opt/cni/bin
CC          ?= cc
PKG_CONFIG  ?= pkg-config
CFLAGS      ?= -O2 -g
# Developers set these: SANITIZE=address,undefined; V=1 shows the commands; with WERROR=
# warnings are no errors.
SANITIZE    ?=
WERROR      ?= -Werror
# `make bench` takes few rounds with QUICK=1; BENCH= names some of its sections.
QUICK       ?=
BENCH       ?=
# `make image` builds IMAGE on BASE. Its name has a host, as container runtimes take a name without
# one for docker.io's, and the version, so that a node never runs another one than is meant.
BASE        ?= docker.io/library/debian:bookworm-slim
IMAGE       ?= localhost/bridge-cni:$(VERSION)
# `make check-distros` takes some of its suites (bookworm, trixie, noble).
DISTROS     ?=
UBUNTU_MIRROR ?= http://archive.ubuntu.com/ubuntu
# `make one` and `make debug` take a file of tests, a test's name, a function of the plugin.
T           ?=
K           ?=
B           ?= main
# `make check-cluster` finds kube-apiserver and the others in KUBE_BIN.
KUBE_BIN    ?=
# `make fuzz` runs each target for so many seconds; FUZZ= names some targets.
FUZZ_SECONDS ?= 60
FUZZ        ?=

VERSION     := 0.2.0
# The plugin uses libnl for messages alone: with libnl-route-3 every start takes 0.84 ms instead
# of 0.70, for 12 system calls, 22 page faults and 1,300 relocations more. Unit tests link it.
LIBS        := libnl-3.0 libcjson
# cJSON_ParseWithLengthOpts() came with 1.7.13; older versions of the others were not tried.
VERSIONS    := libnl-3.0 >= 3.5 libcjson >= 1.7.13 libnftables >= 1.0
# The node agent alone links these. CURLOPT_QUICK_EXIT came with 7.87.
AGENT_LIBS  := libcurl libmicrohttpd gnutls libnl-genl-3.0 libnl-route-3.0
AGENT_VERSIONS := libcurl >= 7.87 libmicrohttpd >= 0.9.59 gnutls >= 3.6 libnl-genl-3.0 >= 3.5 \
	libnl-route-3.0 >= 3.5
# Some unit tests link this: they have libnl-route read the plugin's messages to the kernel.
ORACLE_LIBS := libnl-route-3.0
VARIANT     := $(if $(SANITIZE),san,release)
BUILD       := build/$(VARIANT)
INSTALLED   := $(DESTDIR)$(CNI_BIN_DIR)/bridge-cni
INSTALLED_DOC := $(DESTDIR)$(PREFIX)/share/doc/bridge-cni
INSTALLED_MAN := $(DESTDIR)$(PREFIX)/share/man
# Where bash-completion and zsh look for functions.
INSTALLED_BASH := $(DESTDIR)$(PREFIX)/share/bash-completion/completions/bridge-cni
INSTALLED_ZSH := $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_bridge-cni

HARDENING   := -fPIE -fstack-protector-strong -fstack-clash-protection
ifeq ($(SANITIZE),)
# Ubuntu's packages have a level of their own, which would be defined twice.
HARDENING   += $(if $(findstring _FORTIFY_SOURCE,$(CFLAGS) $(CPPFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
else
SAN_FLAGS   := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
COMMON_CFLAGS = -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla $(WERROR) -D_GNU_SOURCE -I. \
	-DBRIDGE_CNI_VERSION='"$(VERSION)"'
PROJECT_CFLAGS = $(COMMON_CFLAGS) $(HARDENING) $(SAN_FLAGS) $(LIBS_CFLAGS)
# The first use asks pkg-config, and keeps the answer for the others.
LIBS_CFLAGS = $(eval LIBS_CFLAGS := $(call packages,--cflags $(LIBS) libnftables))$(LIBS_CFLAGS)
PROJECT_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(SAN_FLAGS)
PROJECT_LIBS = $(call packages,--libs $(LIBS))

# A missing library gives no flags here; `wanted` names it, once and before anything is compiled.
packages = $(shell $(PKG_CONFIG) $(1) 2>/dev/null)
wanted = command -v $(CC) >/dev/null && $(PKG_CONFIG) --print-errors --exists '$(1)' || \
	{ tests/install-deps --hint '$(1)' $(2) >&2; exit 1; }
# Targets that make namespaces begin with this, before they install or build anything.
as_root = $(if $(filter 0,$(shell id -u)),,$(error make $@ makes network namespaces, \
	for which it must be root: sudo make $@))

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

# Only the bundle is built from these (deploy/bundle/bundle.mk).
BUNDLE_ONLY := $(wildcard plugin/static/*.c) plugin/nft/nft_exec.c plugin/nft/nft_main.c
SOURCES := $(filter-out $(BUNDLE_ONLY),$(wildcard \
	$(foreach folder,conf ipam plugin,$(folder)/*.c $(folder)/*/*.c $(folder)/*/*/*.c)))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
# A unit test links everything but main().
LIB_OBJECTS := $(filter-out $(BUILD)/plugin/main.o,$(OBJECTS))
AGENT_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard deploy/agent/*.c deploy/agent/*/*.c))
# Fuzz targets and a unit test link these parts of the agent, which need none of its libraries.
AGENT_READERS := $(patsubst %,$(BUILD)/deploy/agent/api/%.o,annotations json_filter node_keys node_mac node_object \
	node_values node_orders node_table former_adopt former_ranges pod_ranges prefix_join prefix_rules range_judge range_tree \
	surroundings) \
	$(patsubst %,$(BUILD)/deploy/agent/base/%.o,byte_sort dns_name)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
# Each fuzz target twice: with libFuzzer, and with a main() that replays the corpus.
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS := $(FUZZERS:$(BUILD)/tests/fuzz/fuzz_%=$(BUILD)/tests/fuzz/replay_%)

.PHONY: all
all: build/bridge-cni ## the executable, build/bridge-cni (default)

# build/bridge-cni is a link to the variant that was asked for last.
.PHONY: build/bridge-cni
build/bridge-cni: $(BUILD)/bridge-cni
	$(Q)ln -sf $(VARIANT)/bridge-cni $@

$(BUILD)/bridge-cni: $(OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(PROJECT_LDFLAGS) $(LDFLAGS) -o $@ $^ $(PROJECT_LIBS)

.PHONY: agent
agent: build/bridge-cni-agent ## the node agent, build/bridge-cni-agent

.PHONY: build/bridge-cni-agent
build/bridge-cni-agent: $(BUILD)/bridge-cni-agent
	$(Q)ln -sf $(VARIANT)/bridge-cni-agent $@

# The agent links those objects of the plugin that it needs, out of an archive.
$(BUILD)/bridge-cni-agent: $(AGENT_OBJECTS) $(BUILD)/plugin.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(PROJECT_LDFLAGS) $(LDFLAGS) -o $@ $^ $(PROJECT_LIBS) \
		$(call packages,--libs $(AGENT_LIBS))

$(BUILD)/deploy/agent/api/transport.o $(BUILD)/deploy/agent/api/tls_peer.o \
$(BUILD)/deploy/agent/base/http_server.o $(BUILD)/deploy/agent/tunnel/wireguard_genl.o \
$(BUILD)/deploy/agent/tunnel/vxlan_link.o: $(BUILD)/.agent-versions
$(BUILD)/.agent-versions: Makefile
	$(Q)mkdir -p $(@D)
	$(Q)$(call wanted,$(AGENT_VERSIONS),agent)
	$(Q)touch $@

$(BUILD)/plugin.a: $(LIB_OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/.versions: Makefile
	$(Q)mkdir -p $(@D)
	$(Q)$(call wanted,$(VERSIONS),build)
	$(Q)touch $@

$(BUILD)/%.o: %.c Makefile $(BUILD)/.versions
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PROJECT_CFLAGS) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(LIB_OBJECTS) | $(BUILD)/.unit-versions
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(PROJECT_LDFLAGS) $(LDFLAGS) -o $@ $^ $(PROJECT_LIBS) $(UNIT_LIBS)

$(BUILD)/tests/unit/test_byte_sort: $(BUILD)/deploy/agent/base/byte_sort.o
$(BUILD)/tests/unit/test_annotations: $(AGENT_READERS) $(BUILD)/deploy/agent/api/node_feed.o
$(BUILD)/tests/unit/test_node_orders $(BUILD)/tests/unit/test_pod_ranges $(BUILD)/tests/unit/test_former_ranges: \
	$(AGENT_READERS)
$(BUILD)/tests/unit/test_wireguard_key: $(patsubst %,$(BUILD)/deploy/agent/tunnel/%.o,\
	wireguard_key wireguard_note)
$(BUILD)/tests/unit/test_wireguard_key_file: $(BUILD)/deploy/agent/tunnel/wireguard_key.o
$(BUILD)/tests/unit/test_wireguard_genl: $(BUILD)/deploy/agent/tunnel/wireguard_genl.o
$(BUILD)/tests/unit/test_wireguard_rotation: $(BUILD)/deploy/agent/tunnel/wireguard_rotation.o
$(BUILD)/tests/unit/test_wireguard_peers: $(patsubst %,$(BUILD)/deploy/agent/tunnel/%.o,\
	wireguard_key wireguard_link wireguard_peers) $(BUILD)/deploy/agent/base/byte_sort.o
# The tunnels' plan needs neither the kernel nor the agent's libraries.
PLAN := $(AGENT_READERS) $(patsubst %,$(BUILD)/deploy/agent/%.o,api/route_problem tunnel/flannel_notes \
	tunnel/flannel_peers tunnel/sole_claims tunnel/tunnel_plan)
$(BUILD)/tests/unit/test_tunnel_plan $(BUILD)/tests/unit/test_flannel_peers: $(PLAN)
$(BUILD)/tests/unit/test_wireguard_wanted: $(PLAN) $(patsubst %,$(BUILD)/deploy/agent/tunnel/%.o,\
	wireguard_key wireguard_note wireguard_owners wireguard_wanted wireguard_ways)
$(BUILD)/tests/unit/test_wireguard_log: $(patsubst %,$(BUILD)/deploy/agent/tunnel/%.o,device_names wireguard_log)
$(BUILD)/tests/unit/test_flannel_notes: $(BUILD)/deploy/agent/tunnel/flannel_notes.o
$(BUILD)/tests/unit/test_reflector: $(AGENT_READERS) $(patsubst %,$(BUILD)/deploy/agent/api/%.o,annotation_patch \
	contact list_doubt node_feed node_paths own_annotations reflector refusal retry)
$(BUILD)/tests/unit/test_annotate_once: $(patsubst %,$(BUILD)/deploy/agent/api/%.o,annotate_once \
	annotation_patch node_paths refusal)
KUBECONFIG_READER := $(patsubst %,$(BUILD)/deploy/agent/%.o,api/kubeconfig api/yaml_json base/files)
$(BUILD)/tests/unit/test_kubeconfig: $(KUBECONFIG_READER)
$(BUILD)/tests/unit/test_contact: $(patsubst %,$(BUILD)/deploy/agent/api/%.o,contact retry)

# Prints what the tables of keys and of commands say, for editors and shells.
GENERATE := $(BUILD)/deploy/generate/generate
$(GENERATE): $(patsubst %.c,$(BUILD)/%.o,$(wildcard deploy/generate/*.c)) $(BUILD)/plugin.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(PROJECT_LDFLAGS) $(LDFLAGS) -o $@ $^ $(PROJECT_LIBS)

.PHONY: generated
generated: $(GENERATE) ## deploy/'s schema and completions, out of the tables of keys and commands
	$(GENERATE) schema >deploy/bridge-cni.schema.json
	$(GENERATE) bash >deploy/completion/bridge-cni.bash
	$(GENERATE) zsh >deploy/completion/_bridge-cni

# Drives a part of the agent for tests/agent/test_guard_*.py.
TUNNEL_GUARD := $(BUILD)/tests/agent/tunnel_guard
$(TUNNEL_GUARD): $(TUNNEL_GUARD).o $(patsubst %,$(BUILD)/deploy/agent/tunnel/%.o,guard guard_elements guard_rules guard_sets) \
		$(BUILD)/deploy/agent/base/byte_sort.o $(LIB_OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(PROJECT_LDFLAGS) $(LDFLAGS) -o $@ $^ $(PROJECT_LIBS)

UNIT_LIBS = -lcmocka
$(BUILD)/tests/unit/test_netlink_oracle_%: UNIT_LIBS += $(call packages,--libs $(ORACLE_LIBS))
# These tests answer calls of the C library and of libnl themselves.
$(BUILD)/tests/unit/test_wireguard_key_file: UNIT_LIBS += -Wl,--wrap=open,--wrap=mkdir
$(BUILD)/tests/unit/test_wireguard_log: UNIT_LIBS += -Wl,--wrap=clock_gettime
$(BUILD)/tests/unit/test_wireguard_genl: UNIT_LIBS += $(call packages,--libs libnl-genl-3.0) \
	-Wl,--wrap=genl_connect,--wrap=genl_ctrl_resolve,--wrap=nl_send_auto,--wrap=recvfrom,--wrap=free

$(BUILD)/.unit-versions: Makefile
	$(Q)mkdir -p $(@D)
	$(Q)$(call wanted,cmocka $(ORACLE_LIBS),unit)
	$(Q)touch $@

$(BUILD)/tests/fuzz/replay_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(LIB_OBJECTS) $(AGENT_READERS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(PROJECT_LDFLAGS) $(LDFLAGS) -o $@ $^ $(PROJECT_LIBS)

$(FUZZERS): %: %.o $(LIB_OBJECTS) $(AGENT_READERS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(PROJECT_LDFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(PROJECT_LIBS)

$(BUILD)/tests/fuzz/fuzz_annotations $(BUILD)/tests/fuzz/replay_annotations: $(patsubst %,\
	$(BUILD)/deploy/agent/tunnel/%.o,flannel_notes wireguard_key wireguard_note)

$(BUILD)/tests/fuzz/fuzz_kubeconfig $(BUILD)/tests/fuzz/replay_kubeconfig: $(KUBECONFIG_READER)

# make keeps objects that only a pattern names, too.
.SECONDARY:

include deploy/bundle/bundle.mk
include deploy/packages.mk

-include $(OBJECTS:.o=.d) $(AGENT_OBJECTS:.o=.d) $(UNIT_TESTS:%=%.d) $(FUZZERS:%=%.d) $(TUNNEL_GUARD).d \
	$(patsubst %.c,$(BUILD)/%.d,$(wildcard deploy/generate/*.c))

.PHONY: unit-tests
unit-tests: $(UNIT_TESTS) $(REPLAYS) $(GENERATE)

# Targets that install packages build in a make of its own, which finds them.
.PHONY: unit
unit: ## the unit tests alone, in seconds; nobody must be root for them
	$(Q)tests/install-deps unit
	$(Q)$(MAKE) --no-print-directory unit-tests
	$(Q)tests/run --unit $(BUILD)

# A test needs the packages of its folder.
of_test = $(if $(filter tests/node/% tests/storm/% tests/fault/%,$(T)),node,\
	check $(if $(filter tests/e2e/%,$(T)),e2e))
pytest = BRIDGE_CNI=$(abspath $(1)/bridge-cni) BUILD_DIR=$(abspath $(1)) \
	/usr/bin/python3 -B -m pytest -c tests/pytest.ini -v $(T) $(if $(K),-k '$(K)')
# Ends a target whose T= names no file. $(1): an example.
wants_file = $(if $(wildcard $(T)),,$(error make $@: $(if $(T),there is no file $(T); )T= has to name a file \
	of tests, for example: $(1)))
# Behind pytest, whose exit status 5 says that it has run no test.
or_no_test = || { [ $$? != 5 ] || echo 'make $@: no test of $(T) matches K=$(K)' >&2; exit 1; }

.PHONY: one
one: ## a file of tests: make one T=tests/node/test_vlan.py; those of a name: K=name
	$(call wants_file,make $@ T=tests/node/test_add.py)
ifneq ($(filter tests/unit/%,$(T)),)
	$(Q)tests/install-deps unit
	$(Q)$(MAKE) --no-print-directory $(T:%.c=$(BUILD)/%)
	$(Q)$(T:%.c=$(BUILD)/%)
else
	$(as_root)
	$(Q)tests/install-deps $(of_test)
	$(Q)$(MAKE) --no-print-directory build/bridge-cni $(if $(filter tests/agent/%,$(T)),agent)
	$(Q)$(call pytest,$(BUILD)) $(or_no_test)
endif

# The executable is optimised as far as a debugger can follow.
.PHONY: debug
debug: ## a test whose calls of the executable stop in gdb at a function: T= K= B=vlan_add
	$(as_root)
	$(call wants_file,make $@ T=tests/node/test_add.py K=a_pod B=masquerade_add)
	$(Q)tests/install-deps debug $(of_test)
	$(Q)$(MAKE) --no-print-directory VARIANT=debug CFLAGS='-Og -g3 -Wno-format-truncation' \
		build/debug/bridge-cni
	$(Q)GDB_BREAK='$(B)' $(call pytest,build/debug) -s -x $(or_no_test)

.PHONY: fuzz-targets
fuzz-targets: $(FUZZERS)

# Fuzz targets have objects of their own: clang's, instrumented.
.PHONY: fuzz
fuzz: ## libFuzzer, FUZZ_SECONDS=60 for each target; FUZZ='conf store': these only
	$(Q)tests/install-deps fuzz
	$(Q)$(MAKE) --no-print-directory VARIANT=fuzz CC=clang \
		SANITIZE=fuzzer-no-link,address,undefined fuzz-targets
	$(Q)tests/fuzz/run build/fuzz $(FUZZ_SECONDS) $(FUZZ)

.PHONY: check
check: ## all tests, on network namespaces of their own (root; says what it installs)
	$(as_root)
	$(Q)tests/install-deps --missing check e2e
	$(Q)tests/install-deps check
	$(Q)tests/install-deps e2e || echo "not every container runtime could be installed"
	$(Q)$(MAKE) --no-print-directory $(PROMTOOL) || echo "promtool could not be had"
	$(Q)$(MAKE) --no-print-directory unit-tests build/bridge-cni agent
	$(Q)tests/run $(BUILD) $(TESTS)

# It reads alerts, dashboard and metrics as Prometheus does. Its package would run Prometheus, and is
# not installed.
PROMTOOL := build/promtool/promtool
$(PROMTOOL):
	$(Q)mkdir -p $(@D)
	$(Q)cd $(@D) && apt-get download -q prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb | \
		tar -x --strip-components=3 ./usr/bin/promtool && rm prometheus_*.deb

.PHONY: check-bundle
check-bundle: ## the same tests of the executable, on the bundle
	$(as_root)
	$(Q)tests/install-deps check
	$(Q)$(MAKE) --no-print-directory bundle agent
	$(Q)tests/run --bundle build/release $(TESTS)

.PHONY: check-storms
check-storms: ## the storms of `make check` larger and more; STORM_SEED=N: one of them again
	$(as_root)
	$(Q)tests/install-deps check
	$(Q)$(MAKE) --no-print-directory build/bridge-cni
	$(Q)STORM=full tests/run --suites $(BUILD) tests/storm $(TESTS)

.PHONY: check-faults
check-faults: export FAULTS = all
check-faults: ## every fault at every system call (make check: a sample); half an hour
	$(as_root)
	$(Q)tests/install-deps check
	$(Q)$(MAKE) --no-print-directory build/bridge-cni
	$(Q)tests/run --suites $(BUILD) $(or $(TESTS),$(wildcard tests/fault/test_*.py))

.PHONY: check-distros
check-distros: ## make demo and make check on fresh Debian 12, 13 and Ubuntu 24.04; DISTROS=trixie
	$(as_root)
	$(Q)tests/install-deps distros
	$(Q)DEBIAN_MIRROR='$(DEBIAN_MIRROR)' UBUNTU_MIRROR='$(UBUNTU_MIRROR)' TESTS='$(TESTS)' \
		tests/distros $(DISTROS)

# The kernel's package is downloaded and unpacked into build/vm, not installed.
.PHONY: check-vm
check-vm: ## VLAN and other tests on Debian's kernel in QEMU; FULL=1: all of tests/node, and long ones
	$(Q)tests/install-deps vm || echo "not everything could be installed"
	$(Q)$(MAKE) --no-print-directory build/bridge-cni agent
	$(Q)FULL=$(FULL) tests/vm/run $(BUILD) $(TESTS)

# This is no part of `make check`, as it needs a Debian mirror.
.PHONY: check-reference
check-reference: ## the newest reference's keys and defaults against those here
	$(Q)tests/install-deps build
	$(Q)$(MAKE) --no-print-directory build/bridge-cni
	$(Q)DEBIAN_MIRROR=$(DEBIAN_MIRROR) tests/reference-keys $(BUILD)

# The code is optimised, as gcc's analyzer follows values better then.
.PHONY: analyze
analyze: export ANALYZE_FLAGS = $(PROJECT_CFLAGS) -O2
analyze: ## gcc -fanalyzer, clang-tidy, scan-build, cppcheck
	$(Q)tests/install-deps analyze
	$(Q)tests/analyze

# The bundle is for nodes that have none of the libraries, another libc, or an old one.
.PHONY: bundle
bundle: ## build/bundle: a static executable, and libnftables beside it
	$(Q)tests/install-deps bundle
	$(Q)$(MAKE) --no-print-directory $(BUNDLE)/bridge-cni

# These programs are static, so that they add next to nothing to what they measure. The kernel's
# headers come behind musl's own.
build/bench/%: tests/bench/%.c Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)musl-gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wshadow $(WERROR) -O2 -static \
		-idirafter /usr/include/$$($(CC) -print-multiarch) -idirafter /usr/include -o $@ $<

.PHONY: bench
bench: ## what it costs, against the kernel's floor and Debian's bridge (root); QUICK=1
	$(as_root)
	$(Q)tests/install-deps bench
	$(Q)$(MAKE) --no-print-directory build/bridge-cni agent bundle \
		build/bench/floor build/bench/measure build/bench/packets build/bench/ask
	$(Q)tests/bench/run $(if $(QUICK),--quick) $(BENCH)

.PHONY: bench-vm
bench-vm: ## the agent's tunnels on Debian's kernel in QEMU; BENCH=fast_path or quiet_vlan: these keys
	$(Q)tests/install-deps bench vm || echo "not everything could be installed"
	$(Q)$(MAKE) --no-print-directory build/bridge-cni agent build/bench/packets build/bench/ask
	$(Q)tests/vm/run $(BUILD) --bench-$(or $(BENCH),tunnels)

.PHONY: demo
demo: ## two pods and an outside world, shown (root; installs what it needs)
	$(as_root)
	$(Q)tests/install-deps demo
	$(Q)$(MAKE) --no-print-directory build/bridge-cni
	$(Q)tests/demo build/bridge-cni

# The image is built on BASE, and takes the libraries from there. `make base-image` makes such
# a base without a registry.
.PHONY: image
image: ## the node agent's image, by buildah; BASE= IMAGE=
	$(Q)tests/install-deps image
	$(Q)buildah bud --layers=false --isolation=chroot --network=host --build-arg BASE=$(BASE) \
		--build-arg DEBIAN_MIRROR=$(DEBIAN_MIRROR) -t $(IMAGE) -f deploy/Dockerfile .

# Container runtimes, k3s and kind read archives of this kind, and take the image's name from it.
IMAGE_ARCHIVE := build/bridge-cni-$(VERSION).tar
.PHONY: image-archive
image-archive: image ## the same as a file, build/bridge-cni-VERSION.tar, for nodes without a registry
	$(Q)mkdir -p build
	$(Q)rm -f $(IMAGE_ARCHIVE)
	$(Q)buildah push $(IMAGE) docker-archive:$(IMAGE_ARCHIVE):$(IMAGE)

# This is no part of `make check`, as it downloads some 400 MB of packages.
.PHONY: check-image
check-image: ## the image, built on base-image, run by runc as the DaemonSet has it
	$(as_root)
	$(Q)tests/install-deps check e2e
	$(Q)$(MAKE) --no-print-directory BASE=localhost/bridge-cni-base base-image
	$(Q)$(MAKE) --no-print-directory BASE=localhost/bridge-cni-base image-archive
	$(Q)$(MAKE) --no-print-directory build/bridge-cni agent
	$(Q)IMAGE_ARCHIVE=$(abspath $(IMAGE_ARCHIVE)) tests/run --suites $(BUILD) tests/image/test_image.py

# Kubernetes' programs are not in Debian: without a directory that has them this is skipped.
.PHONY: check-cluster
check-cluster: export KUBE_BIN := $(KUBE_BIN)
check-cluster: ## the manifest on two nodes with Kubernetes' programs, which KUBE_BIN=DIR has
	$(as_root)
	$(Q)tests/cluster/programs.py --kubernetes || exit 0; \
	tests/install-deps check cluster || exit; \
	tests/cluster/programs.py || exit 0; \
	$(MAKE) --no-print-directory cluster-tests

.PHONY: cluster-tests
cluster-tests: BASE := localhost/bridge-cni-base
cluster-tests:
	$(Q)buildah inspect --type image $(BASE) >/dev/null 2>&1 || \
		$(MAKE) --no-print-directory BASE=$(BASE) base-image
	$(Q)$(MAKE) --no-print-directory BASE=$(BASE) image-archive
	$(Q)$(MAKE) --no-print-directory build/bridge-cni agent
	$(Q)IMAGE_ARCHIVE=$(abspath $(IMAGE_ARCHIVE)) tests/run --suites $(BUILD) tests/cluster $(TESTS)

.PHONY: base-image
base-image: ## a base for it without a registry, by debootstrap; BASE=localhost/NAME
	$(Q)tests/install-deps image
	$(Q)deploy/base-image $(BASE) bookworm $(DEBIAN_MIRROR)

# Documents are installed below one directory as they are in the tree, so that links between them
# lead somewhere.
MAN_PAGES := $(wildcard deploy/man/*.[1-9])
DOC_FILES := LICENSE $(wildcard README.md */README.md */*/README.md) $(MAN_PAGES) tests/bench/chart.svg \
	deploy/bridge-cni.schema.json deploy/show.schema.json
DOC_FOLDERS := $(filter-out ./,$(sort $(dir $(DOC_FILES))))
# $(1): a page such as deploy/man/bridge-cni.8, which man finds as man8/bridge-cni.8.
installed_man = $(INSTALLED_MAN)/man$(patsubst .%,%,$(suffix $(1)))/$(notdir $(1))
define install_doc
[ ! -L '$(INSTALLED_DOC)' ] || { echo '$(INSTALLED_DOC) is a link: remove it' >&2; exit 1; }
$(foreach f,$(DOC_FILES),install -D -T -m 644 $(f) '$(INSTALLED_DOC)/$(f)'
	)
$(foreach f,$(MAN_PAGES),install -D -T -m 644 $(f) '$(call installed_man,$(f))'
	)
	install -D -T -m 644 deploy/completion/bridge-cni.bash '$(INSTALLED_BASH)'
	install -D -T -m 644 deploy/completion/_bridge-cni '$(INSTALLED_ZSH)'
endef

.PHONY: install
install: build/bridge-cni ## into $(DESTDIR)$(CNI_BIN_DIR), documents below $(PREFIX)
	install -D -T -m 755 build/bridge-cni '$(INSTALLED).new'
	mv -fT '$(INSTALLED).new' '$(INSTALLED)'
	$(install_doc)

.PHONY: install-bundle
install-bundle: bundle ## the same, of the bundle: a link into $(CNI_BIN_DIR)/.bridge-cni
	deploy/bundle/install $(BUNDLE) '$(DESTDIR)$(CNI_BIN_DIR)' $(VERSION)
	$(install_doc)

.PHONY: uninstall
uninstall: ## what either put there, and nothing else
	deploy/bundle/install --remove '$(DESTDIR)$(CNI_BIN_DIR)'
	[ ! -L '$(INSTALLED_DOC)' ] && cd '$(INSTALLED_DOC)' 2>/dev/null && rm -f $(DOC_FILES) && \
		rmdir --ignore-fail-on-non-empty -p $(DOC_FOLDERS) 2>/dev/null; true
	[ -L '$(INSTALLED_DOC)' ] || [ ! -d '$(INSTALLED_DOC)' ] || rmdir --ignore-fail-on-non-empty '$(INSTALLED_DOC)'
	rm -f $(foreach f,$(MAN_PAGES),'$(call installed_man,$(f))') '$(INSTALLED_BASH)' '$(INSTALLED_ZSH)'

.PHONY: format
format: ## clang-format over the tree
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

.PHONY: clean
clean: ## remove build/
	$(Q)rm -rf build

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  V=1 shows the commands. SANITIZE=address,undefined builds a variant with"
	@echo "  sanitizers. TESTS='-k masquerade' runs the tests whose names match."
