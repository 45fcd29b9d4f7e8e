package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAsk(t *testing.T) {
	for name, test := range map[string]struct {
		status, version string
		code            int
		want            answer
		fails           bool
	}{
		"the app":                 {`{"status":"ok","version":"v1"}`, `{"version":"v1","hostname":"a"}`, 200, answer{200, "v1", "a"}, false},
		"one that names itself":   {`{"version":"v2","hostname":"b"}`, `{}`, 200, answer{200, "v2", "b"}, false},
		"one that is not well":    {`{"status":"failed"}`, `{"version":"v1","hostname":"a"}`, 503, answer{503, "v1", "a"}, false},
		"one that is no service":  {`<html>`, `<html>`, 200, answer{200, "", ""}, false},
		"one that moved":          {``, `{"version":"v1","hostname":"a"}`, 302, answer{302, "v1", "a"}, false},
		"one without its version": {`{}`, ``, 200, answer{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			connections := atomic.Int32{}
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/base/status":
					w.Header().Set("Location", "https://elsewhere.example.com/")
					w.WriteHeader(test.code)
					fmt.Fprint(w, test.status)
				case "/base/version":
					if test.version == "" {
						w.WriteHeader(http.StatusNotFound)
					}
					fmt.Fprint(w, test.version)
				}
			}))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			server.Start()
			defer server.Close()
			got, err := newAsker().ask(t.Context(), server.URL+"/base/")
			if got != test.want || (err != nil) != test.fails {
				t.Errorf("it answers %+v, %v; want %+v", got, err, test.want)
			}
			if test.want.hostname == "a" && connections.Load() != 2 {
				t.Errorf("%d connections were made for 2 requests", connections.Load())
			}
		})
	}
}

func TestAskSomebodyWhoIsNotThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if _, err := newAsker().ask(t.Context(), server.URL); err == nil {
		t.Error("a server that is closed answers")
	}
	if _, err := newAsker().ask(t.Context(), "::"); err == nil {
		t.Error("what is no URL answers")
	}
}

func TestRound(t *testing.T) {
	for name, test := range map[string]struct {
		instances, desired int
		thorough           bool
		least, most        int // questions
	}{
		"one":                       {1, 1, false, 1, 3},
		"all answer in turn":        {6, 6, false, 6, 9},
		"one is missing":            {5, 6, false, 18, 18},
		"while it is deployed":      {6, 6, true, 18, 18},
		"many":                      {40, 40, false, 40, 43},
		"more than can be asked":    {100, 100, false, 60, 60},
		"none desired, one answers": {1, 0, false, 1, 3},
		"down":                      {0, 6, false, 3, 6},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			asked := 0
			ask := func(context.Context, string) (answer, error) {
				mu.Lock()
				defer mu.Unlock()
				asked++
				if test.instances == 0 {
					return answer{}, errors.New("refused")
				}
				return answer{200, "v1", fmt.Sprint(asked % test.instances)}, nil
			}
			answers, err := round(t.Context(), ask, "", test.desired, test.thorough)
			if asked < test.least || asked > test.most {
				t.Errorf("it was asked %d times, want %d to %d", asked, test.least, test.most)
			}
			if (err != nil) != (test.instances == 0) || err == nil && len(answers) != asked {
				t.Errorf("%d answers to %d questions, error %v", len(answers), asked, err)
			}
		})
	}
}

func TestWindow(t *testing.T) {
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var w window
	if got := w.sight(start); !got.asked.IsZero() || got.instances != 0 {
		t.Errorf("before it was asked it is %+v", got)
	}
	w.add([]answer{{200, "v1", "a"}, {200, "v1", "b"}, {200, "v1", "a"}}, nil, start)
	w.add([]answer{{200, "v1", "a"}, {503, "v1", "c"}}, nil, start.Add(10*time.Second))
	for after, want := range map[time.Duration]sight{
		10 * time.Second: {asked: start.Add(10 * time.Second), instances: 2, versions: []share{{"v1", 5}}, status: 503},
		// Of those that were asked half a minute ago nothing is known any more.
		31 * time.Second: {asked: start.Add(10 * time.Second), instances: 1, versions: []share{{"v1", 2}}, status: 503},
	} {
		if got := w.sight(start.Add(after)); !reflect.DeepEqual(got, want) {
			t.Errorf("after %s it is %+v, want %+v", after, got, want)
		}
	}

	// A rollout: both versions count while both answer, and then the new one alone.
	w.add([]answer{{200, "v1", "a"}, {200, "v2", "d"}, {200, "v2", "e"}}, nil, start.Add(20*time.Second))
	w.add([]answer{{200, "v2", "d"}, {200, "v2", "e"}}, nil, start.Add(24*time.Second))
	if got := w.sight(start.Add(24 * time.Second)); got.instances != 4 || !reflect.DeepEqual(got.versions, []share{{"v2", 4}, {"v1", 1}}) {
		t.Errorf("while two versions answer it is %+v", got)
	}
	w.add([]answer{{200, "v2", "d"}, {200, "v2", "e"}}, nil, start.Add(33*time.Second))
	if got := w.sight(start.Add(33 * time.Second)); got.instances != 2 || len(got.versions) != 1 {
		t.Errorf("after the rollout it is %+v", got)
	}

	w.add(nil, errors.New("connection refused\nmore"), start.Add(35*time.Second))
	if got := w.sight(start.Add(35 * time.Second)); got.err != "connection refused" {
		t.Errorf("when it does not answer it is %+v", got)
	}
}
