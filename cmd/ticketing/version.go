package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker for a release: -ldflags "-X main.version=1.2.3".
var version string

type versionCmd struct{}

// Run prints one line.
func (versionCmd) Run(p *program) error {
	v := readVersion()
	_, err := fmt.Fprintf(p.stdout, "ticketing %s (commit %s, %s %s/%s)\n", v.number, v.commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

type versionInfo struct{ number, commit string }

// readVersion is what the build knows of itself.
func readVersion() versionInfo {
	v := versionInfo{number: version, commit: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if ok && v.number == "" {
		v.number = info.Main.Version
	}
	if v.number == "" {
		v.number = "(devel)"
	}
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			v.commit = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			v.commit += ", modified"
		}
	}
	return v
}
