package task

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
)

// MaxLine is the longest log line in bytes; longer ones come in pieces. It is what the awslogs driver allows: an event of
// 256 KiB with 26 bytes of overhead (Amazon CloudWatch Logs API reference, PutLogEvents).
const MaxLine = 256<<10 - 26

// LogLine is a line of a container's output.
type LogLine struct {
	Time   time.Time // when it was read
	Stderr bool      // it came from stderr, not stdout
	// Text is the line without its line feed. The memory is used again once the log function has returned.
	Text []byte
}

// copyLines passes lines from r to log until r ends. Empty lines are left out, as CloudWatch Logs takes no empty
// events. One line is in memory at a time: if log is slow the writer of the pipe waits.
func copyLines(r *os.File, stderr bool, log func(LogLine)) {
	buffered := bufio.NewReaderSize(r, MaxLine)
	for {
		// A full buffer is passed on as it is; the rest of the line comes next.
		line, err := buffered.ReadSlice('\n')
		now := time.Now()
		if n := len(line); n > 0 && line[n-1] == '\n' {
			line = line[:n-1]
		}
		if len(line) > 0 && log != nil {
			log(LogLine{Time: now, Stderr: stderr, Text: line})
		}
		// The only other errors are the end and the deadline, after which nothing writes any more.
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// sharedPorts looks in the output of a container whose task shares the machine's ports for the words of a port that is taken.
type sharedPorts struct {
	log   func(LogLine)
	taken atomic.Bool
}

func (s *sharedPorts) line(l LogLine) {
	if bytes.Contains(bytes.ToLower(l.Text), []byte("address already in use")) || bytes.Contains(l.Text, []byte("EADDRINUSE")) {
		s.taken.Store(true)
	}
	s.log(l)
}

// explain adds to the log what AWS would not say: there the port is free.
func (s *sharedPorts) explain(address netip.Addr) {
	if !s.taken.Load() {
		return
	}
	text := fmt.Sprintf("(the local cloud: tasks share the ports of this machine, and something has this one on every address; "+
		"listen on $HOST, which is %s for this task, or at another port)", address)
	s.log(LogLine{Time: time.Now(), Stderr: true, Text: []byte(text)})
}
