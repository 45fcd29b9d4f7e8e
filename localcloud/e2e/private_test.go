package e2e

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// private fails if other users of the machine can read the local cloud's files, or other machines can reach its ports.
func private(ts *testscript.TestScript, neg bool, _ []string) {
	refuse(ts, neg, "private")
	dir := ts.MkAbs(".localcloud")
	ts.Check(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) {
			return nil // its owner cannot read it either, as a folder of overlayfs
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		parts := strings.Split(strings.TrimPrefix(path, dir+string(filepath.Separator)), string(filepath.Separator))
		switch {
		case parts[0] == "ca" && !strings.HasSuffix(path, ".key"): // the authority's certificate is for everybody
			return nil
		case len(parts) > 1 && (parts[0] == "tasks" || parts[0] == "pulumi"):
			return nil // tasks' file systems and Pulumi's logs have modes of their own, within folders that are private
		case info.Mode().Perm()&0o077 != 0:
			return fmt.Errorf("others can get at %s: %s", path, info.Mode())
		}
		return nil
	}))

	if runtime.GOOS != "linux" {
		ts.Logf("what the local cloud listens on is not known on %s", runtime.GOOS)
		return
	}
	raw, err := os.ReadFile(filepath.Join(dir, "daemon.json"))
	ts.Check(err)
	var daemon struct{ PID int }
	ts.Check(json.Unmarshal(raw, &daemon))
	addresses, err := listening(daemon.PID)
	ts.Check(err)
	// Two providers, the registry, the control API, the proxy, the name server twice, the load balancer's two listeners.
	if len(addresses) < 9 {
		ts.Fatalf("the local cloud listens on %v alone", addresses)
	}
	for _, a := range addresses {
		if !a.Addr().Unmap().IsLoopback() {
			ts.Fatalf("the local cloud listens on %s", a)
		}
	}
}

// listening returns the addresses of a process's sockets that wait for others: see proc(5), /proc/net/tcp.
func listening(pid int) ([]netip.AddrPort, error) {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	files, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		return nil, err
	}
	var sockets []string // inodes
	for _, f := range files {
		target, _ := os.Readlink(filepath.Join(proc, "fd", f.Name())) // or it was closed meanwhile
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			sockets = append(sockets, strings.TrimSuffix(inode, "]"))
		}
	}
	var addresses []netip.AddrPort
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile(filepath.Join(proc, "net", table))
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			const local, remote, state, inode = 1, 2, 3, 9
			fields := strings.Fields(line)
			if len(fields) <= inode || !slices.Contains(sockets, fields[inode]) {
				continue
			}
			_, port, _ := strings.Cut(fields[remote], ":")
			if waits := fields[state] == "0A" || strings.HasPrefix(table, "udp") && port == "0000"; !waits {
				continue
			}
			a, err := kernelAddress(fields[local])
			if err != nil {
				return nil, err
			}
			addresses = append(addresses, a)
		}
	}
	return addresses, nil
}

// kernelAddress reads an address as /proc/net/tcp has it: hexadecimal, in words of the machine's byte order.
func kernelAddress(text string) (netip.AddrPort, error) {
	words, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(words)
	if err != nil {
		return netip.AddrPort{}, err
	}
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word) // amd64 and arm64 are little-endian
	}
	ip, ok := netip.AddrFromSlice(raw)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", text)
	}
	return netip.AddrPortFrom(ip, uint16(n)), nil
}
