package components

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// Propagation keeps the old targets of records until no resolver knows them any more. Resolvers answer with a record's old target until
// its time-to-live ends. A replaced load balancer must serve until then. Pulumi deletes it once the program has ended, so the program
// waits.
type Propagation struct {
	ctx   *pulumi.Context
	moved pulumi.ResourceOption
	after func(time.Duration) <-chan time.Time // [time.After], except in tests

	mu    sync.Mutex
	until time.Time
}

// NewPropagation returns a propagation without a change yet.
func NewPropagation(ctx *pulumi.Context) (*Propagation, error) {
	p := &Propagation{ctx: ctx, after: time.After}
	hook, err := ctx.RegisterResourceHook("record moved", p.note, nil)
	if err != nil {
		return nil, err
	}
	p.moved = pulumi.ResourceHooks(&pulumi.ResourceHookBinding{AfterUpdate: []*pulumi.ResourceHook{hook}})
	return p, nil
}

// options returns the options of the records that are watched.
func (p *Propagation) options() []pulumi.ResourceOption {
	if p == nil {
		return nil
	}
	return []pulumi.ResourceOption{p.moved}
}

// note is called after a record was changed.
func (p *Propagation) note(change *pulumi.ResourceHookArgs) error {
	before, after := text(change.OldOutputs["content"]), text(change.NewOutputs["content"])
	if before == "" || before == after {
		return nil
	}
	ttl := spec.ProxiedTTL
	if old := change.OldOutputs["ttl"]; old.IsNumber() && old.NumberValue() > automaticTTL {
		ttl = int(old.NumberValue())
	}
	p.Moved(time.Duration(ttl) * time.Second)
	return nil
}

// Moved notes that resolvers may answer with an old target for this much longer: a record changed now, or in an earlier update that
// ended before the target could go.
func (p *Propagation) Moved(ttl time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(ttl); until.After(p.until) {
		p.until = until
	}
}

// Wait keeps the program from ending until no resolver has an old target of the records any more. Then the output resolves; it never
// does if the wait is interrupted. A nil propagation waits only for the records.
func (p *Propagation) Wait(records []*cloudflare.Record) pulumi.Output {
	all := make([]any, len(records))
	for i, record := range records {
		all[i] = record.Content
	}
	return pulumi.All(all...).ApplyT(func([]any) (bool, error) {
		if p == nil || p.ctx.DryRun() {
			return true, nil
		}
		return true, p.wait(p.ctx.Context())
	})
}

func (p *Propagation) wait(ctx context.Context) error {
	p.mu.Lock()
	left := time.Until(p.until) // long past if nothing has changed
	p.mu.Unlock()
	if left <= 0 {
		return nil
	}
	message := fmt.Sprintf("DNS records lead to another load balancer: the old one is deleted in %s, when no resolver knows it any more", left.Round(time.Second))
	if err := p.ctx.Log.Info(message, nil); err != nil {
		return err
	}
	select {
	case <-p.after(left):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
