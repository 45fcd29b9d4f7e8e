package main

import (
	"context"
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

	"slipway/internal/cli"
	"slipway/internal/stack"
)

// environment has the calls of a stack that a search needs.
type environment interface {
	Name() string
	Deployment(context.Context) (apitype.DeploymentV3, error)
	Creations(context.Context) ([]stack.Creation, error)
	Ask(context.Context, func(*pulumi.Context) error) error
	Import(context.Context, []stack.Import) (gone []string, err error)
	Missing(context.Context, []stack.Import) (gone []string, err error)
	Destroy(ctx context.Context, urns []resource.URN, progress io.Writer) error
}

// search is one run of the command.
type search struct {
	project string
	adopt   bool // import what an update would create
	delete  bool // delete what is not imported
	confirm func(ctx context.Context, question string) (bool, error)
	out     io.Writer

	gone    map[string]bool // ids that were found and did not exist
	changed bool            // something was imported or deleted
}

// errDeclined is the error of an answer of no.
var errDeclined = cli.Said(1, "declined")

// errLeft is the error if orphans stay.
var errLeft = cli.Said(1, "orphans are left")

// errForeign is the error if only resources of other kinds than the program's stay: the command does not change them. It has a separate
// exit code, because such resources do no harm.
var errForeign = cli.Said(3, "only resources of other kinds than the program's are left")

// run looks for orphans until there are none, or none that it may change. An import can reveal others, such as the routes of a route
// table that was not in the state.
func (s *search) run(ctx context.Context, e environment) error {
	for {
		found, err := s.find(ctx, e)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			fmt.Fprintf(s.out, "All resources with the tags of stack %s are in its state.\n", e.Name())
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
			return s.leave()
		case len(imports)+len(deletions) == 0:
			return s.leave()
		default:
			return errLeft
		}
	}
}

// sorted separates orphans that can be imported, those that can only be deleted, and those of other kinds than the program's.
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

// leave says what to do about resources of other kinds than the program's.
func (s *search) leave() error {
	if _, err := fmt.Fprintln(s.out, "Resources of other kinds than the program's are not changed. Ask their owner to remove the tags or to delete them; "+
		"AWS stops listing deleted resources within hours."); err != nil {
		return fmt.Errorf("write the list of what is left: %w", err)
	}
	return errForeign
}

func (s *search) agreed(ctx context.Context, question string) error {
	agreed, err := s.confirm(ctx, question)
	if err == nil && agreed {
		return nil
	}
	said := "Nothing was changed."
	if s.changed {
		said = "Nothing more was changed."
	}
	fmt.Fprintln(s.out, said)
	if err != nil {
		return fmt.Errorf("%w: %w", errDeclined, err)
	}
	return errDeclined
}

// find reads the state, the next update's creations, and the existing resources.
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
		// Tagged resources are found without the program. They must be deletable even if the program does not run.
		fmt.Fprintf(s.out, "The program's wishes are not known, so nothing can be imported: %v\n", err)
	}
	a, err := inquire(ctx, e.Ask, questionOf(s.project, e.Name(), creations))
	if err != nil {
		return nil, err
	}
	state := knownOf(deployment)
	found := s.among(a, state, creations)
	// The tagging API lists some kinds for hours after their deletion, listeners and their rules among them, so there is something
	// after every replacement. https://github.com/aws/aws-sdk/issues/676
	ours := slices.DeleteFunc(slices.Clone(found), func(o orphan) bool { return o.tokens[0] == "" })
	_, gone, err := s.identify(e, ours, func(resources []stack.Import) ([]string, error) { return e.Missing(ctx, resources) })
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil:
		fmt.Fprintf(s.out, "Some of this may be deleted already: AWS lists it late, and the look-up failed: %v\n", err)
	case len(gone) > 0:
		fmt.Fprintf(s.out, "%d of AWS's list are deleted already: the list is late.\n", len(gone))
		s.forget(gone)
		found = s.among(a, state, creations) // it accepts none of those as the wanted resource
	}
	return found, nil
}

// among returns the orphans in an answer, without those that are known to be gone.
func (s *search) among(a answer, state known, creations []stack.Creation) []orphan {
	for id := range s.gone {
		state.ids[id] = true
	}
	return slices.DeleteFunc(orphans(a, state, creations), func(o orphan) bool { return s.gone[o.id] })
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

// importAll puts orphans into the state under the names of an update's creations, so the update takes them over.
func (s *search) importAll(ctx context.Context, e environment, found []orphan) error {
	var imports []stack.Import
	for _, o := range found {
		imports = append(imports, stack.Import{URN: o.wanted.URN, ID: o.id, Parent: o.wanted.Parent})
	}
	gone, err := e.Import(ctx, imports)
	if err != nil {
		return err
	}
	s.changed = s.changed || len(gone) < len(imports)
	return s.tellGone(gone)
}

// deleteAll imports orphans under names that the program does not have, and destroys them. If that is interrupted, they are in the
// state, and the next update deletes them.
func (s *search) deleteAll(ctx context.Context, e environment, found []orphan) error {
	urns, gone, err := s.identify(e, found, func(resources []stack.Import) ([]string, error) { return e.Import(ctx, resources) })
	if err != nil {
		return err
	}
	if err := s.tellGone(gone); err != nil {
		return err
	}
	s.changed = s.changed || len(urns) > 0
	byRank := map[int][]resource.URN{}
	for _, o := range found {
		if urn, exists := urns[o.id]; exists {
			byRank[o.rank()] = append(byRank[o.rank()], urn)
		}
	}
	for _, rank := range slices.Sorted(maps.Keys(byRank)) {
		if err := e.Destroy(ctx, byRank[rank], s.out); err != nil {
			return fmt.Errorf("%w; what could not be deleted is in the state now, and `pulumi up` deletes it", err)
		}
	}
	return nil
}

// identify passes orphans, under names that the program does not have, to a function that returns the ids of missing ones. It repeats
// that while one can be of another kind. It returns the URNs of existing ones, by id, and the ids of the others.
func (s *search) identify(
	e environment, found []orphan, missing func([]stack.Import) ([]string, error),
) (urns map[string]resource.URN, gone []string, err error) {
	urns = map[string]resource.URN{}
	for try := 0; len(found) > 0; try++ {
		var resources []stack.Import
		for _, o := range found {
			urns[o.id] = s.urn(e, o, try)
			resources = append(resources, stack.Import{URN: urns[o.id], ID: o.id})
		}
		absent, err := missing(resources)
		if err != nil {
			return nil, nil, err
		}
		var again []orphan
		for _, o := range found {
			switch {
			case !slices.Contains(absent, o.id):
			case try+1 < len(o.tokens):
				again = append(again, o)
			default:
				delete(urns, o.id)
				gone = append(gone, o.id)
			}
		}
		found = again
	}
	return urns, gone, nil
}

// urn is an unwanted orphan's name in the state.
func (s *search) urn(e environment, o orphan, try int) resource.URN {
	name := e.Name()[strings.LastIndex(e.Name(), "/")+1:]
	return resource.NewURN(tokens.QName(name), tokens.PackageName(s.project), "", tokens.Type(o.tokens[try]), "orphan-"+url.PathEscape(o.id))
}

// tellGone prints the orphans that are gone since they were found, and drops them.
func (s *search) tellGone(ids []string) error {
	s.forget(ids)
	for _, id := range ids {
		if _, err := fmt.Fprintf(s.out, "%s does not exist any more.\n", id); err != nil {
			return err
		}
	}
	return nil
}

func (s *search) forget(ids []string) {
	if s.gone == nil {
		s.gone = map[string]bool{}
	}
	for _, id := range ids {
		s.gone[id] = true
	}
}
