package daemon

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// ownListener accepts connections only from this daemon's user and from root. Servers behind it cannot check a token: Pulumi's engine
// has none for providers that it attaches to, and a push of a container engine should need none. Without this, every other user of the
// machine, and every task, could run a program as this user, with an image or a resource.
//
// Linux knows the owner of a connection; other systems let everyone in.
type ownListener struct {
	net.Listener
	log *slog.Logger
}

func (l ownListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		err = ownPeer(c)
		if err == nil {
			return c, nil
		}
		l.log.Warn("refused a connection", "from", c.RemoteAddr().String(), "to", c.LocalAddr().String(), "why", err.Error())
		_ = c.Close() // it is refused anyway
	}
}

var errStranger = errors.New("it is another user's")

// ownPeer returns an error if the connection is neither root's nor ours.
func ownPeer(c net.Conn) error {
	if runtime.GOOS != "linux" {
		return nil
	}
	here, ok := c.LocalAddr().(*net.TCPAddr)
	there, ok2 := c.RemoteAddr().(*net.TCPAddr)
	if !ok || !ok2 {
		return errors.New("it is no TCP connection")
	}
	// A client may have a socket of either family.
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		user, found, err := socketUser(table, there, here)
		switch {
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return err
		case found && user != 0 && user != os.Geteuid():
			return errStranger
		case found:
			return nil
		}
	}
	return errors.New("whose it is cannot be found out")
}

// socketUser looks up the user of a socket in a table of the kernel's (proc_pid_net(5)).
func socketUser(table string, local, remote *net.TCPAddr) (user int, found bool, err error) {
	f, err := os.Open(table)
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = f.Close() }() // only read
	return findSocket(f, local, remote)
}

func findSocket(table io.Reader, local, remote *net.TCPAddr) (user int, found bool, err error) {
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		// sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
		fields := strings.Fields(lines.Text())
		const state, owner, inode = 3, 7, 9
		// A connection that its owner has closed has no owner, which reads as root: only an established one with a file counts.
		if len(fields) <= inode || fields[state] != "01" || fields[inode] == "0" {
			continue
		}
		if hexAddress(fields[1], local) && hexAddress(fields[2], remote) {
			user, err = strconv.Atoi(fields[owner])
			return user, err == nil, err
		}
	}
	return 0, false, lines.Err()
}

// hexAddress reports whether the text, in the kernel's form, is the address. Each word of four bytes is written as the number that it is
// on this machine.
func hexAddress(text string, address *net.TCPAddr) bool {
	host, port, _ := strings.Cut(text, ":")
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil || int(number) != address.Port {
		return false
	}
	raw, err := hex.DecodeString(host)
	if err != nil || len(raw)%4 != 0 {
		return false
	}
	for word := range slices.Chunk(raw, 4) {
		binary.NativeEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	return net.IP(raw).Equal(address.IP) // of a mapped address too
}
