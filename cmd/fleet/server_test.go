package main

import (
	"bufio"
	"context"
	"errors"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/internal/stack"
)

// serveFleet serves the page of an observer.
func serveFleet(t *testing.T, o *observer) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(newServer("slipway", "127.0.0.1:8190", o))
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

var (
	tags   = regexp.MustCompile(`<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
)

// text is what of HTML is read.
func text(page string) string {
	return strings.TrimSpace(spaces.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(page, " ")), " "))
}

// part is the text of one stack.
func part(t *testing.T, page, stack string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, `id="stack-`+stack+`"`)
	article, _, ended := strings.Cut(rest, "</article>")
	if !found || !ended {
		t.Fatalf("the page has no stack %s:\n%s", stack, page)
	}
	return text("<" + article)
}

func TestPage(t *testing.T) {
	now := time.Now()
	o := observe(t, newFakeSource(twoStacks(now)), twoServices())
	until(t, o, "all is known", func(b board) bool {
		dev, prod := b.environment("dev"), b.environment("prod")
		return dev.seen["hello"].instances == 2 && prod.seen["hello"].instances == 3 && !dev.drift.checked.IsZero() && !prod.drift.checked.IsZero()
	})
	resp, page := get(t, serveFleet(t, o).URL)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("the page is %s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	for name, want := range map[string]string{
		"dev": "dev steady Region eu-central-1 Account 123456789012 State 48 resources Services of dev Service Runs Healthy " +
			"hello hello. dev. example. com v2 bbbbbbbbbbbb 2/2 " +
			"Last update: update succeeded 1 h ago by GitHub Actions , took 2 min 11 s Greet in French , of a commit by Ada Lovelace Drift: none checked just now",
		"prod": "prod drifted Region eu-central-1 Account 123456789012 State 48 resources Services of prod Service Runs Healthy " +
			"hello hello. example. com v1 aaaaaaaaaaaa ≠ dev 3/3 " +
			"To give it what dev runs: go run ./cmd/promote dev prod hello " +
			"Last update: update succeeded 2 h ago by GitHub Actions , took 2 min 11 s Greet in French , of a commit by Ada Lovelace " +
			"Drift: 1 resource checked just now aws:cloudwatch:LogGroup prod-hello (gone)",
	} {
		got := strings.ReplaceAll(part(t, page, name), "Actions, took", "Actions , took")
		if got != want {
			t.Errorf("of %s is said\n%s\nwant\n%s", name, got, want)
		}
	}
	for what, pattern := range map[string]string{
		"the whole digest":      `<code class="digest" title="` + digest("a") + `" data-copy="` + digest("a") + `">aaaaaaaaaaaa</code>`,
		"a link":                `<a href="https://hello.example.com/"`,
		"life without scripts":  `<noscript><meta http-equiv="refresh" content="10"></noscript>`,
		"what differs":          `hello is not the same in prod as in dev.`,
		"what drifted":          `prod: 1 resource drifted.`,
		"what healthy means":    `How many different instances answered in the last half minute`,
		"the count of it all":   `2 environments, 1 service<`,
		"a caption for readers": `<caption>Services of prod</caption>`,
	} {
		if !strings.Contains(page, pattern) {
			t.Errorf("the page does not show %s: %s", what, pattern)
		}
	}
	for _, hidden := range []string{secret, "ada@example.com"} {
		if strings.Contains(page, hidden) {
			t.Errorf("the page shows %s", hidden)
		}
	}
	if strings.Contains(page, "style=") || regexp.MustCompile(`<script>|<style>| on[a-z]+=`).MatchString(page) {
		t.Error("the page has something inline, which its policy forbids")
	}
}

func TestPageOfTrouble(t *testing.T) {
	stacks := twoStacks(time.Now())
	dev := stacks["dev"]
	dev.history = []stack.Update{{Kind: "update", Result: "failed", Start: time.Now().Add(-time.Minute), End: time.Now()}}
	stacks["dev"] = dev
	stacks["pr-7"] = fakeStack{err: errors.New(`<script>alert("x")</script>`)}
	stacks["new"] = fakeStack{}
	services := twoServices()
	services.set("https://hello.example.com/")
	o := observe(t, newFakeSource(stacks), services)
	until(t, o, "all is known", func(b board) bool {
		return b.environment("pr-7").err != "" && b.environment("new").read && b.environment("prod").seen["hello"].err != "" && b.environment("dev").read
	})
	resp, page := get(t, serveFleet(t, o).URL)
	if resp.StatusCode != http.StatusOK {
		t.Errorf("for one stack's sake the page is %s", resp.Status)
	}
	for name, want := range map[string]string{
		"dev":  "update failed",
		"prod": "does not answer: connection refused",
		"pr-7": `not readable <script>alert("x")</script>`,
		"new":  "not deployed Region eu-north-1 Account 555555555555",
	} {
		if got := part(t, page, name); !strings.Contains(got, want) {
			t.Errorf("of %s is said %s, without %s", name, got, want)
		}
	}
	if strings.Contains(page, "<script>alert") {
		t.Error("an error's text is taken for HTML")
	}
	if got := part(t, page, "prod"); strings.Contains(got, "promote") {
		t.Errorf("what dev failed to run is to be promoted: %s", got)
	}
}

// Services that are none of app/: one tells neither its version nor which instance answers, one is a worker, one is
// nobody's to ask.
func TestPageOfPlainServices(t *testing.T) {
	stacks := map[string]fakeStack{"pr-7": {
		services: map[string]fakeService{
			"web":    {digest: digest("a"), url: "https://web.example.com/", desired: 2},
			"secret": {digest: digest("a"), url: "http://127.0.0.1:9000/x", desired: 1},
			"mailer": {digest: digest("a"), desired: 3},
			"sick":   {digest: digest("a"), url: "https://sick.example.com/", desired: 1},
		},
		history: []stack.Update{{Kind: "update", Result: "succeeded", End: time.Now(), Environment: map[string]string{"git.author": "Ada"}}},
	}}
	asked := make(chan string, 1000)
	o := newObserver(newFakeSource(stacks), func(_ context.Context, q question) (answer, error) {
		asked <- q.url
		if strings.Contains(q.url, "sick") {
			return answer{problem: "/up answers 500"}, nil
		}
		return answer{}, nil
	}, nil, quickPace)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.run(ctx)
	}()
	until(t, o, "the services are asked", func(b board) bool {
		seen := b.environment("pr-7").seen
		return seen["web"].nameless && seen["sick"].problem != ""
	})
	_, page := get(t, serveFleet(t, o).URL)
	cancel()
	<-done
	got := part(t, page, "pr-7")
	for _, want := range []string{
		"mailer aaaaaaaaaaaa is a worker; 3 tasks",
		"web web. example. com aaaaaaaaaaaa answers; 2 tasks", "sick sick. example. com aaaaaaaaaaaa 0/1 says it is not well: /up answers 500",
		`secret aaaaaaaaaaaa –/1 is not asked: its URL must be https://host or https://host/path, not "http://127.0.0.1:9000/x"`,
		"update succeeded just now, took", ", of a commit by Ada",
	} {
		if !strings.Contains(strings.ReplaceAll(got, "now , took", "now, took"), want) {
			t.Errorf("of pr-7 is said\n%s\nwithout %s", got, want)
		}
	}
	if strings.Contains(page, `href="http:`) {
		t.Error("the page leads to what is not asked")
	}
	close(asked)
	for url := range asked {
		if strings.Contains(url, "127.0.0.1") {
			t.Errorf("%s was asked", url)
		}
	}
}

// Until something is known the page says that it reads, and not that all is well.
func TestPageWhileReading(t *testing.T) {
	now := time.Now()
	b := board{listed: true, environments: []environment{{name: "dev"}, {name: "prod"}}}
	if got := newView("slipway", b, now).Notes; len(got) != 1 || got[0] != (note{idle, "Reading dev and prod…"}) {
		t.Errorf("while nothing is known the page says %v", got)
	}
	b.environments[0].read = true
	if got := newView("slipway", b, now).Notes; len(got) != 1 || got[0] != (note{idle, "Reading prod…"}) {
		t.Errorf("while prod is not known the page says %v", got)
	}
	b.environments[1].read = true
	if got := newView("slipway", b, now).Notes; len(got) != 0 {
		t.Errorf("when all is known the page says %v", got)
	}
}

// A platform names the stacks that stand on it, and each of them its platform.
func TestPageOfAPlatform(t *testing.T) {
	stacks := map[string]fakeStack{
		"base":  {offers: true, resources: 28, written: time.Now()},
		"spare": {offers: true, resources: 28, written: time.Now()},
		"shop":  {resources: 9, written: time.Now(), platform: "acme/slipway/base"},
		"users": {resources: 9, written: time.Now(), platform: "base"},
	}
	o := observe(t, newFakeSource(stacks), twoServices())
	until(t, o, "the stacks are read", func(b board) bool {
		return len(b.environments) == len(stacks) && !slices.ContainsFunc(b.environments, func(e environment) bool { return !e.read })
	})
	_, page := get(t, serveFleet(t, o).URL)
	for stack, want := range map[string]string{
		"base": "A platform, on which shop and users run.", "spare": "A platform, on which no stack stands.", "shop": "Platform base", "users": "Platform base",
	} {
		if got := part(t, page, stack); !strings.Contains(got, want) {
			t.Errorf("%s is shown as %q, want %q", stack, got, want)
		}
	}
	if strings.Contains(page, secret) {
		t.Error("the page shows a secret")
	}
}

func TestEmptyFleet(t *testing.T) {
	source := newFakeSource(map[string]fakeStack{})
	o := newObserver(source, twoServices().ask, nil, quickPace)
	if _, page := get(t, serveFleet(t, o).URL); !strings.Contains(page, "Looking for stacks…") {
		t.Errorf("before anything is known the page says %s", text(page))
	}
	o = observe(t, source, twoServices())
	until(t, o, "the stacks are listed", func(b board) bool { return b.listed })
	if _, page := get(t, serveFleet(t, o).URL); !strings.Contains(page, "No stacks yet") || !strings.Contains(page, "pulumi stack init dev") {
		t.Errorf("of a project without stacks the page says %s", text(page))
	}
}

func TestHeaders(t *testing.T) {
	server := newServer("slipway", "fleet.example.com:8190", newObserver(newFakeSource(nil), nil, nil, quickPace))
	for _, test := range []struct {
		method, path, host string
		want               int
	}{
		{"GET", "/", "127.0.0.1:8190", 200},
		{"GET", "/", "localhost:8190", 200},
		{"GET", "/", "[::1]:8190", 200},
		{"GET", "/", "192.0.2.7", 200},
		{"GET", "/", "fleet.example.com:8190", 200},
		{"GET", "/", "rebound.example.net:8190", 421},
		{"GET", "/events", "rebound.example.net", 421},
		{"GET", "/", "127.0.0.1.example.net", 421},
		{"GET", "/", "", 421},
		{"GET", "/fleet.css", "localhost", 200},
		{"GET", "/fleet.js", "localhost", 200},
		{"GET", "/icon.svg", "localhost", 200},
		{"GET", "/page.html", "localhost", 404},
		{"GET", "/assets/page.html", "localhost", 404},
		{"POST", "/", "localhost", 405},
	} {
		r := httptest.NewRequest(test.method, test.path, http.NoBody)
		r.Host = test.host
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s %s of %q answers %d, want %d", test.method, test.path, test.host, w.Code, test.want)
		}
		if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s %s: the policy is %q", test.method, test.path, policy)
		}
	}
}

// readEvent reads the data of the next event.
func readEvent(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	var data []string
	for lines.Scan() {
		line := lines.Text()
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			data = append(data, text)
		}
		if line == "" && len(data) > 0 {
			return strings.Join(data, "\n")
		}
	}
	t.Fatalf("the stream has ended: %v", lines.Err())
	return ""
}

func TestEvents(t *testing.T) {
	source, services := newFakeSource(twoStacks(time.Now())), twoServices()
	o := observe(t, source, services)
	until(t, o, "all is known", func(b board) bool {
		return b.environment("dev").seen["hello"].instances == 2 && b.environment("prod").seen["hello"].instances == 3
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, serveFleet(t, o).URL+"/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("the stream is %s", got)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	if first := readEvent(t, lines); !strings.HasPrefix(first, `<div id="summary">`) {
		t.Errorf("the first fragment is %s", first)
	}
	if second := readEvent(t, lines); !strings.HasPrefix(second, `<main id="fleet">`) {
		t.Errorf("the second fragment is %s", second)
	}
	source.change("prod", func(s *fakeStack) {
		s.lock, s.pending = stack.Lock{Username: "ada", Hostname: "ci", PID: 1, Since: time.Now()}, []string{"hello"}
	})
	for {
		fragment := readEvent(t, lines)
		if strings.Contains(fragment, secret) {
			t.Fatal("a fragment shows the secret")
		}
		if strings.HasPrefix(fragment, `<main`) && strings.Contains(part(t, fragment, "prod"), "by ada@ci: nothing changed so far. running updating aws:ecs:Service prod-hello") {
			break
		}
	}
}

// A carriage return, which ends a line of a stream too, does not make an event of what others wrote.
func TestEventsOfOthersText(t *testing.T) {
	stacks := twoStacks(time.Now())
	dev := stacks["dev"]
	dev.history[0].Message = "ok\revent: fragment\rdata: <main id=fleet></main>\r\r"
	stacks["dev"] = dev
	services := twoServices()
	services.set("https://hello.dev.example.com/", "v1\revent: evil", "v1\r\nevent: evil")
	o := observe(t, newFakeSource(stacks), services)
	until(t, o, "all is known", func(b board) bool { return b.environment("dev").seen["hello"].instances > 0 })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, serveFleet(t, o).URL+"/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	stream := bufio.NewReader(resp.Body)
	for text, ends := "", 0; ends < 2; {
		part, err := stream.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.FieldsFunc(part, func(r rune) bool { return r == '\r' || r == '\n' }) {
			if !strings.HasPrefix(line, "data: ") && line != "data:" && line != "event: fragment" {
				t.Fatalf("a line of the stream is %q", line)
			}
		}
		if text += part; part == "\n" {
			ends++
			if strings.Count("\n"+text, "\nevent: fragment\n") != ends {
				t.Fatalf("there are more events than fragments:\n%s", text)
			}
		}
	}
}

func TestTooManyStreams(t *testing.T) {
	server := newServer("slipway", "127.0.0.1:8190", newObserver(newFakeSource(nil), nil, nil, quickPace))
	for range maxStreams {
		server.streams <- struct{}{}
	}
	r := httptest.NewRequest(http.MethodGet, "http://localhost/events", http.NoBody)
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("one stream too many answers %d", w.Code)
	}
}

func TestServeEndsWithStreamsOpen(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := newObserver(newFakeSource(twoStacks(time.Now())), twoServices().ask, nil, quickPace)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener, newServer("slipway", "", o), o) }()
	resp, err := http.Get("http://" + listener.Addr().String() + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("10 s after it was told to end, the server still runs")
	}
}

func TestRunRefuses(t *testing.T) {
	for name, args := range map[string][]string{
		"an unknown flag":     {"-nonsense"},
		"a folder of nothing": {"-dir", t.TempDir()},
	} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// A service that scales is well with the fewest tasks it may have; its canary runs beside it.
func TestPageOfAServiceThatScalesAndHasACanary(t *testing.T) {
	now := time.Now()
	stacks := twoStacks(now)
	delete(stacks, "prod")
	dev := stacks["dev"]
	hello := dev.services["hello"]
	hello.canary, hello.desired, hello.scaling = digest("c"), 6, []bounds{{2, 6}}
	dev.services["hello"] = hello
	o := observe(t, newFakeSource(stacks), twoServices())
	until(t, o, "both tasks have answered", func(b board) bool { return b.environment("dev").seen["hello"].instances == 2 })
	_, page := get(t, serveFleet(t, o).URL)
	got := part(t, page, "dev")
	if want := "v2 bbbbbbbbbbbb canary cccccccccccc 2/2–6 "; !strings.Contains(got, want) || !strings.Contains(got, "dev steady") {
		t.Errorf("of dev is said\n%s\nwhich has not %q, or is not steady", got, want)
	}
}
