// Program is the tests' program in containers: its arguments decide its behaviour.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	behave := map[string]func(args []string){
		"env":    env,
		"exit":   exit,
		"self":   self,
		"write":  write,
		"serve":  serve,
		"ignore": ignore,
		"line":   line,
		"flood":  flood,
		"spawn":  spawn,
		"burn":   burn,
		"exists": exists,
		"peek":   peek,
		"listen": listen,
		"bind":   bind,
		"escape": escape,
		"eat":    eat,
		"shout":  shout,
	}
	behave[os.Args[1]](os.Args[2:])
}

// env prints the environment.
func env([]string) {
	for _, kv := range os.Environ() {
		fmt.Println(kv)
	}
}

// exit exits with a code.
func exit(args []string) {
	code, err := strconv.Atoi(args[0])
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stderr, "exiting")
	os.Exit(code)
}

// self prints who and where it is.
func self([]string) {
	groups, _ := os.Getgroups()
	host, _ := os.Hostname()
	dir, _ := os.Getwd()
	fmt.Printf("uid=%d gid=%d groups=%v pid=%d host=%s dir=%s\n", os.Getuid(), os.Getgid(), groups, os.Getpid(), host, dir)
}

// write tries to write files and prints how that went.
func write(args []string) {
	for _, name := range args {
		if err := os.WriteFile(name, []byte("written"), 0o600); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(name, "written")
	}
}

// serve runs until it gets a signal to stop.
func serve([]string) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	fmt.Println("ready")
	<-stop
	fmt.Println("stopping")
}

// ignore runs until it is killed.
func ignore([]string) {
	signal.Ignore(syscall.SIGTERM)
	fmt.Println("ready")
	time.Sleep(time.Hour)
}

// line prints lines of given lengths, on stderr too.
func line(args []string) {
	for _, arg := range args {
		n, err := strconv.Atoi(arg)
		if err != nil {
			panic(err)
		}
		fmt.Println(strings.Repeat("x", n))
		fmt.Fprintln(os.Stderr, strings.Repeat("y", n))
	}
	fmt.Print("no line feed")
}

// flood prints until it is killed.
func flood([]string) {
	lines := bytes.Repeat([]byte("flood\n"), 10000)
	for {
		if _, err := os.Stdout.Write(lines); err != nil {
			os.Exit(1)
		}
	}
}

// spawn starts a child that leaves the session and the process group, and runs until it is told to stop.
func spawn(args []string) {
	child := exec.Command("/proc/self/exe", append([]string{"ignore"}, args...)...)
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := child.StdoutPipe()
	if err != nil {
		panic(err)
	}
	if err := child.Start(); err != nil {
		panic(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		panic(err)
	}
	serve(nil)
}

// burn uses processor time until it is killed.
func burn([]string) {
	fmt.Println("ready")
	for {
	}
}

// exists exits with code 0 if a file exists.
func exists(args []string) {
	if _, err := os.Stat(args[0]); err != nil {
		os.Exit(1)
	}
}

// peek prints the processes that it sees, each with its environment, and runs until it is told to stop.
func peek([]string) {
	seen, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range seen {
		env, err := os.ReadFile(filepath.Join(process, "environ"))
		fmt.Printf("%s %q %v\n", filepath.Base(process), env, err)
	}
	serve(nil)
}

// listen listens at addresses, each of which sends its own name to every client, and runs until it is told to stop. An argument after
// "ask" is connected to first, and its answer printed.
func listen(args []string) {
	for i, address := range args {
		if address == "ask" {
			ask(args[i+1:])
			break
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			fmt.Println(err)
			continue
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, os.Getenv("NAME"))
				_ = c.Close()
			}
		}()
	}
	serve(nil)
}

func ask(addresses []string) {
	for _, address := range addresses {
		c, err := net.Dial("tcp", address)
		if err != nil {
			fmt.Println(err)
			continue
		}
		said, err := io.ReadAll(c)
		fmt.Printf("%s says %q %v\n", address, said, err)
		_ = c.Close()
	}
}

// bind ends with code 1 if it cannot listen.
func bind(args []string) {
	if _, err := net.Listen("tcp", args[0]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// escape tries what a container must not allow, and prints the results.
func escape([]string) {
	fmt.Println("mount:", syscall.Mount("x", "/dev/shm", "tmpfs", 0, ""))
	fmt.Println("unshare:", syscall.Unshare(syscall.CLONE_NEWUSER))
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "NoNewPrivs:") || strings.HasPrefix(line, "Seccomp:") || strings.HasPrefix(line, "CapEff:") {
			fmt.Println(strings.Join(strings.Fields(line), " "))
		}
	}
}

// eat uses more and more memory until it is killed.
func eat([]string) {
	var all [][]byte
	for {
		more := make([]byte, 1<<20)
		for i := range more {
			more[i] = 1
		}
		all = append(all, more)
	}
}

// shout sends packets as fast as it can, to an address after the other, until it is killed.
func shout(args []string) {
	var conns []net.Conn
	for _, address := range args {
		c, err := net.Dial("udp", address)
		if err != nil {
			panic(err)
		}
		conns = append(conns, c)
	}
	fmt.Println("ready")
	packet := make([]byte, 1400)
	for {
		for _, c := range conns {
			_, _ = c.Write(packet) // there is no room, or nobody is there
		}
	}
}
