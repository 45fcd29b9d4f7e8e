package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"slipway/internal/smoke"
)

func TestAsk(t *testing.T) {
	app := smoke.Checks{HealthPath: "/healthz", HealthRouted: true, VersionPath: "/version"}
	with := func(change func(*smoke.Checks)) smoke.Checks {
		checks := app
		change(&checks)
		return checks
	}
	for name, test := range map[string]struct {
		checks  smoke.Checks
		answers map[string]string // status and body, by path
		want    answer
		fails   string
	}{
		"the app": {app, map[string]string{"/healthz": `200 {"status":"ok"}`, "/version": `200 {"version":"v1","hostname":"a"}`}, answer{"", "v1", "a"}, ""},
		"one whose health names it": {
			app, map[string]string{"/healthz": `200 {"hostname":"b"}`, "/version": `200 {"version":"v2"}`}, answer{"", "v2", "b"}, "",
		},
		"one that is not well": {
			app, map[string]string{"/healthz": `503`, "/version": `200 {"version":"v1","hostname":"a"}`}, answer{"/healthz answers 503", "v1", "a"}, "",
		},
		"one that moved": {
			app, map[string]string{"/healthz": `302`, "/version": `200 {"version":"v1","hostname":"a"}`}, answer{"/healthz answers 302", "v1", "a"}, "",
		},
		"one that may answer something else": {
			with(func(c *smoke.Checks) { c.HealthCodes = "200-399" }),
			map[string]string{"/healthz": `302`, "/version": `200 {"version":"v1","hostname":"a"}`},
			answer{"", "v1", "a"},
			"",
		},
		"one without its version": {app, map[string]string{"/healthz": `200`}, answer{}, "/version answers 404"},
		"a path of it": {
			with(func(c *smoke.Checks) { c.Paths = []string{"/", "/status"} }),
			map[string]string{"/healthz": `200`, "/version": `200 {"version":"v1","hostname":"a"}`, "/": "302", "/status": "503"},
			answer{"/status answers 503", "v1", "a"},
			"",
		},
		"a plain server": {smoke.Checks{HealthPath: "/up", HealthRouted: true}, map[string]string{"/up": `200 fine`}, answer{}, ""},
		"a server whose health is not routed": {
			smoke.Checks{HealthPath: "/up"}, map[string]string{"/base/": `200 <html>`, "/up": "503"}, answer{}, "",
		},
		"a server of which nothing is known": {smoke.Checks{}, map[string]string{"/base/": `404`}, answer{}, ""},
		"a server of which nothing is known, with errors": {
			smoke.Checks{}, map[string]string{"/base/": `500`}, answer{problem: "/base/ answers 500"}, "",
		},
		"one without healthy tasks": {
			app, map[string]string{"/healthz": "balancer"}, answer{}, "the load balancer itself answers 503 Service Unavailable: the service has no healthy task",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var requests, connections atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				code, body, _ := strings.Cut(test.answers[r.URL.Path], " ")
				if code == "balancer" {
					w.Header().Set("Server", "awselb/2.0")
					code = "503"
				}
				status, err := strconv.Atoi(cmp.Or(code, "404"))
				if err != nil {
					t.Error(err)
				}
				w.Header().Set("Location", "https://elsewhere.example.com/")
				w.WriteHeader(status)
				fmt.Fprint(w, body)
			}))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			server.Start()
			defer server.Close()
			got, err := newAsker().ask(t.Context(), question{server.URL + "/base/", test.checks})
			if got != test.want || (err != nil) != (test.fails != "") || err != nil && err.Error() != test.fails {
				t.Errorf("it answers %+v, %v; want %+v, %s", got, err, test.want, test.fails)
			}
			if connections.Load() != requests.Load() {
				t.Errorf("%d connections were made for %d requests", connections.Load(), requests.Load())
			}
		})
	}
}

func TestAskSomebodyWhoIsNotThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if _, err := newAsker().ask(t.Context(), question{url: server.URL}); err == nil {
		t.Error("a server that is closed answers")
	}
	if _, err := newAsker().ask(t.Context(), question{url: "::"}); err == nil {
		t.Error("what is no URL answers")
	}
}

func TestRound(t *testing.T) {
	for name, test := range map[string]struct {
		instances, desired int
		thorough, nameless bool
		least, most        int // questions
	}{
		"one":                       {1, 1, false, false, 1, 3},
		"all answer in turn":        {6, 6, false, false, 6, 11}, // two rounds of four askers, and three who have not heard of the last answer
		"one is missing":            {5, 6, false, false, 18, 18},
		"while it is deployed":      {6, 6, true, false, 18, 18},
		"many":                      {40, 40, false, false, 40, 43},
		"more than can be asked":    {100, 100, false, false, 60, 60},
		"none desired, one answers": {1, 0, false, false, 1, 3},
		"nobody says who they are":  {6, 6, false, true, 6, 11},
		"down":                      {0, 6, false, false, 3, 6},
	} {
		// In a bubble, all questions take the same time, also on a busy machine.
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				asked := 0
				paths := 0
				ask := func(_ context.Context, q question) (answer, error) {
					<-time.After(time.Millisecond)
					mu.Lock()
					defer mu.Unlock()
					asked++
					paths += len(q.checks.Paths)
					if test.instances == 0 {
						return answer{}, errors.New("refused")
					}
					if test.nameless {
						return answer{version: "v1"}, nil
					}
					return answer{"", "v1", fmt.Sprint(asked % test.instances)}, nil
				}
				answers, err := round(t.Context(), ask, question{checks: smoke.Checks{Paths: []string{"/status"}}}, test.desired, test.thorough)
				if paths != 1 {
					t.Errorf("its other path was asked for %d times", paths)
				}
				if asked < test.least || asked > test.most {
					t.Errorf("it was asked %d times, want %d to %d", asked, test.least, test.most)
				}
				if (err != nil) != (test.instances == 0) || err == nil && len(answers) != asked {
					t.Errorf("%d answers to %d questions, error %v", len(answers), asked, err)
				}
			})
		})
	}
}

func TestWindow(t *testing.T) {
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var w window
	if got := w.sight(start); !got.asked.IsZero() || got.instances != 0 {
		t.Errorf("before it was asked it is %+v", got)
	}
	w.add([]answer{{"", "v1", "a"}, {"", "v1", "b"}, {"", "v1", "a"}}, nil, start)
	w.add([]answer{{"", "v1", "a"}, {"/healthz answers 503", "v1", "c"}}, nil, start.Add(10*time.Second))
	for after, want := range map[time.Duration]sight{
		10 * time.Second: {asked: start.Add(10 * time.Second), instances: 2, versions: []share{{"v1", 5}}, problem: "/healthz answers 503"},
		// Of those that were asked half a minute ago nothing is known any more.
		31 * time.Second: {asked: start.Add(10 * time.Second), instances: 1, versions: []share{{"v1", 2}}, problem: "/healthz answers 503"},
	} {
		if got := w.sight(start.Add(after)); !reflect.DeepEqual(got, want) {
			t.Errorf("after %s it is %+v, want %+v", after, got, want)
		}
	}

	// A rollout: both versions count while both answer, and then the new one alone.
	w.add([]answer{{"", "v1", "a"}, {"", "v2", "d"}, {"", "v2", "e"}}, nil, start.Add(20*time.Second))
	w.add([]answer{{"", "v2", "d"}, {"", "v2", "e"}}, nil, start.Add(24*time.Second))
	if got := w.sight(start.Add(24 * time.Second)); got.instances != 4 || !reflect.DeepEqual(got.versions, []share{{"v2", 4}, {"v1", 1}}) {
		t.Errorf("while two versions answer it is %+v", got)
	}
	w.add([]answer{{"", "v2", "d"}, {"", "v2", "e"}}, nil, start.Add(33*time.Second))
	if got := w.sight(start.Add(33 * time.Second)); got.instances != 2 || len(got.versions) != 1 {
		t.Errorf("after the rollout it is %+v", got)
	}

	var plain window
	plain.add([]answer{{}, {}}, nil, start)
	if got, want := plain.sight(start), (sight{asked: start, nameless: true}); !reflect.DeepEqual(got, want) {
		t.Errorf("when nobody says who they are it is %+v, want %+v", got, want)
	}

	w.add(nil, errors.New("connection refused\nmore"), start.Add(35*time.Second))
	if got := w.sight(start.Add(35 * time.Second)); got.err != "connection refused" {
		t.Errorf("when it does not answer it is %+v", got)
	}
}
