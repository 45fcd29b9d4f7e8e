package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// tunnel carries out CONNECT (RFC 9110, section 9.3.6).
func (p *proxy) tunnel(w http.ResponseWriter, r *http.Request) {
	host, err := p.dial(r.Context(), "tcp", r.URL.Host)
	if err == nil {
		defer func() { _ = host.Close() }()
	}
	client, early, hijackErr := http.NewResponseController(w).Hijack()
	if hijackErr != nil {
		http.Error(w, hijackErr.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = client.Close() }()
	if err != nil {
		p.config.Log.Debug("refuse tunnel", "error", err)
		refuse(client, err)
		return
	}
	// Not the request's context: net/http ends that when a client has said all that it has to say.
	stop := context.AfterFunc(p.base, func() {
		_ = client.Close()
		_ = host.Close()
	})
	defer stop()
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	// What the client sent without waiting for the answer.
	if _, err := io.CopyN(host, early, int64(early.Reader.Buffered())); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pass(client, host) })
	both.Go(func() { pass(host, client) })
	both.Wait()
}

// pass copies what one side says to the other, until its end, and passes that on too: the other side may have more to say. An
// error ends both directions.
func pass(to, from net.Conn) {
	if _, err := io.Copy(to, from); err == nil {
		if half, ok := to.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
			return
		}
	}
	_ = to.Close()
	_ = from.Close()
}

// refuse answers a CONNECT that cannot be carried out. Clients such as net/http show nothing of the answer but the reason phrase,
// so the reason is there, and in the body.
func refuse(client net.Conn, reason error) {
	sentence := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, reason.Error())
	_, _ = fmt.Fprintf(client, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%[2]s\n",
		http.StatusBadGateway, sentence, len(sentence)+1)
}
