package e2e

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// client is a separate program that does not know the local cloud, and requests a URL like any Go program. It prints the final URL, the
// status and the body; for a WebSocket, the echo.
//
//	client [-timeout DURATION] URL
func client() {
	timeout := flag.Duration("timeout", 10*time.Second, "")
	flag.Parse()
	ask := request
	if strings.HasPrefix(flag.Arg(0), "ws") {
		ask = echo
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	err := ask(ctx, flag.Arg(0))
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func request(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	fmt.Println(resp.Request.URL, resp.Status)
	_, err = io.Copy(os.Stdout, resp.Body)
	return err
}

func echo(ctx context.Context, url string) error {
	conn, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	const text = "a text to echo"
	if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		return err
	}
	for {
		_, message, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		if strings.Contains(string(message), text) {
			_, err := fmt.Println(string(message))
			return err
		}
	}
}
