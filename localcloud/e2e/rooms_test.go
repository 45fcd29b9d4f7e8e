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
// Every package of the program has one.
var fences = []struct {
	packages     string
	ships, tests []string
}{
	{
		packages: "slipway", ships: []string{"slipway/config", "slipway/components", "slipway/spec", "slipway/internal/account", "slipway/internal/settings"},
		tests: []string{"slipway/components/*", "slipway/config/*", "slipway/internal/programtest"},
	},
	{packages: "slipway/spec"},
	{packages: "slipway/config", ships: []string{"slipway/spec", "slipway/internal/build", "slipway/internal/settings"}, tests: []string{"slipway/config/configtest"}},
	{packages: "slipway/config/configtest", ships: []string{"slipway/internal/settings"}},
	{packages: "slipway/components", ships: []string{"slipway/spec"}, tests: []string{"slipway/components/mocks"}},
	{packages: "slipway/components/mocks"},
	{packages: "slipway/components/fsbp", ships: []string{"slipway/components/mocks"}},
	{
		packages: "slipway/bootstrap", ships: []string{"slipway/bootstrap/permissions", "slipway/spec", "slipway/internal/settings"},
		tests: []string{"slipway/components/*"},
	},
	{packages: "slipway/bootstrap/permissions"},
	{
		packages: asksProviders, ships: []string{"slipway/spec", "slipway/internal/*"},
		tests: []string{"slipway/bootstrap/permissions"},
	},
	{packages: "slipway/cmd/*", ships: []string{"slipway/internal/*"}},
	{packages: "slipway/ci"},
	{packages: "slipway/ci/*", ships: []string{"slipway/internal/*"}, tests: []string{"slipway/config", "slipway/config/configtest"}},
	{packages: "slipway/internal/stack", ships: []string{"slipway/internal/smoke"}}, // a stack's outputs tell what a smoke test asks
	{packages: "slipway/internal/rollout", ships: []string{"slipway/internal/awsconfig"}},
	{packages: "slipway/internal/standing", ships: []string{"slipway/internal/awsconfig"}},
	{
		packages: "slipway/internal/account",
		ships: []string{
			"slipway/components", "slipway/config", "slipway/spec",
			"slipway/internal/awsconfig", "slipway/internal/rollout", "slipway/internal/settings", "slipway/internal/standing",
		},
		tests: []string{"slipway/config/configtest"},
	},
	{
		packages: "slipway/internal/programtest", ships: []string{
			"slipway/bootstrap/permissions", "slipway/components/*", "slipway/config/configtest", "slipway/internal/account", "slipway/internal/settings", "slipway/spec",
		},
	},
	{packages: "slipway/internal/*"},
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
	for _, room := range []string{".", "localcloud"} {
		for _, line := range list(t, room, "-f", `{{.ImportPath}};{{join .Imports " "}};{{join .TestImports " "}} {{join .XTestImports " "}}`, "./...") {
			columns := strings.Split(line, ";")
			importer, shipped, tested := columns[0], strings.Fields(columns[1]), strings.Fields(columns[2])
			fenced := false
			for _, fence := range fences {
				if fenced || !fits(importer, fence.packages) {
					continue
				}
				fenced = true
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
			}
			if !fenced && room == "." {
				t.Errorf("fences do not say what %s imports", importer)
			}
		}
	}
}

// asksProviders is the one command that calls functions of the providers, by their SDKs.
const asksProviders = "slipway/cmd/orphans"

// ofTheProgram are the packages of internal that are the program's own.
var ofTheProgram = []string{"slipway/internal/account", "slipway/internal/programtest"}

// The other programs around the stacks speak of stacks, not of what those are made of. The AWS SDK takes minutes to compile.
func TestCommandsDoWithoutTheSDKs(t *testing.T) {
	packages := slices.DeleteFunc(list(t, ".", "./spec", "./config/...", "./cmd/...", "./internal/...", "./ci/..."), func(pkg string) bool { return pkg == asksProviders || slices.Contains(ofTheProgram, pkg) })
	for _, imported := range list(t, ".", append([]string{"-deps", "-test"}, packages...)...) {
		// The types of Pulumi Cloud's API, which Pulumi's own SDK imports, are no provider's.
		if strings.HasPrefix(imported, "github.com/pulumi/pulumi-") && !strings.HasPrefix(imported, "github.com/pulumi/pulumi-cloud-sdk/") {
			t.Errorf("they import %s", imported)
		}
	}
}

// asksAWS are the packages that ask AWS what Pulumi's provider has no functions for, and what they ask with.
var asksAWS = []string{"slipway/internal/rollout", "slipway/internal/standing", "slipway/internal/awsconfig"}

// The other packages do without AWS's SDK.
func TestFewPackagesAskAWS(t *testing.T) {
	for _, line := range list(t, ".", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		packages := strings.Fields(line)
		for _, imported := range packages[1:] {
			if strings.HasPrefix(imported, "github.com/aws/") && !slices.Contains(asksAWS, packages[0]) {
				t.Errorf("%s imports %s", packages[0], imported)
			}
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
