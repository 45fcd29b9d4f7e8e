package e2e

import (
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The program, the service and the local cloud are rooms of their own: none imports another.
func TestRoomsDoNotImportEachOther(t *testing.T) {
	rooms := map[string]string{".": "slipway", "app": "slipway/app", "localcloud": "slipway/localcloud"}
	for dir, room := range rooms {
		for _, imported := range list(t, dir, "-deps", "-test", "./...") {
			// The packages of tests are listed as "PACKAGE [PACKAGE.test]" and "PACKAGE.test".
			imported, _, _ = strings.Cut(imported, " ")
			imported = strings.TrimSuffix(imported, ".test")
			owner := ""
			for _, r := range rooms {
				if (imported == r || strings.HasPrefix(imported, r+"/")) && len(r) > len(owner) {
					owner = r
				}
			}
			if owner != "" && owner != room {
				t.Errorf("%s imports %s", room, imported)
			}
		}
	}
}

// fences say what packages import of ours, by patterns of path.Match, and what their tests do besides. The first that fits holds.
// The program has fences of its own, in internal/fences.
var fences = []struct {
	packages     string
	ships, tests []string
}{
	{packages: "slipway/localcloud/cloud"},
	{packages: "slipway/localcloud/fault", ships: []string{"slipway/localcloud/cloud", "slipway/localcloud/wildcard"}},
	{packages: "slipway/localcloud/provider", ships: []string{"slipway/localcloud/cloud", "slipway/localcloud/fault"}},
	{packages: "slipway/localcloud/image", ships: []string{"slipway/localcloud/registry"}},
	{packages: "slipway/localcloud/task", tests: []string{"slipway/localcloud/image"}},
	{packages: "slipway/localcloud/lb", ships: []string{"slipway/localcloud/wildcard"}, tests: []string{"slipway/localcloud/ca"}},
	{packages: "slipway/localcloud/addr"},
	{packages: "slipway/localcloud/wildcard"},
	{packages: "slipway/localcloud/ca"},
	{packages: "slipway/localcloud/dns"},
	{packages: "slipway/localcloud/oidc"},
	{packages: "slipway/localcloud/proxy"},
	{packages: "slipway/localcloud/registry"},
}

// Within a room imports run one way: from programs to what they are made of, and from what knows AWS to what need not.
func TestImportsRunOneWay(t *testing.T) {
	for _, line := range list(t, "localcloud", "-f", `{{.ImportPath}};{{join .Imports " "}};{{join .TestImports " "}} {{join .XTestImports " "}}`, "./...") {
		columns := strings.Split(line, ";")
		importer, shipped, tested := columns[0], strings.Fields(columns[1]), strings.Fields(columns[2])
		for _, fence := range fences {
			if !fits(importer, fence.packages) {
				continue
			}
			for _, imported := range shipped {
				if ours(imported) && !fits(imported, fence.ships...) {
					t.Errorf("%s imports %s", importer, imported)
				}
			}
			for _, imported := range tested {
				if ours(imported) && imported != importer && !fits(imported, fence.ships...) && !fits(imported, fence.tests...) {
					t.Errorf("the tests of %s import %s", importer, imported)
				}
			}
			break
		}
	}
}

func ours(pkg string) bool { return pkg == "slipway" || strings.HasPrefix(pkg, "slipway/") }

func fits(pkg string, patterns ...string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matched, err := path.Match(pattern, pkg)
		return matched && err == nil
	})
}

// What the local cloud says of the kinds is generated from the SDKs that it pins, which have to be the program's.
func TestSDKVersionsAgree(t *testing.T) {
	for _, module := range []string{
		"github.com/pulumi/pulumi/sdk/v3", "github.com/pulumi/pulumi-aws/sdk/v6", "github.com/pulumi/pulumi-cloudflare/sdk/v5",
	} {
		program, cloud := list(t, ".", "-m", module), list(t, "localcloud", "-m", module)
		if program[0] != cloud[0] {
			t.Errorf("the program requires %s, the local cloud %s", program[0], cloud[0])
		}
	}
}

func list(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = filepath.Join(root, dir)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list in %s: %v", dir, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
