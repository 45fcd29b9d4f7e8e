package provider

import (
	"context"
	"sync/atomic"

	"slipway/localcloud/cloud"

	"google.golang.org/grpc/stats"
)

// connection is the server's data for one of the engine's connections.
type connection struct {
	caller atomic.Pointer[cloud.Caller]
	ctx    context.Context // ended by Cancel
	cancel context.CancelCauseFunc
}

type connectionKey struct{}

func connectionOf(ctx context.Context) *connection {
	return ctx.Value(connectionKey{}).(*connection)
}

// connections gives every connection its own connection value and ends a call when its connection has been cancelled.
type connections struct{}

func (connections) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	c := &connection{}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	return context.WithValue(ctx, connectionKey{}, c)
}

func (connections) HandleConn(ctx context.Context, s stats.ConnStats) {
	if _, ok := s.(*stats.ConnEnd); ok {
		connectionOf(ctx).cancel(context.Canceled)
	}
}

func (connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	c := connectionOf(ctx)
	ctx, cancel := context.WithCancelCause(ctx)
	// Stopped by the end of the call, which ends ctx.
	stop := context.AfterFunc(c.ctx, func() { cancel(context.Cause(c.ctx)) })
	context.AfterFunc(ctx, func() { stop() })
	return ctx
}

func (connections) HandleRPC(context.Context, stats.RPCStats) {}
