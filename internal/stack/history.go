package stack

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"slipway/spec"
)

// Update is an entry of a stack's history.
type Update struct {
	Version     int    // counts a stack's updates; 0 in backends other than Pulumi Cloud
	Kind        string // "update", "refresh", "destroy", "import", …
	Result      string // "succeeded", "failed", "in-progress"
	Message     string
	Start, End  time.Time         // End is zero while the update runs
	Changes     map[string]int    // number of resources by what happened to them: "create", "update", "same", …
	Environment map[string]string // Pulumi's record of its author: git.author, git.head, ci.system, exec.kind, …

	config auto.ConfigMap // not exported: it may contain secrets
}

// Succeeded reports whether the update has succeeded.
func (u Update) Succeeded() bool { return u.Result == "succeeded" }

// History returns the newest entries first, limit of them at most, or all if limit is 0.
func (s *Stack) History(ctx context.Context, limit int) ([]Update, error) {
	return s.history(ctx, limit)
}

func (s *Stack) history(ctx context.Context, limit int, flags ...string) ([]Update, error) {
	// Not the Automation API's History: its errors repeat the CLI's output.
	var entries []auto.UpdateSummary
	args := append([]string{"stack", "history", "--json", "--stack", s.Name(), "--page-size", strconv.Itoa(limit)}, flags...)
	if err := s.project.query(ctx, &entries, args...); err != nil {
		return nil, fmt.Errorf("read the history of stack %s: %w", s.Name(), err)
	}
	updates := make([]Update, len(entries))
	for i, e := range entries {
		u := Update{Version: e.Version, Kind: e.Kind, Result: e.Result, Message: e.Message, Environment: e.Environment, config: e.Config}
		// The Automation API quotes messages for a shell, but runs none.
		if unquoted, err := strconv.Unquote(u.Message); err == nil {
			u.Message = unquoted
		}
		var err error
		if u.Start, err = time.Parse(time.RFC3339, e.StartTime); err != nil {
			return nil, fmt.Errorf("read the history of stack %s: %w", s.Name(), err)
		}
		if e.EndTime != nil {
			if u.End, err = time.Parse(time.RFC3339, *e.EndTime); err != nil {
				return nil, fmt.Errorf("read the history of stack %s: %w", s.Name(), err)
			}
		}
		if e.ResourceChanges != nil {
			u.Changes = *e.ResourceChanges
		}
		updates[i] = u
	}
	return updates, nil
}

// LastUpdate returns the newest entry of the history and true, or false if there is none.
func (s *Stack) LastUpdate(ctx context.Context) (Update, bool, error) {
	updates, err := s.History(ctx, 1)
	if err != nil || len(updates) == 0 {
		return Update{}, false, err
	}
	return updates[0], true, nil
}

// Release is an update that ran the program, with the images that its configuration named.
type Release struct {
	Update
	Images map[string]spec.Image // by service; nil if its configuration has none that can still be read or decrypted
	Before map[string]spec.Image // of a service's before container, if it has its own image
}

// Releases returns the releases among the newest limit entries of the history, newest first.
func (s *Stack) Releases(ctx context.Context, limit int) ([]Release, error) {
	updates, err := s.history(ctx, limit)
	if err != nil {
		return nil, err
	}
	key := s.project.name + ":services"
	withheld := func(u Update) bool { return u.config[key].Secret && u.config[key].Value == "" }
	if slices.ContainsFunc(updates, withheld) {
		// The CLI withholds an object with a secret as a whole. Its secrets go no further than imagesOf.
		if updates, err = s.history(ctx, limit, "--show-secrets"); err != nil {
			return nil, err
		}
	}
	return releases(updates, key), nil
}

// releases picks the releases among updates. The images are in the configuration under key.
func releases(updates []Update, key string) []Release {
	var found []Release
	for _, u := range updates {
		if u.Kind != "update" {
			continue
		}
		images, before, err := imagesOf(u.config[key].Value)
		if err != nil {
			images, before = nil, nil
		}
		u.config = nil
		found = append(found, Release{Update: u, Images: images, Before: before})
	}
	return found
}
