package task

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// thread is an operating-system thread of its own, which ends when it is closed. Two things hang on a thread rather
// than on the process: namespaces and the root directory, which the processes it starts inherit; and the parent-death
// signal, which a child gets when the thread that started it ends, as Go's threads otherwise do at any time.
type thread struct {
	calls chan func()
}

func newThread() *thread {
	t := &thread{calls: make(chan func())}
	ready := make(chan struct{})
	go t.run(ready)
	<-ready
	return t
}

func (t *thread) run(ready chan<- struct{}) {
	// Never unlocked: Go ends a thread whose goroutine ends while locked to it, and so never uses it again.
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		close(ready)
		for call := range t.calls {
			call()
		}
		return
	}
	// The main thread cannot end, and what is done to it shows in /proc/self: hold it while another is found.
	found := make(chan struct{})
	go t.run(found)
	<-found
	runtime.UnlockOSThread()
	close(ready)
}

// do runs f on the thread and waits for it.
func (t *thread) do(f func() error) error {
	done := make(chan error)
	t.calls <- func() { done <- f() }
	return <-done
}

// close ends the thread, and with it the processes that it started and that are still there.
func (t *thread) close() { close(t.calls) }
