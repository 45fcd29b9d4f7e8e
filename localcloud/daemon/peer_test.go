package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Lines as Linux writes them on a little-endian machine: of 127.0.0.1:8080 (local) and 127.0.0.1:40000.
const sockets = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 20 4 30 10 -1
   1: 0100007F:9C41 0100007F:1F90 05 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:9C42 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 20 4 30 10 -1
   3: 0000000000000000FFFF00000100007F:9C43 0000000000000000FFFF00000100007F:1F90 01 00000000:00000000 00:00000000 00000000  65532        0 4712 1 0
`

func TestFindSocket(t *testing.T) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("the lines are those of a little-endian machine")
	}
	here := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	for port, want := range map[int]string{
		40000: "1000 true", 40001: "0 false", 40002: "0 false", 40003: "65532 true", 40004: "0 false",
	} {
		user, found, err := findSocket(strings.NewReader(sockets), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, here)
		if got := fmt.Sprint(user, " ", found); err != nil || got != want {
			t.Errorf("port %d: %s, %v, want %s", port, got, err, want)
		}
	}
}

// Neither another user of the machine nor a task can make the daemon run programs as its user.
func TestOthersAreNotLetIn(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	c, stop := run(t, t.TempDir())
	defer stop()
	address := map[string]string{
		"registry": c.Info.Registry, "control": c.Info.Control, "provider": fmt.Sprintf("127.0.0.1:%d", c.Info.Providers["aws"]),
	}
	apiAddress, _ := c.Info.api()
	address["api"] = apiAddress
	all, err := json.Marshal(address)
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[uint32]string{0: "let in", 65532: "refused"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.run=^TestAsAnotherUser$", "-test.v")
		cmd.Env = append(os.Environ(), "PEER_TEST="+string(all))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for name := range address {
			if !strings.Contains(string(out), name+": "+want) {
				t.Errorf("as user %d, want %s: %s\n%s", user, name, want, out)
			}
		}
	}
}

// TestAsAnotherUser is the process of another user. It sends nothing, and waits for the other end to close.
func TestAsAnotherUser(t *testing.T) {
	var addresses map[string]string
	if json.Unmarshal([]byte(os.Getenv("PEER_TEST")), &addresses) != nil {
		t.Skip("is run by another test")
	}
	for name, address := range addresses {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		// A preface of HTTP/2 and a request of HTTP/1: each gets some answer.
		request := "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
		if name == "provider" {
			request = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
		}
		_, _ = c.Write([]byte(request)) // or it was refused already
		n, _ := c.Read(make([]byte, 1))
		if n == 1 {
			fmt.Println(name + ": let in")
		} else {
			fmt.Println(name + ": refused")
		}
		_ = c.Close()
	}
}
