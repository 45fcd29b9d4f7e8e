package connect

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"
)

const service = "arn:aws:ecs:eu-central-1:000000000000:service/main/billing"

// stage is a proxy of one task, and the tasks that it knows.
type stage struct {
	*testing.T
	store *cloud.Store
	url   string
	tasks map[string]*cloud.Resource // by address
	// answers are what listens at the tasks' addresses; who is not there takes no connection.
	answers map[string]http.Handler
	dialled atomic.Int32
}

// newStage starts a proxy, whose network has the answers.
func newStage(t *testing.T, answers map[string]http.Handler) *stage {
	t.Helper()
	s := &stage{T: t, store: awstest.New(t).Store, tasks: map[string]*cloud.Resource{}, answers: answers}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Store: s.store, Scope: awstest.Here.Scope, Endpoint: ecs.Endpoint{Name: "billing", Port: 80, Service: service, ContainerPort: 9000}, Dial: s.dial}
	t.Cleanup(p.Serve(l))
	s.url = "http://" + l.Addr().String() + "/"
	return s
}

// dial connects to a handler, by a pipe.
func (s *stage) dial(_ context.Context, network, address string) (net.Conn, error) {
	s.dialled.Add(1)
	h := s.answers[address]
	if h == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("nobody is at %s", address)}
	}
	ours, theirs := net.Pipe()
	l := &once{conns: make(chan net.Conn, 1)}
	l.conns <- theirs
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }() // ends with its one connection taken
	return ours, nil
}

// once is a listener that has one connection.
type once struct{ conns chan net.Conn }

func (l *once) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	default:
		return nil, net.ErrClosed
	}
}
func (l *once) Close() error   { return nil }
func (l *once) Addr() net.Addr { return &net.TCPAddr{} }

// set makes a task at an address, or changes it.
func (s *stage) set(ip string, status ecs.TaskStatus) {
	s.Helper()
	status.Address = ip
	err := s.store.Update(func(tx *cloud.Tx) (err error) {
		r := s.tasks[ip]
		if r == nil {
			if r, err = ecs.AddTask(tx, awstest.Here.Scope, ecs.TaskSpec{ClusterARN: "main", Service: service}); err != nil {
				return err
			}
			s.tasks[ip] = r
		}
		r = tx.Get(r.Key).Clone()
		r.SetStatus(status)
		tx.Put(r)
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

// ask returns what the proxy answers.
func (s *stage) ask() string {
	s.Helper()
	resp, err := http.Post(s.url, "text/plain", strings.NewReader("question"))
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSpace(string(said)))
}

// says answers with a name and the question.
func says(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s to %s", name, asked)
	})
}

var running = ecs.TaskStatus{LastStatus: ecs.TaskRunning, DesiredStatus: ecs.TaskRunning}

// Requests go round the tasks that run and are healthy, and none to one that is to stop.
func TestProxyGoesRoundHealthyTasks(t *testing.T) {
	s := newStage(t, map[string]http.Handler{"10.0.0.4:9000": says("a"), "10.0.0.5:9000": says("b"), "10.0.0.6:9000": says("c")})
	if said := s.ask(); said != "503 no healthy upstream" {
		t.Errorf("without a task it answers %s", said)
	}
	s.set("10.0.0.4", running)
	s.set("10.0.0.5", running)
	unhealthy := running
	unhealthy.Checked, unhealthy.HealthStatus = true, ecs.HealthUnknown
	s.set("10.0.0.6", unhealthy)
	heard := map[string]int{}
	for range 10 {
		heard[s.ask()]++
	}
	if heard["200 a to question"] != 5 || heard["200 b to question"] != 5 {
		t.Errorf("of ten requests, %v", heard)
	}
	stopping := running
	stopping.DesiredStatus = ecs.TaskStopped
	s.set("10.0.0.4", stopping)
	for range 4 {
		if said := s.ask(); said != "200 b to question" {
			t.Errorf("after one is to stop, it answers %s", said)
		}
	}
}

// A task that takes no connection is passed over, with the request whole, and after a while not tried.
func TestProxyPassesOverTasksThatTakeNoConnection(t *testing.T) {
	s := newStage(t, map[string]http.Handler{"10.0.0.5:9000": says("b")})
	s.set("10.0.0.4", running)
	s.set("10.0.0.5", running)
	for range 3 * failuresInARow {
		if said := s.ask(); said != "200 b to question" {
			t.Fatalf("it answers %s", said)
		}
	}
	before := s.dialled.Load()
	for range 4 {
		s.ask()
	}
	if now := s.dialled.Load(); now != before {
		t.Errorf("a task that is put aside was tried %d times", now-before)
	}
	delete(s.answers, "10.0.0.5:9000")
	s.set("10.0.0.5", ecs.TaskStatus{LastStatus: ecs.TaskStopped})
	if said := s.ask(); said != "503 upstream connect error or disconnect/reset before headers. reset reason: connection timeout" {
		t.Errorf("with nobody left it answers %s", said)
	}
}
