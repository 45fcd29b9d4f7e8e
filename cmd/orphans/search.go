package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/internal/stack"
)

// environment is what a search needs of a stack.
type environment interface {
	Name() string
	Deployment(context.Context) (apitype.DeploymentV3, error)
	Creations(context.Context) ([]stack.Creation, error)
	Ask(context.Context, func(*pulumi.Context) error) error
	Import(context.Context, []stack.Import) (gone []string, err error)
	Destroy(ctx context.Context, urns []resource.URN, progress io.Writer) error
}

// search is one run of the command.
type search struct {
	project string
	adopt   bool // import what an update would create
	delete  bool // delete what is not imported
	confirm func(ctx context.Context, question string) (bool, error)
	out     io.Writer

	gone map[string]bool // ids of what was found and did not exist
}

// errDeclined is the error of a question that was answered no.
var errDeclined = errors.New("declined")

// errLeft is the error of orphans that stay.
var errLeft = errors.New("orphans are left")

// run looks for orphans until there are none, or none that it is to do anything about. What is imported can show others: the
// routes of a route table that the state did not know.
func (s *search) run(ctx context.Context, e environment) error {
	for {
		found, err := s.find(ctx, e)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			fmt.Fprintf(s.out, "Nothing carries the tags of stack %s that is not in its state.\n", e.Name())
			return nil
		}
		imports, deletions, others := sorted(found)
		if err := s.show(imports, deletions, others); err != nil {
			return err
		}
		switch {
		case s.adopt && len(imports) > 0:
			if err := s.agreed(ctx, fmt.Sprintf("Import %d?", len(imports))); err != nil {
				return err
			}
			if err := s.importAll(ctx, e, imports); err != nil {
				return err
			}
		case s.delete && len(imports)+len(deletions) > 0:
			deletions = append(deletions, imports...)
			if err := s.agreed(ctx, fmt.Sprintf("Delete %d?", len(deletions))); err != nil {
				return err
			}
			if err := s.deleteAll(ctx, e, deletions); err != nil {
				return err
			}
			if len(others) == 0 {
				return nil
			}
			return errLeft
		default:
			return errLeft
		}
	}
}

// sorted tells what can be imported from what can only be deleted, and from what the program makes nothing like.
func sorted(found []orphan) (importable, deletable, others []orphan) {
	for _, o := range found {
		switch {
		case o.wanted != nil:
			importable = append(importable, o)
		case o.tokens[0] != "":
			deletable = append(deletable, o)
		default:
			others = append(others, o)
		}
	}
	return importable, deletable, others
}

func (s *search) agreed(ctx context.Context, question string) error {
	agreed, err := s.confirm(ctx, question)
	if err != nil {
		return fmt.Errorf("%w: %w", errDeclined, err)
	}
	if !agreed {
		return errDeclined
	}
	return nil
}

// find looks at the state, at what an update would create, and at what there is.
func (s *search) find(ctx context.Context, e environment) ([]orphan, error) {
	deployment, err := e.Deployment(ctx)
	if err != nil {
		return nil, err
	}
	creations, err := e.Creations(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		// What is tagged is found without. That the program does not run must not keep anybody from deleting it.
		fmt.Fprintf(s.out, "What the program wants is not known, so that nothing can be imported: %v\n", err)
	}
	a, err := inquire(ctx, e.Ask, questionOf(s.project, e.Name(), creations))
	if err != nil {
		return nil, err
	}
	found := orphans(a, knownOf(deployment), creations)
	return slices.DeleteFunc(found, func(o orphan) bool { return s.gone[o.id] }), nil
}

func (s *search) show(importable, deletable, others []orphan) error {
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, group := range []struct {
		fate    string
		orphans []orphan
	}{{"can be imported", importable}, {"can be deleted", deletable}, {"not of the program's kinds", others}} {
		for _, o := range group.orphans {
			var types []string
			for _, token := range o.tokens {
				types = append(types, stack.ShortType(token))
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", group.fate, strings.Join(types, " or "), o.name, o.id)
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

// importAll puts orphans into the state in the place of what an update would create, so that it takes them over.
func (s *search) importAll(ctx context.Context, e environment, found []orphan) error {
	var imports []stack.Import
	for _, o := range found {
		imports = append(imports, stack.Import{URN: o.wanted.URN, ID: o.id, Parent: o.wanted.Parent})
	}
	gone, err := e.Import(ctx, imports)
	if err != nil {
		return err
	}
	return s.tellGone(gone)
}

// deleteAll imports orphans under names that the program does not have, and destroys them. Should that be interrupted they are in
// the state, and the next update deletes them.
func (s *search) deleteAll(ctx context.Context, e environment, found []orphan) error {
	byRank := map[int][]resource.URN{}
	left := found
	for try := 0; len(left) > 0; try++ { // as often as one can be of another kind
		var imports []stack.Import
		urns := map[string]resource.URN{}
		for _, o := range left {
			urns[o.id] = s.urn(e, o, try)
			imports = append(imports, stack.Import{URN: urns[o.id], ID: o.id})
		}
		gone, err := e.Import(ctx, imports)
		if err != nil {
			return err
		}
		var again []orphan
		for _, o := range left {
			switch {
			case !slices.Contains(gone, o.id):
				byRank[o.rank()] = append(byRank[o.rank()], urns[o.id])
			case try+1 < len(o.tokens):
				again = append(again, o)
			default:
				if err := s.tellGone([]string{o.id}); err != nil {
					return err
				}
			}
		}
		left = again
	}
	for _, rank := range slices.Sorted(maps.Keys(byRank)) {
		if err := e.Destroy(ctx, byRank[rank], s.out); err != nil {
			return fmt.Errorf("%w; what could not be deleted is in the state now, and `pulumi up` deletes it", err)
		}
	}
	return nil
}

// urn is what an orphan that nobody wants is called in the state.
func (s *search) urn(e environment, o orphan, try int) resource.URN {
	name := e.Name()[strings.LastIndex(e.Name(), "/")+1:]
	return resource.NewURN(tokens.QName(name), tokens.PackageName(s.project), "", tokens.Type(o.tokens[try]), "orphan-"+url.PathEscape(o.id))
}

// tellGone tells of what was found and is not there, and forgets it: the tagging API hears of a deletion late.
func (s *search) tellGone(ids []string) error {
	for _, id := range ids {
		if s.gone == nil {
			s.gone = map[string]bool{}
		}
		s.gone[id] = true
		if _, err := fmt.Fprintf(s.out, "%s does not exist any more.\n", id); err != nil {
			return err
		}
	}
	return nil
}
