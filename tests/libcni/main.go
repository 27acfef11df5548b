// SPDX-License-Identifier: GPL-2.0-or-later

// A small cnitool over libcni, the library that every runtime uses:
//
//	cnitool add|check|del|version NETWORK NETNS
//
// NETCONFPATH is the directory of configuration lists, CNI_PATH that of plugins;
// CNI_IFNAME (eth0), CNI_ARGS ("K=V;K=V") and CAP_ARGS (JSON) as in cnitool.
package main

import (
	"context"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containernetworking/cni/libcni"
)

func runtimeConf(netns string) (*libcni.RuntimeConf, error) {
	// The same namespace is the same container, as in cnitool.
	sum := sha512.Sum512([]byte(netns))
	conf := &libcni.RuntimeConf{
		ContainerID: fmt.Sprintf("cnitool-%x", sum[:10]),
		NetNS:       netns,
		IfName:      "eth0",
	}
	if name := os.Getenv("CNI_IFNAME"); name != "" {
		conf.IfName = name
	}
	if args := os.Getenv("CNI_ARGS"); args != "" {
		for _, pair := range strings.Split(args, ";") {
			parts := strings.SplitN(pair, "=", 2)
			if len(parts) != 2 {
				return nil, fmt.Errorf("CNI_ARGS: %q is no K=V", pair)
			}
			conf.Args = append(conf.Args, [2]string{parts[0], parts[1]})
		}
	}
	if args := os.Getenv("CAP_ARGS"); args != "" {
		if err := json.Unmarshal([]byte(args), &conf.CapabilityArgs); err != nil {
			return nil, fmt.Errorf("CAP_ARGS: %w", err)
		}
	}
	return conf, nil
}

func run(verb, network, netns string) error {
	ctx := context.Background()
	cni := libcni.NewCNIConfig(filepath.SplitList(os.Getenv("CNI_PATH")), nil)
	list, err := libcni.LoadConfList(os.Getenv("NETCONFPATH"), network)
	if err != nil {
		return err
	}
	conf, err := runtimeConf(netns)
	if err != nil {
		return err
	}
	switch verb {
	case "add":
		result, err := cni.AddNetworkList(ctx, list, conf)
		if err != nil {
			return err
		}
		return result.Print()
	case "check":
		return cni.CheckNetworkList(ctx, list, conf)
	case "del":
		return cni.DelNetworkList(ctx, list, conf)
	case "version":
		info, err := cni.GetVersionInfo(ctx, list.Plugins[0].Network.Type)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(info.SupportedVersions())
	}
	return fmt.Errorf("%q is none of add, check, del, version", verb)
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: cnitool add|check|del|version NETWORK NETNS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
