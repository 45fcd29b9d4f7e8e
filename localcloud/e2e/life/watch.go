package life

import (
	"context"
	"time"
)

// Watch requests a service repeatedly until stop is called, which returns each error once.
func (s *Stack) Watch(ctx context.Context, hostname string) (stop func() []string, err error) {
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	var failures []string
	go func() {
		defer close(done)
		defer client.CloseIdleConnections()
		seen := map[string]bool{}
		for ctx.Err() == nil {
			if err := get(ctx, client, "https://"+hostname+"/healthz"); err != nil && ctx.Err() == nil && !seen[err.Error()] {
				seen[err.Error()] = true
				failures = append(failures, err.Error())
			}
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() []string {
		cancel()
		<-done
		return failures
	}, nil
}
