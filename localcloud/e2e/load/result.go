package load

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Result is what the clients saw.
type Result struct {
	// Requests were sent, and Failed of them not answered by the service. Answered500 were, with that status.
	Requests, Failed, Answered500 int
	// Refused are those of Failed that the load balancer answered in the service's place, by status.
	Refused map[int]int
	// Slowest is the longest that an answer took.
	Slowest time.Duration
	// Opened counts all opened WebSockets, Told those closed with 1001, going away, Reconnected those opened again, and Lost those that
	// ended in any other way or could not be opened.
	Opened, Told, Reconnected, Lost int
	// Versions are those that answered, in the order in which they appeared.
	Versions []Version
	// Failures are some of the reasons for Failed and Lost.
	Failures []string
}

// Version is a version of the service that answered.
type Version struct {
	Name        string
	First, Last time.Time // when the first and the last request that it answered were sent
	Answers     int
	Answered500 int // of Answers
}

// Alone returns how long after start the named version was the only one to answer: from the last answer of another. It is
// false if the version has not answered since.
func (r Result) Alone(name string, start time.Time) (time.Duration, bool) {
	last := start
	answered := false
	for _, v := range r.Versions {
		if v.Name == name {
			answered = true
		} else if v.Last.After(last) {
			last = v.Last
		}
	}
	for _, v := range r.Versions {
		if v.Name == name && answered && !v.Last.After(last) {
			answered = false
		}
	}
	return last.Sub(start), answered
}

// String is the result in a line.
func (r Result) String() string {
	var versions []string
	for _, v := range r.Versions {
		versions = append(versions, v.Name)
	}
	return fmt.Sprintf("requests %d, failed %d, answered 500 %d; slowest %d ms; versions %s; sockets told 1001 %d, reconnected %d, lost %d",
		r.Requests, r.Failed, r.Answered500, r.Slowest.Milliseconds(), strings.Join(versions, " -> "), r.Told, r.Reconnected, r.Lost)
}

// maxFailures bounds the reasons that are kept.
const maxFailures = 10

// recorder gathers a result.
type recorder struct {
	mu       sync.Mutex
	sum      Result
	versions map[string]*Version
}

func (r *recorder) answered(a answer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Requests++
	r.sum.Slowest = max(r.sum.Slowest, a.took)
	if err != nil {
		r.sum.Failed++
		if a.status != 0 && a.version == "" {
			if r.sum.Refused == nil {
				r.sum.Refused = map[int]int{}
			}
			r.sum.Refused[a.status]++
		}
		r.failed(a.sent, err)
		return
	}
	if r.versions == nil {
		r.versions = map[string]*Version{}
	}
	v := r.versions[a.version]
	if v == nil {
		v = &Version{Name: a.version, First: a.sent}
		r.versions[a.version] = v
	}
	v.Answers++
	if a.status != http.StatusOK {
		v.Answered500++
		r.sum.Answered500++
	}
	// Answers come in another order than the requests were sent in.
	if a.sent.Before(v.First) {
		v.First = a.sent
	}
	if a.sent.After(v.Last) {
		v.Last = a.sent
	}
}

func (r *recorder) opened(again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Opened++
	if again {
		r.sum.Reconnected++
	}
}

func (r *recorder) told() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Told++
}

func (r *recorder) lost(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Lost++
	r.failed(time.Now(), err)
}

func (r *recorder) failed(at time.Time, err error) {
	if len(r.sum.Failures) < maxFailures {
		r.sum.Failures = append(r.sum.Failures, at.Format("15:04:05.000 ")+err.Error())
	}
}

func (r *recorder) result() Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.sum
	out.Failures, out.Refused = slices.Clone(out.Failures), maps.Clone(out.Refused)
	for _, v := range slices.SortedFunc(maps.Values(r.versions), func(a, b *Version) int { return a.First.Compare(b.First) }) {
		out.Versions = append(out.Versions, *v)
	}
	return out
}
