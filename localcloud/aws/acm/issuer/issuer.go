// Package issuer issues the certificates of ACM once their validation records answer.
package issuer

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"slipway/localcloud/aws/acm"
	"slipway/localcloud/cloud"
	"slipway/localcloud/dns"
)

const (
	// firstRetry and lastRetry are how long ACM waits before it looks for missing validation records again, when nothing has
	// changed in the cloud meanwhile: doubling from one to the other.
	firstRetry = 250 * time.Millisecond
	lastRetry  = 10 * time.Second

	// lookupTimeout is how long the name server may take to answer.
	lookupTimeout = 5 * time.Second
)

// Authority issues certificates.
type Authority interface {
	Issue(names []string) (tls.Certificate, error)
}

// Issuer is the part of ACM that works by itself: it looks for the validation records of pending certificates in DNS and
// issues those whose records are all there.
type Issuer struct {
	Store     *cloud.Store
	Authority Authority
	// DNS is the name server to ask, over the wire.
	DNS netip.AddrPort
	// RecordTokens are the kinds of DNS records: when one of them changes, a validation record may have been added. ACM only asks a
	// name server, and does not know the owner of the records.
	RecordTokens []string
	Log          *slog.Logger
}

// Run works until the context ends, and returns its cause.
func (c *Issuer) Run(ctx context.Context) error {
	// DNS is asked over the wire, so the store does not know which records are read.
	store := c.Store.Watch(c.RecordTokens...)
	defer store.Stop()
	retry := firstRetry
	for {
		var again <-chan time.Time
		if c.check(ctx, store) {
			again = time.After(retry)
		}
		select {
		case <-store.C:
			retry = firstRetry
		case <-again:
			retry = min(2*retry, lastRetry)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// check looks at every pending certificate, and reports whether any stays pending.
func (c *Issuer) check(ctx context.Context, store *cloud.Watcher) (pending bool) {
	var waiting []*cloud.Resource
	store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(acm.Certificate.Token) {
			if acm.Certificate.Outputs(r).Status == acm.CertificatePending {
				waiting = append(waiting, r)
			}
		}
	})
	for _, r := range waiting {
		missing := c.Missing(ctx, acm.Validations(r))
		issued, err := c.settle(r, missing)
		if err != nil {
			c.Log.Error("issue certificate", "certificate", r.ID, "error", err)
		}
		pending = pending || !issued
	}
	return pending
}

// Missing returns those of the validations whose record does not answer.
func (c *Issuer) Missing(ctx context.Context, validations []acm.Validation) []acm.Validation {
	var missing []acm.Validation
	for _, v := range validations {
		if !c.answers(ctx, v) {
			missing = append(missing, v)
		}
	}
	return missing
}

func (c *Issuer) answers(ctx context.Context, v acm.Validation) bool {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	records, err := dns.Lookup(ctx, c.DNS, v.Name, "CNAME")
	if err != nil {
		return false // most often there is no such name yet
	}
	for _, r := range records {
		if r.Type == "CNAME" && strings.EqualFold(r.Name, v.Name) && strings.EqualFold(r.Content, v.Value) {
			return true
		}
	}
	return false
}

// settle issues the certificate if nothing is missing, fails it if it has waited too long, and otherwise notes what is missing. It
// reports whether the certificate has left the pending state.
func (c *Issuer) settle(r *cloud.Resource, missing []acm.Validation) (bool, error) {
	if len(missing) == 0 {
		pair, err := c.Authority.Issue(acm.CertificateNames(r))
		if err != nil {
			return false, err
		}
		return true, c.Store.Update(func(tx *cloud.Tx) error { return acm.IssueCertificate(tx, r.Key, pair) })
	}
	late := time.Since(cloud.Peek[acm.CertificateStatus](r).Requested) > acm.ValidationPeriod
	return late, c.Store.Update(func(tx *cloud.Tx) error { return acm.DeferCertificate(tx, r.Key, missing, late) })
}
