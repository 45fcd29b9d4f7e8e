package fences

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// A fence is around packages.
type fence struct {
	packages     string
	ships, tests []string
}

// fences say which of our packages a package imports, by patterns of path.Match, and which its tests import in addition. The first
// match decides. Every package has one.
var fences = []fence{
	{
		packages: "slipway", ships: []string{"slipway/config", "slipway/components", "slipway/spec", "slipway/internal/account", "slipway/internal/settings"},
		tests: []string{"slipway/components/*", "slipway/config/*", "slipway/internal/programtest"},
	},
	{packages: "slipway/spec"},
	{
		packages: "slipway/config", ships: []string{"slipway/spec", "slipway/internal/build", "slipway/internal/settings"},
		tests: []string{"slipway/config/configtest"},
	},
	{packages: "slipway/config/configtest", ships: []string{"slipway/internal/settings"}},
	{packages: "slipway/components", ships: []string{"slipway/spec", "slipway/internal/function"}, tests: []string{"slipway/components/mocks", "slipway/config", "slipway/config/configtest"}},
	{packages: "slipway/components/mocks"},
	{packages: "slipway/components/fsbp", ships: []string{"slipway/components/mocks"}},
	{
		packages: "slipway/bootstrap", ships: []string{"slipway/bootstrap/permissions", "slipway/spec", "slipway/internal/function", "slipway/internal/settings"},
		tests: []string{"slipway/components/*"},
	},
	{packages: "slipway/bootstrap/permissions"},
	{
		packages: asksProviders, ships: []string{"slipway/spec", "slipway/internal/*"},
		tests: []string{"slipway/bootstrap/permissions"},
	},
	{packages: "slipway/cmd/*", ships: []string{"slipway/spec", "slipway/internal/*"}},
	{packages: "slipway/ci"},
	{packages: "slipway/ci/*", ships: []string{"slipway/spec", "slipway/internal/*"}, tests: []string{"slipway/config", "slipway/config/configtest"}},
	{packages: "slipway/docs", tests: []string{"slipway/spec", "slipway/config", "slipway/config/configtest", "slipway/bootstrap/permissions"}},
	{packages: "slipway/internal/stack", ships: []string{"slipway/spec", "slipway/internal/smoke"}}, // a stack's outputs have the checks of a smoke test
	{packages: "slipway/internal/deployments", ships: []string{"slipway/internal/awsconfig"}},
	{packages: "slipway/internal/jobs", ships: []string{"slipway/spec", "slipway/internal/awsconfig"}},
	{packages: "slipway/internal/ecr", ships: []string{"slipway/spec", "slipway/internal/awsconfig"}},
	{packages: "slipway/internal/standing", ships: []string{"slipway/spec", "slipway/internal/awsconfig"}},
	{
		packages: "slipway/internal/account", ships: []string{
			"slipway/components", "slipway/config", "slipway/spec",
			"slipway/internal/awsconfig", "slipway/internal/deployments", "slipway/internal/function", "slipway/internal/jobs",
			"slipway/internal/settings", "slipway/internal/standing",
		},
		tests: []string{"slipway/components/mocks", "slipway/config/configtest"},
	},
	{
		packages: "slipway/internal/programtest", ships: []string{
			"slipway/bootstrap/permissions", "slipway/components/*", "slipway/config/configtest", "slipway/internal/account",
			"slipway/internal/settings", "slipway/spec",
		},
	},
	{packages: "slipway/internal/*"},
}

// Imports go one way: from programs to their parts.
func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	for _, line := range list(t, "-f", `{{.ImportPath}};{{join .Imports " "}};{{join .TestImports " "}} {{join .XTestImports " "}}`, "./...") {
		columns := strings.Split(line, ";")
		importer, shipped, tested := columns[0], strings.Fields(columns[1]), strings.Fields(columns[2])
		i := slices.IndexFunc(fences, func(f fence) bool { return fits(importer, f.packages) })
		if i < 0 {
			t.Errorf("fences do not say what %s imports", importer)
			continue
		}
		for _, imported := range shipped {
			if ours(imported) && !fits(imported, fences[i].ships...) {
				t.Errorf("%s imports %s", importer, imported)
			}
		}
		for _, imported := range tested {
			if ours(imported) && imported != importer && !fits(imported, fences[i].ships...) && !fits(imported, fences[i].tests...) {
				t.Errorf("the tests of %s import %s", importer, imported)
			}
		}
	}
}

// The parts of a stack are plain Go, so every command can afford to import them: Pulumi's SDK and AWS's take minutes to compile.
func TestSpecIsPlainGo(t *testing.T) {
	t.Parallel()
	for _, imported := range list(t, "-deps", "./spec") {
		if host, _, _ := strings.Cut(imported, "/"); strings.Contains(host, ".") && !strings.HasPrefix(imported, "golang.org/x/") {
			t.Errorf("spec imports %s", imported)
		}
	}
}

// asksProviders is the one command that calls functions of the providers, by their SDKs.
const asksProviders = "slipway/cmd/orphans"

// ofTheProgram are the packages in internal/ that only the program uses.
var ofTheProgram = []string{"slipway/internal/account", "slipway/internal/programtest"}

// The other commands know stacks, but not their resources. The config is also read without the SDKs of providers.
func TestCommandsDoWithoutTheSDKs(t *testing.T) {
	t.Parallel()
	packages := slices.DeleteFunc(list(t, "./config/...", "./cmd/...", "./internal/...", "./ci/..."), func(pkg string) bool {
		return pkg == asksProviders || slices.Contains(ofTheProgram, pkg)
	})
	for _, imported := range list(t, append([]string{"-deps", "-test"}, packages...)...) {
		// The types of Pulumi Cloud's API, which Pulumi's own SDK imports, do not belong to a provider.
		if strings.HasPrefix(imported, "github.com/pulumi/pulumi-") && !strings.HasPrefix(imported, "github.com/pulumi/pulumi-cloud-sdk/") {
			t.Errorf("they import %s", imported)
		}
	}
}

// asksAWS are the packages with calls to AWS for which Pulumi's provider has no functions, and the packages that they need for it.
var asksAWS = []string{"slipway/internal/deployments", "slipway/internal/ecr", "slipway/internal/jobs", "slipway/internal/standing", "slipway/internal/awsconfig"}

// The other packages do not use AWS's SDK, except its parser of ARNs, which needs nothing else of it.
func TestFewPackagesAskAWS(t *testing.T) {
	t.Parallel()
	for _, line := range list(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		packages := strings.Fields(line)
		for _, imported := range packages[1:] {
			if strings.HasPrefix(imported, "github.com/aws/") && imported != "github.com/aws/aws-sdk-go-v2/aws/arn" && !slices.Contains(asksAWS, packages[0]) {
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

// list returns what `go list` says in the module's folder.
func list(t *testing.T, args ...string) []string {
	t.Helper()
	return listIn(t, "../..", args...)
}

// listIn returns what `go list` says in a folder.
func listIn(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
