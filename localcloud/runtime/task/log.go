package task

import (
	"bufio"
	"errors"
	"os"
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
		// The only other errors are the end and the deadline, after which nobody writes any more.
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}
