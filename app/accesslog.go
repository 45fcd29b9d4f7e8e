package main

import (
	"cmp"
	"log/slog"
	"net/http"
	"time"
)

// accessLog writes one line for every request, when it is over; for a WebSocket, when the socket is closed. The query
// is left out, as it may hold secrets. Observe also hears of the request, and returns the id of its trace. It may be nil.
func accessLog(log *slog.Logger, observe func(r *http.Request, status int, start, end time.Time) string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		defer func() {
			status := cmp.Or(rec.status, http.StatusInternalServerError) // none if next panicked
			level := slog.LevelInfo
			if status >= http.StatusInternalServerError {
				level = slog.LevelWarn
			}
			end := time.Now()
			attributes := []slog.Attr{
				slog.String("method", clip(r.Method)),
				slog.String("path", clip(r.URL.Path)),
				slog.Int("status", status),
				slog.Int64("bytes", rec.bytes),
				slog.Float64("duration_ms", milliseconds(end.Sub(start))),
				slog.String("forwarded_for", forwardedFor(r)),
			}
			if observe != nil {
				if trace := observe(r, status, start, end); trace != "" {
					attributes = append(attributes, slog.String("trace_id", trace))
				}
			}
			log.LogAttrs(r.Context(), level, "request", attributes...)
		}()
		next.ServeHTTP(rec, r)
		rec.status = cmp.Or(rec.status, http.StatusOK) // what net/http sends for a handler that sets none
	})
}

// recorder remembers the answer's status.
type recorder struct {
	http.ResponseWriter
	status int // 0 until known
	bytes  int64
}

func (rec *recorder) WriteHeader(status int) {
	rec.status = status
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(p []byte) (int, error) {
	n, err := rec.ResponseWriter.Write(p)
	rec.bytes += int64(n)
	return n, err
}

// Unwrap gives http.ResponseController, and through it the WebSocket, the connection's own methods.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }
