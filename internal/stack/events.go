package stack

import (
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
)

// eventReader reads the engine's events while the Automation API runs it.
type eventReader struct {
	stream    chan events.EngineEvent
	returned  chan struct{} // closed when the Automation API has returned
	done      chan struct{} // closed when everything is read
	complaint string        // the engine's first error
}

// readEvents hands every event to see until end is called.
func readEvents(see func(events.EngineEvent)) *eventReader { return readEventsAnd(see, nil, nil) }

// readEventsAnd also calls tick for every moment of ticks, and never both at once.
func readEventsAnd(see func(events.EngineEvent), ticks <-chan time.Time, tick func()) *eventReader {
	r := &eventReader{stream: make(chan events.EngineEvent), returned: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for {
			select {
			case event, more := <-r.stream:
				if !more {
					return
				}
				see(event)
				if e := event.DiagnosticEvent; e != nil && e.Severity == "error" && r.complaint == "" {
					r.complaint = plain(e.Message)
				}
			case <-ticks:
				tick()
			case <-r.returned: // the stream is closed only if the engine has sent an event
				return
			}
		}
	}()
	return r
}

// end waits until everything is read, and returns the engine's first error: the Automation API only knows an exit code.
func (r *eventReader) end() string {
	close(r.returned)
	<-r.done
	return r.complaint
}
