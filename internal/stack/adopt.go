package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Import is an existing resource to put into the state.
type Import struct {
	URN    resource.URN
	ID     string // the id for an import of its kind
	Parent resource.URN
}

// missing matches the engine's error for an id without a resource.
var missing = regexp.MustCompile(`resource '(.*)' does not exist`)

// Import puts resources into the state, without protection, and returns the ids of those that do not exist. The others are in the state
// even then.
func (s *Stack) Import(ctx context.Context, resources []Import) (gone []string, err error) {
	return s.importExisting(ctx, resources, "--yes", "--skip-preview")
}

// Missing returns the ids of resources that do not exist. It previews their import, so it changes nothing and takes no lock.
func (s *Stack) Missing(ctx context.Context, resources []Import) (gone []string, err error) {
	return s.importExisting(ctx, resources, previewOnly)
}

// previewOnly makes `pulumi import` change nothing.
const previewOnly = "--preview-only"

// importExisting imports again without the missing resources until all others are imported, and returns the ids of the missing ones.
func (s *Stack) importExisting(ctx context.Context, resources []Import, flags ...string) (gone []string, err error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	for len(resources) > 0 {
		said, err := s.tryImport(ctx, resources, flags)
		if err == nil {
			break
		}
		absent := map[string]bool{}
		for _, m := range missing.FindAllStringSubmatch(said, -1) {
			absent[m[1]] = true
		}
		var left []Import
		for _, r := range resources {
			if absent[r.ID] {
				gone = append(gone, r.ID)
			} else {
				left = append(left, r)
			}
		}
		if len(left) == len(resources) {
			return gone, s.explain(ctx, "import", complaintIn(said, err))
		}
		if len(left) > 0 && !slices.Contains(flags, previewOnly) {
			if left, err = s.withoutImported(ctx, left); err != nil {
				return gone, err
			}
		}
		resources = left
	}
	return gone, nil
}

// withoutImported returns the resources that are not in the state. The engine refuses a second import if the state's id differs from
// the import's, as for ECS services and clusters (ImportStep.Apply in pkg/resource/deploy/step.go of pulumi/pulumi).
func (s *Stack) withoutImported(ctx context.Context, resources []Import) ([]Import, error) {
	deployment, err := s.Deployment(ctx)
	if err != nil {
		return nil, err
	}
	held := make(map[resource.URN]bool, len(deployment.Resources))
	for _, r := range deployment.Resources {
		held[r.URN] = true
	}
	return slices.DeleteFunc(resources, func(r Import) bool { return held[r.URN] }), nil
}

// importFile is a bulk import, as `pulumi import --file` reads it.
type importFile struct {
	NameTable map[string]resource.URN `json:"nameTable,omitempty"`
	Resources []importSpec            `json:"resources"`
}

type importSpec struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	ID     string `json:"id"`
	Parent string `json:"parent,omitempty"`
}

// tryImport imports all of the resources, and returns Pulumi's output.
func (s *Stack) tryImport(ctx context.Context, resources []Import, flags []string) (said string, err error) {
	file := importFile{NameTable: map[string]resource.URN{}}
	for _, r := range resources {
		spec := importSpec{Type: string(r.URN.Type()), Name: r.URN.Name(), ID: r.ID}
		if r.Parent != "" && r.Parent.QualifiedType() != resource.RootStackType {
			spec.Parent = "parent" + strconv.Itoa(len(file.NameTable))
			file.NameTable[spec.Parent] = r.Parent
		}
		file.Resources = append(file.Resources, spec)
	}
	text, err := json.Marshal(file)
	if err != nil {
		return "", fmt.Errorf("write the list of imports: %w", err)
	}
	dir, err := os.MkdirTemp("", "slipway-import-")
	if err != nil {
		return "", fmt.Errorf("write the list of imports: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "import.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", fmt.Errorf("write the list of imports: %w", err)
	}
	// Not the Automation API's ImportResources: it does not say what went wrong.
	args := append([]string{
		"import", "--stack", s.Name(), "--file", path, "--protect=false", "--generate-code=false", "--suppress-outputs",
	}, flags...)
	out, complaint, _, err := s.project.workspace.PulumiCommand().Run(ctx, s.project.Dir(), nil, nil, nil, nil, args...)
	return out + complaint, err
}

// noCause is a text that the CLI adds to each cause.
var noCause = regexp.MustCompile(`^(preview|import|update) failed$`)

// complaintIn returns the errors in the CLI's output, each once, or err if there is none. The CLI prints several errors of one kind as
// a list below a line with their number.
func complaintIn(said string, err error) error {
	var complaints []string
	listing := false
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		_, complaint, found := strings.Cut(line, "error: ")
		item, listed := strings.CutPrefix(line, "* ")
		switch {
		case found:
			if listing = strings.HasSuffix(complaint, "occurred:"); listing {
				continue
			}
		case listing && listed:
			complaint = item
		default:
			continue
		}
		if !slices.Contains(complaints, complaint) {
			complaints = append(complaints, complaint)
		}
	}
	if causes := slices.DeleteFunc(slices.Clone(complaints), noCause.MatchString); len(causes) > 0 {
		complaints = causes
	}
	if len(complaints) == 0 {
		return err
	}
	return errors.New(strings.Join(complaints, "; "))
}

// Destroy deletes some of the stack's resources, and shows its progress.
func (s *Stack) Destroy(ctx context.Context, urns []resource.URN, progress io.Writer) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	targets := make([]string, len(urns))
	for i, urn := range urns {
		targets[i] = string(urn)
	}
	_, err := s.stack.Destroy(ctx, optdestroy.Target(targets), optdestroy.ShowSecrets(false), optdestroy.SuppressOutputs(),
		optdestroy.ProgressStreams(progress), optdestroy.ErrorProgressStreams(progress))
	if err != nil {
		return s.explain(ctx, "deletion", err)
	}
	return nil
}
