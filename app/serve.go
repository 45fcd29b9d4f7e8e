package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// serve answers on the listener until ctx ends, then goes away without dropping anything:
//
//  1. /healthz turns 503 at once, and everything else is served on for DRAIN_DELAY: load balancers and DNS caches take
//     a while to notice.
//  2. The listener closes and WebSockets are told 1001, going away, on which clients reconnect, elsewhere.
//  3. Requests in flight get SHUTDOWN_TIMEOUT to finish. What is left then is cut off and logged; it is no error, or a
//     single stalled client could make every deployment look like a failure.
//
// With the defaults that is at most 15 s, half of the 30 s that ECS waits before SIGKILL.
func serve(ctx context.Context, listener net.Listener, cfg config, log *slog.Logger) error {
	app := newServer(cfg, log)
	srv := &http.Server{
		Handler:        app,
		ReadTimeout:    cfg.readTimeout,
		WriteTimeout:   cfg.writeTimeout,
		IdleTimeout:    cfg.idleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx)) // while it drains, too
	var running sync.WaitGroup
	running.Go(func() { app.settings.watch(background, cfg.aws.parameters, log) })
	running.Go(func() { app.telemetry.run(background) })
	defer running.Wait()
	defer stopBackground()

	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	log.Info("serving", "address", listener.Addr().String(), "version", app.version.Version, "commit", app.version.Commit)

	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}

	app.drain()
	log.Info("draining", "delay", cfg.drainDelay.String())
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s while draining: %w", listener.Addr(), err)
	case <-cfg.after(cfg.drainDelay):
	}

	log.Info("shutting down", "timeout", cfg.shutdownTimeout.String(), "sockets", app.room.size())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.shutdownTimeout)
	defer cancel()
	socketsClosed := make(chan error, 1) // a hijacked connection is neither closed nor waited for by the http.Server
	go func() { socketsClosed <- app.room.shutdown(ctx) }()
	if err := srv.Shutdown(ctx); err != nil {
		log.Warn("requests cut off", "error", err.Error())
		_ = srv.Close()
	}
	if err := <-socketsClosed; err != nil {
		log.Warn("sockets cut off", "error", err.Error())
	}
	log.Info("stopped")
	return nil
}
