package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// flagValue returns the value of a flag on a command line.
func flagValue(args []string, flag string) string {
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, flag+"="); ok {
			return value
		}
		if arg == flag && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// fakeImport puts the existing resources into the stack's state, unless it is a preview, and names the missing ones: the ids in the
// file absent, one a line. Like the engine, it refuses to import a resource again whose id in the state differs from the import's, as
// all do here. With a file broken it puts nothing into the state, and ends with that file's text.
func fakeImport(folder string, args []string) int {
	text, err := os.ReadFile(flagValue(args, "--file"))
	if err != nil {
		panic(err)
	}
	var file importFile
	if err := json.Unmarshal(text, &file); err != nil {
		panic(err)
	}
	held := fakeState(folder)
	taken, failed := importFile{NameTable: file.NameTable}, false
	for _, r := range file.Resources {
		absent, _ := os.ReadFile(filepath.Join(folder, "absent"))
		var within tokens.Type
		if parent := file.NameTable[r.Parent]; parent != "" {
			within = parent.QualifiedType()
		}
		urn := resource.NewURN("dev", "slipway", within, tokens.Type(r.Type), r.Name)
		if slices.ContainsFunc(held, func(old apitype.ResourceV3) bool { return old.URN == urn }) {
			fmt.Printf(" +  %s %s importing error: resource '%s' already exists\n", r.Type, r.Name, urn)
			failed = true
			continue
		}
		if slices.Contains(strings.Split(string(absent), "\n"), r.ID) {
			fmt.Printf(" +  %s %s importing error: resource '%s' does not exist\n", r.Type, r.Name, r.ID)
			failed = true
			continue
		}
		held = append(held, apitype.ResourceV3{URN: urn, Custom: true, ID: "arn:" + resource.ID(r.ID)})
		taken.Resources = append(taken.Resources, r)
	}
	broken, err := os.ReadFile(filepath.Join(folder, "broken"))
	if err != nil && !slices.Contains(args, "--preview-only") && len(taken.Resources) > 0 {
		keep(filepath.Join(folder, stateFile), map[string]any{"version": 3, "deployment": apitype.DeploymentV3{Resources: held}})
		keep(filepath.Join(folder, "imported"), taken)
	}
	if failed {
		fmt.Fprintln(os.Stderr, "error: preview failed")
		return 255
	}
	if err == nil {
		os.Stderr.Write(broken)
		return 255
	}
	return 0
}

// stateFile is the fake CLI's export of stack dev.
const stateFile = "stack-export-dev"

func fakeState(folder string) []apitype.ResourceV3 {
	var exported struct{ Deployment apitype.DeploymentV3 }
	text, err := os.ReadFile(filepath.Join(folder, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, &exported)
	}
	if err != nil {
		panic(err)
	}
	return exported.Deployment.Resources
}

func keep(path string, value any) {
	text, err := json.Marshal(value)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		panic(err)
	}
}

func imported(t *testing.T) importFile {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(os.Getenv(fakeFolder), "imported"))
	if err != nil {
		t.Fatal(err)
	}
	var file importFile
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func urn(parent, token, name string) resource.URN {
	return resource.URN("urn:pulumi:dev::slipway::" + parent + token + "::" + name)
}

// toImport has a part of the network, a child of the stack itself, and a resource without a parent.
func toImport() []Import {
	network := urn("", "slipway:index:Network", "dev")
	return []Import{
		{URN: urn("slipway:index:Network$", "aws:ec2/vpc:Vpc", "dev"), ID: "vpc-1", Parent: network},
		{URN: urn("", "aws:ec2/subnet:Subnet", "a"), ID: "subnet-1", Parent: urn("", "pulumi:pulumi:Stack", "slipway-dev")},
		{URN: urn("", "aws:ec2/subnet:Subnet", "b"), ID: "subnet-2"},
	}
}

func TestImport(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := open(t, project(t, nil))
	gone, err := s.Import(t.Context(), toImport())
	if err != nil || len(gone) > 0 {
		t.Errorf("gone are %v (%v)", gone, err)
	}
	file := imported(t)
	want := []importSpec{
		{Type: "aws:ec2/vpc:Vpc", Name: "dev", ID: "vpc-1", Parent: "parent0"},
		{Type: "aws:ec2/subnet:Subnet", Name: "a", ID: "subnet-1"},
		{Type: "aws:ec2/subnet:Subnet", Name: "b", ID: "subnet-2"},
	}
	if !slices.Equal(file.Resources, want) || len(file.NameTable) != 1 || file.NameTable["parent0"] != urn("", "slipway:index:Network", "dev") {
		t.Errorf("imported is %+v", file)
	}
	log := commands(t)
	for _, flag := range []string{"--stack dev", "--protect=false", "--generate-code=false", "--yes", "--skip-preview"} {
		if !strings.Contains(log, flag) {
			t.Errorf("%s is not in\n%s", flag, log)
		}
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A missing resource does not prevent the import of the others.
func TestImportOfWhatIsGone(t *testing.T) {
	s := open(t, project(t, map[string]string{"absent": "vpc-1\nsubnet-2"}))
	gone, err := s.Import(t.Context(), toImport())
	if want := []string{"vpc-1", "subnet-2"}; err != nil || !slices.Equal(gone, want) {
		t.Errorf("gone are %v (%v), want %v", gone, err, want)
	}
	if file := imported(t); len(file.Resources) != 1 || file.Resources[0].ID != "subnet-1" {
		t.Errorf("imported is %+v", file)
	}
	before := commands(t)
	s = open(t, project(t, map[string]string{"absent": "vpc-1\nsubnet-1\nsubnet-2"}))
	if gone, err := s.Import(t.Context(), toImport()); len(gone) != 3 || err != nil {
		t.Errorf("gone are %v (%v)", gone, err)
	}
	if n := strings.Count(commands(t), "import "); n != 1 || strings.Count(before, "import ") != 1 {
		t.Errorf("imported %d times when there was nothing, and where something was there:\n%s", n, before)
	}
}

func TestImportFails(t *testing.T) {
	s := open(t, project(t, map[string]string{stateFile: `{}`, "absent": "vpc-1", "broken": "warning: a\nerror: AccessDenied: no\nerror: import failed\n"}))
	gone, err := s.Import(t.Context(), toImport())
	if !slices.Equal(gone, []string{"vpc-1"}) || err == nil || err.Error() != "import of stack dev: AccessDenied: no" {
		t.Errorf("gone are %v, the error is %v", gone, err)
	}
}

// The search for missing resources is a preview, which takes no lock.
func TestMissing(t *testing.T) {
	s := open(t, project(t, map[string]string{"absent": "subnet-1"}))
	if gone, err := s.Missing(t.Context(), toImport()); err != nil || !slices.Equal(gone, []string{"subnet-1"}) {
		t.Errorf("missing are %v (%v)", gone, err)
	}
	for command := range strings.Lines(commands(t)) {
		if strings.HasPrefix(command, "import ") && (!strings.Contains(command, "--preview-only") || strings.Contains(command, "--yes")) {
			t.Errorf("it was asked for %s", command)
		}
	}
}

func TestComplaints(t *testing.T) {
	none := errors.New("exit status 255")
	for name, test := range map[string]struct{ said, want string }{
		"nothing":    {"importing\n", "exit status 255"},
		"one":        {"importing\nerror: AccessDenied: no\n", "AccessDenied: no"},
		"two":        {"    error: Throttling: slow\n    error: AccessDenied: no\n", "Throttling: slow; AccessDenied: no"},
		"a cause":    {"error: preview failed\n    error: AccessDenied: no\n", "AccessDenied: no"},
		"no cause":   {"error: preview failed\n", "preview failed"},
		"one, twice": {"error: no\nerror: no\n", "no"},
		"a list": {
			"error: 3 errors occurred:\n\t* resource a: no\n\t* resource b: no\n\t* resource a: no\n\nhelp\n", "resource a: no; resource b: no",
		},
		"a list of what":     {"error: import of stack x: 1 error occurred:\n    * resource a: no\n", "resource a: no"},
		"a list of no error": {"Resources:\n    * 3 imported\nerror: no\n", "no"},
	} {
		if got := complaintIn(test.said, none).Error(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
