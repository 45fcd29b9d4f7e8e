package main

import (
	"context"
	"strings"

	"slipway/components"
	"slipway/internal/rollout"
	"slipway/internal/settings"
)

// newWatcher returns what asks AWS how deployments go, as whom and in the region that the config says to the AWS provider.
func newWatcher(source settings.Source) components.Watcher {
	options := rollout.ProviderOptions{}
	for key, value := range source.Values {
		if option, isAWS := strings.CutPrefix(key, "aws:"); isAWS {
			options[option] = value
		}
	}
	return watcher{rollout.Watcher{Options: options}}
}

// watcher makes a [components.Watcher] of one that knows nothing of components.
type watcher struct{ rollout.Watcher }

func (w watcher) Settle(ctx context.Context, r components.ServiceRevision, tasks int) (running, failure string, err error) {
	running, failure, err = w.Watcher.Settle(ctx, rollout.Revision(r), tasks)
	if strings.HasPrefix(failure, rollout.Unknown) {
		return "", "", components.UnknownOutcome(failure)
	}
	return running, failure, err
}

func (w watcher) Explain(ctx context.Context, r components.ServiceRevision) string {
	return w.Watcher.Explain(ctx, rollout.Revision(r))
}
