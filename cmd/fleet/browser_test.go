package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"slipway/internal/stack"
)

var (
	screenshots = flag.String("screenshots", "", "folder to put screenshots of a running fleet into")
	address     = flag.String("url", "http://127.0.0.1:8190/", "of the running fleet")
	width       = flag.Int64("width", 1180, "of the screenshots, in CSS pixels")
	when        = flag.String("when", "article", "CSS selector of what the page is to have in the screenshots")
)

// chromium returns the path of the browser; the test is skipped if there is none.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	t.Skip("there is no browser: tools/chromium installs one")
	return ""
}

// browse starts a browser with an empty profile, and returns the context of its one page, of a width.
func browse(t *testing.T, width int64) context.Context {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoFirstRun, chromedp.DisableGPU,
		chromedp.NoSandbox, // which root cannot have, and a page of our own does not need
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.WSURLReadTimeout(time.Minute),
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	do(t, ctx, chromedp.EmulateViewport(width, 600, chromedp.EmulateScale(2)))
	return ctx
}

// watch collects the addresses that the page asks for and what it writes to the console, until the test ends.
func watch(t *testing.T, ctx context.Context) (requests, messages func() []string) {
	t.Helper()
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var asked, said []string
	if err := chromedp.Listen(ctx, func(event any) {
		if request, ok := event.(*network.EventRequestWillBeSent); ok {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, request.Request.URL)
		}
	}); err != nil {
		t.Fatal(err)
	}
	console := chromedp.Console(ctx)
	go func() {
		for message, err := range console {
			if err != nil {
				return
			}
			mu.Lock()
			said = append(said, message.String())
			mu.Unlock()
		}
	}()
	copied := func(words *[]string) func() []string {
		return func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(*words)
		}
	}
	return copied(&asked), copied(&said)
}

// evaluate returns what an expression is in the page.
func evaluate[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// eventually waits until an expression is true in the page.
func eventually(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	wait(t, func() string {
		if evaluate[bool](t, ctx, expression) {
			return ""
		}
		return expression + " in " + evaluate[string](t, ctx, "document.body.innerText")
	})
}

// wait waits until there is nothing missing any more.
func wait(t *testing.T, missing func() string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; <-time.After(20 * time.Millisecond) {
		what := missing()
		if what == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after 20 s there is still not %s", what)
		}
	}
}

func TestBrowser(t *testing.T) {
	for name, width := range map[string]int64{"desktop": 1280, "phone": 360} {
		t.Run(name, func(t *testing.T) { testBrowser(t, width) })
	}
}

func testBrowser(t *testing.T, width int64) {
	ctx := browse(t, width)
	source, services := newFakeSource(twoStacks(time.Now())), twoServices()
	server := serveFleet(t, observe(t, source, services))
	requests, messages := watch(t, ctx)
	do(t, ctx, chromedp.Navigate(server.URL))

	// What is there is visible, and fits.
	says := func(id, words string) string {
		return fmt.Sprintf(`document.getElementById(%q).innerText.replace(/\s+/g, " ").includes(%q)`, id, words)
	}
	eventually(t, ctx, says("stack-dev", "hello hello.dev.example.com v2 bbbbbbbbbbbb 2/2"))
	eventually(t, ctx, says("stack-prod", "hello hello.example.com v1 aaaaaaaaaaaa ≠ dev 3/3"))
	eventually(t, ctx, says("stack-prod", "go run ./cmd/promote dev prod hello"))
	eventually(t, ctx, says("stack-prod", "Drift: 1 resource"))
	eventually(t, ctx, says("summary", "hello is not the same in prod as in dev."))
	do(t, ctx, chromedp.WaitVisible(chromedp.CSS("#stack-prod .command")), chromedp.WaitNotVisible(chromedp.CSS("#connection")))
	legible(t, ctx)
	if behind := evaluate[string](t, ctx, `[...document.querySelectorAll(".behind")].map(e => e.id).join()`); behind != "stack-prod" {
		t.Errorf("behind is %q, want prod alone", behind)
	}
	if !evaluate[bool](t, ctx, `document.querySelector("#stack-dev .pennant").outerHTML !== document.querySelector("#stack-prod .pennant").outerHTML`) {
		t.Error("two images have the same flag")
	}

	// A click takes the whole command.
	do(t, ctx, chromedp.Click(chromedp.CSS("#stack-prod .command")))
	if taken := evaluate[string](t, ctx, "getSelection().toString()"); taken != "go run ./cmd/promote dev prod hello" {
		t.Errorf("a click on the command selects %q", taken)
	}

	// Of a digest all is copied.
	copied := evaluate[string](t, ctx, `(() => {
		const event = new ClipboardEvent("copy", { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
		getSelection().selectAllChildren(document.querySelector("#stack-dev .digest"));
		document.dispatchEvent(event);
		return event.clipboardData.getData("text/plain");
	})()`)
	if copied != digest("b") {
		t.Errorf("copied is %q, want the whole digest", copied)
	}

	// An update appears without a reload, which would forget a variable, and leaves the selection alone.
	evaluate[int](t, ctx, "window.kept = 1")
	source.change("prod", func(s *fakeStack) {
		s.lock = stack.Lock{Username: "ada", Hostname: "ci", PID: 1, Since: time.Now()}
		s.pending, s.touched = []string{"hello"}, time.Now().Add(time.Second)
		s.services = map[string]fakeService{"hello": {digest: digest("a"), target: digest("b"), url: "https://hello.example.com/", desired: 3}}
	})
	services.set("https://hello.example.com/", "v1", "v1", "v2")
	eventually(t, ctx, says("stack-prod", "by ada@ci: 1 of 48 resources changed so far."))
	eventually(t, ctx, says("stack-prod", "updating aws:ecs:Service prod-hello"))
	eventually(t, ctx, `/v1 \d+ of \d+ answers v2 \d+ of \d+ answers/.test(document.getElementById("stack-prod").innerText.replace(/\s+/g, " "))`)
	do(t, ctx, chromedp.WaitVisible(chromedp.CSS("#stack-prod progress")), chromedp.WaitNotPresent(chromedp.CSS("#stack-prod .command")))
	legible(t, ctx)

	source.change("prod", func(s *fakeStack) {
		s.lock, s.pending, s.changes = stack.Lock{}, nil, nil
		s.services = map[string]fakeService{"hello": {digest: digest("b"), url: "https://hello.example.com/", desired: 3}}
		s.history = []stack.Update{succeeded(time.Now())}
	})
	services.set("https://hello.example.com/", "v2", "v2", "v2")
	eventually(t, ctx, says("stack-prod", "update succeeded just now by GitHub Actions"))
	eventually(t, ctx, says("stack-prod", "bbbbbbbbbbbb 3/3"))
	eventually(t, ctx, says("summary", "All is steady, and every environment that versions pass through runs the same images."))
	if evaluate[int](t, ctx, "window.kept") != 1 {
		t.Error("the page was loaded again")
	}
	if selected := evaluate[string](t, ctx, "getSelection().toString()"); selected != "bbbbbbbbbbbb" {
		t.Errorf("selected is %q, and no longer the digest", selected)
	}

	// A stack that cannot be read says why, beside what was known of it, and leaves the other alone.
	source.change("dev", func(s *fakeStack) {
		s.err = errors.New("no snapshot " + digest("c"))
	})
	eventually(t, ctx, says("stack-dev", "not readable"))
	eventually(t, ctx, says("stack-dev", "no snapshot "+digest("c")))
	eventually(t, ctx, says("stack-dev", "bbbbbbbbbbbb 2/2"))
	eventually(t, ctx, says("stack-prod", "bbbbbbbbbbbb 3/3"))
	eventually(t, ctx, says("summary", "dev cannot be read."))
	legible(t, ctx)

	// By night it is dark.
	light := evaluate[string](t, ctx, "getComputedStyle(document.body).backgroundColor")
	prefer(t, ctx, "dark")
	if dark := evaluate[string](t, ctx, "getComputedStyle(document.body).backgroundColor"); dark == light {
		t.Errorf("by night the page is %s, as by day", dark)
	}
	legible(t, ctx)

	// Up to here it asked nobody else, and complained of nothing. A style that is not its own is refused, and shows that this
	// would have been noticed.
	for _, url := range requests() {
		if !strings.HasPrefix(url, server.URL+"/") {
			t.Errorf("the page asked for %s", url)
		}
	}
	if len(requests()) < 5 {
		t.Errorf("the page asked only for %q", requests())
	}
	if early := messages(); len(early) > 0 {
		t.Errorf("the console says %q", early)
	}
	evaluate[bool](t, ctx, `document.body.setAttribute("style", "color: red") === undefined`)
	wait(t, func() string {
		if len(messages()) > 0 {
			return ""
		}
		return "a complaint about a foreign style"
	})
	if all := messages(); len(all) != 1 || !strings.Contains(all[0], "Content Security Policy") {
		t.Errorf("the console says %q", all)
	}

	// When the server is gone, the page says so.
	server.CloseClientConnections()
	server.Close()
	do(t, ctx, chromedp.WaitVisible(chromedp.CSS("#connection")))
}

// legible checks that all of the page fits into its window and can be told from what is behind it.
func legible(t *testing.T, ctx context.Context) {
	t.Helper()
	if over := evaluate[int](t, ctx, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
		t.Errorf("the page is %d pixels wider than its window", over)
	}
	if cut := evaluate[[]string](t, ctx, `[...document.querySelectorAll("td, th, dd, p, li, code")].filter(e => e.checkVisibility() &&
		e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML)`); len(cut) > 0 {
		t.Errorf("beyond the window's edge are %q", cut)
	}
	if low := evaluate[[]string](t, ctx, lowContrast); len(low) > 0 {
		t.Errorf("too little contrast: %q", low)
	}
}

// lowContrast lists the texts whose contrast with what is behind them is below 4.5:1 (success criterion 1.4.3 of WCAG 2.2).
const lowContrast = `(() => {
	const parse = color => color.match(/[\d.]+/g).map(Number);
	const luminance = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
		.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] !== 0) return c; } };
	const found = [];
	for (const e of document.querySelectorAll("body *")) {
		const own = [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim());
		if (!own || !e.checkVisibility() || e.getBoundingClientRect().height < 5 || e.closest("thead, noscript")) continue;
		const [a, b] = [luminance(parse(getComputedStyle(e).color)), luminance(behind(e))];
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) found.push(e.outerHTML + " " + ratio.toFixed(1));
	}
	return found;
})()`

// prefer makes the user prefer light or dark.
func prefer(t *testing.T, ctx context.Context, scheme string) {
	t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
}

// TestScreenshots takes the screenshots of docs/delivery.md, of a fleet that runs, at a moment when the page has what is waited for:
//
//	go test ./cmd/fleet -run TestScreenshots -screenshots "$PWD/docs" -when .share
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("takes screenshots only when told to, with -screenshots")
	}
	ctx := browse(t, *width)
	do(t, ctx, chromedp.Navigate(*address), chromedp.WaitReady(chromedp.CSS(*when)))
	for name, scheme := range map[string]string{"fleet": "light", "fleet-dark": "dark"} {
		prefer(t, ctx, scheme)
		picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), picture, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}
