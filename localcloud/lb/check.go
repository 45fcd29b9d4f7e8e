package lb

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// check finds everything in the state that a balancer cannot do, so that Apply changes all or nothing.
func (s *State) check() error {
	var errs []error
	groups := map[string]bool{}
	for _, group := range s.TargetGroups {
		if groups[group.ID] {
			errs = append(errs, fmt.Errorf("target group %q is there twice", group.ID))
		}
		groups[group.ID] = true
		if err := group.Check(); err != nil {
			errs = append(errs, fmt.Errorf("target group %q: %w", group.ID, err))
		}
	}
	ids, ports := map[string]bool{}, map[int]bool{}
	for _, listener := range s.Listeners {
		if ids[listener.ID] {
			errs = append(errs, fmt.Errorf("listener %q is there twice", listener.ID))
		}
		if ports[listener.Port] {
			errs = append(errs, fmt.Errorf("listener %q: port %d has a listener already", listener.ID, listener.Port))
		}
		ids[listener.ID], ports[listener.Port] = true, true
		if err := listener.check(groups); err != nil {
			errs = append(errs, fmt.Errorf("listener %q: %w", listener.ID, err))
		}
	}
	if s.IdleTimeout < 0 {
		errs = append(errs, fmt.Errorf("idle time-out %s is negative", s.IdleTimeout))
	}
	return errors.Join(errs...)
}

// Check finds settings of the target group that a balancer does not support. [Balancer.Apply] refuses such a state.
func (g *TargetGroup) Check() error {
	var errs []error
	if g.Protocol != HTTP && g.Protocol != HTTPS {
		errs = append(errs, fmt.Errorf("protocol %q: want HTTP or HTTPS", g.Protocol))
	}
	if g.DeregistrationDelay < 0 {
		errs = append(errs, fmt.Errorf("deregistration delay %s is negative", g.DeregistrationDelay))
	}
	for _, target := range g.Targets {
		if !target.IsValid() || target.Port() == 0 {
			errs = append(errs, fmt.Errorf("target %q: want an address and a port", target))
		}
	}
	check := g.HealthCheck.withDefaults()
	if check.Protocol != HTTP && check.Protocol != HTTPS {
		errs = append(errs, fmt.Errorf("health check protocol %q: want HTTP or HTTPS", check.Protocol))
	}
	if path, err := url.ParseRequestURI(check.Path); err != nil || !strings.HasPrefix(path.Path, "/") || path.IsAbs() {
		errs = append(errs, fmt.Errorf("health check path %q: want an absolute path", check.Path))
	}
	if check.Port < 0 || check.Port > 65535 {
		errs = append(errs, fmt.Errorf("health check port %d: want 1-65535", check.Port))
	}
	if check.Timeout < 0 || check.Timeout > check.Interval {
		errs = append(errs, fmt.Errorf("health check time-out %s: want no more than the interval, %s", check.Timeout, check.Interval))
	}
	if check.HealthyThreshold < 1 || check.UnhealthyThreshold < 1 {
		errs = append(errs, errors.New("health check thresholds: want at least 1"))
	}
	if _, err := parseMatcher(check.Matcher); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (l *Listener) check(groups map[string]bool) error {
	var errs []error
	if l.Port < 1 || l.Port > 65535 {
		errs = append(errs, fmt.Errorf("port %d: want 1-65535", l.Port))
	}
	switch {
	case l.Protocol != HTTP && l.Protocol != HTTPS:
		errs = append(errs, fmt.Errorf("protocol %q: want HTTP or HTTPS", l.Protocol))
	case l.Protocol == HTTPS && len(l.Certificates) == 0:
		errs = append(errs, errors.New("an HTTPS listener needs a certificate"))
	}
	if err := l.Default.check(groups); err != nil {
		errs = append(errs, fmt.Errorf("default action: %w", err))
	}
	priorities := map[int]bool{}
	for _, rule := range l.Rules {
		if rule.Priority < 1 || rule.Priority > 50000 {
			errs = append(errs, fmt.Errorf("rule priority %d: want 1-50000", rule.Priority))
		}
		if priorities[rule.Priority] {
			errs = append(errs, fmt.Errorf("rule priority %d is in use", rule.Priority))
		}
		priorities[rule.Priority] = true
		for _, condition := range rule.Conditions {
			if _, err := condition.compile(); err != nil {
				errs = append(errs, fmt.Errorf("rule %d: %w", rule.Priority, err))
			}
		}
		if err := rule.Action.check(groups); err != nil {
			errs = append(errs, fmt.Errorf("rule %d: %w", rule.Priority, err))
		}
	}
	return errors.Join(errs...)
}

func (a *Action) check(groups map[string]bool) error {
	kinds := 0
	var errs []error
	if len(a.Forward) > 0 {
		kinds++
	}
	for _, share := range a.Forward {
		if !groups[share.TargetGroup] {
			errs = append(errs, fmt.Errorf("forward to %q: no such target group", share.TargetGroup))
		}
		if share.Weight < 0 || share.Weight > 999 {
			errs = append(errs, fmt.Errorf("forward to %q: weight %d: want 0-999", share.TargetGroup, share.Weight))
		}
	}
	if r := a.Redirect; r != nil {
		kinds++
		if r.StatusCode != http.StatusMovedPermanently && r.StatusCode != http.StatusFound {
			errs = append(errs, fmt.Errorf("redirect: status code %d: want 301 or 302", r.StatusCode))
		}
		if r.Path != "" && !strings.HasPrefix(r.Path, "/") {
			errs = append(errs, fmt.Errorf("redirect: path %q: want a leading slash", r.Path))
		}
	}
	if f := a.FixedResponse; f != nil {
		kinds++
		if class := f.StatusCode / 100; class != 2 && class != 4 && class != 5 {
			errs = append(errs, fmt.Errorf("fixed response: status code %d: want 2xx, 4xx or 5xx", f.StatusCode))
		}
	}
	if kinds != 1 {
		errs = append(errs, fmt.Errorf("want exactly one of forward, redirect and fixed response, got %d", kinds))
	}
	return errors.Join(errs...)
}

// matcher is the set of status codes, as inclusive ranges, that count as a successful health check.
type matcher [][2]int

// parseMatcher reads codes and ranges separated by commas (HttpCode of the API's Matcher).
func parseMatcher(text string) (matcher, error) {
	var m matcher
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			last = first
		}
		low, errLow := strconv.Atoi(first)
		high, errHigh := strconv.Atoi(last)
		if errLow != nil || errHigh != nil || low < 200 || high > 499 || low > high {
			return nil, fmt.Errorf("health check matcher %q: want codes of 200-499, such as 200, 200-299 or 200,202", text)
		}
		m = append(m, [2]int{low, high})
	}
	return m, nil
}

func (m matcher) matches(code int) bool {
	for _, r := range m {
		if r[0] <= code && code <= r[1] {
			return true
		}
	}
	return false
}
