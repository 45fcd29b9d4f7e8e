package localcloud_test

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "slipway/localcloud/"

// fence says which packages of this module a package may import, by patterns of path.Match, and which its tests may import in addition.
type fence struct {
	packages     string
	ships, tests []string
}

// fences say it of all packages. The first that fits holds. Imports run one way: from the daemon to AWS, from AWS to the cloud
// and the mechanisms, which know no AWS; and within AWS from controllers to kinds.
var fences = []fence{
	// Mechanisms. Each could be a library.
	{packages: "addr"},
	{packages: "ca"},
	{packages: "dns"},
	{packages: "oidc"},
	{packages: "pace"},
	{packages: "proxy"},
	{packages: "registry"},
	{packages: "vnet"},
	{packages: "wildcard"},
	{packages: "lb", ships: []string{"wildcard"}, tests: []string{"ca"}},
	{packages: "task", ships: []string{"vnet"}, tests: []string{"imagetest"}},
	// The cloud, which knows no provider.
	{packages: "cloud"},
	{packages: "fault", ships: []string{"cloud", "wildcard"}},
	{packages: "provider", ships: []string{"cloud", "fault"}},
	{packages: "schema/internal/*"},
	{packages: "schema/sdk", ships: []string{"schema/internal/*"}},
	{packages: "schema/gen", ships: []string{"schema/internal/*", "schema/sdk"}},
	{packages: "schema", ships: []string{"cloud", "schema/internal/*", "schema/sdk"}},
	// What tests share. No other package may import it.
	{packages: "imagetest"},
	{packages: "aws/awstest", ships: everything},
	{packages: "aws/ecs/scheduler/schedulertest", ships: everything},
	// Kinds, which know no controller, and what several services need.
	{packages: "aws/internal/*", ships: []string{"aws/internal/*", "cloud", "wildcard"}},
	{packages: "aws/cloudwatch/metricmath"},
	{packages: "aws/plain", ships: []string{"aws/internal/*", "cloud", "schema", "schema/*"}},
	{
		packages: "aws/*", ships: []string{"aws/*", "aws/internal/*", "aws/cloudwatch/metricmath", "cloud", "oidc", "wildcard"},
		tests: everything,
	},
	{packages: "aws", ships: []string{"aws/*", "aws/internal/*", "cloud", "fault"}, tests: everything},
	{packages: "cloudflare", ships: []string{"cloud", "fault"}, tests: []string{"schema"}},
	// What services answer by AWS's own protocols.
	{packages: "api", ships: []string{"cloud"}, tests: everything},
	{packages: "aws/*/*api", ships: []string{"aws/*", "aws/internal/*", "aws/logs/streams", "aws/sqs/queues", "api", "cloud"}, tests: everything},
	// Controllers, which do not know each other. The proxy of Service Connect is none: it is in the tasks that the scheduler starts.
	{packages: "aws/ecs/scheduler", ships: append([]string{"aws/ecs/connect"}, controllers...), tests: everything},
	{packages: "aws/*/*", ships: controllers, tests: everything},
	{packages: "zones", ships: []string{"aws/ec2", "aws/ecr", "aws/elbv2", "cloud", "cloudflare", "dns"}, tests: everything},
	// What puts it all together.
	{packages: "services", ships: []string{"aws", "aws/*", "aws/*/*", "addr", "api", "cloud", "pace", "registry", "task", "vnet"}, tests: everything},
	{packages: "daemon", ships: everything},
	{packages: "cmd/*", ships: everything},
	{packages: "e2e", ships: everything},
	{packages: "e2e/*", ships: everything},
	{packages: "e2e/*/*", ships: everything},
}

// controllers are what a controller may import.
var controllers = []string{"aws/*", "aws/internal/arns", "addr", "cloud", "dns", "lb", "pace", "registry", "task", "vnet"}

// everything is as deep as packages of this module are.
var everything = []string{"*", "*/*", "*/*/*", "*/*/*/*", "*/*/*/*/*"}

func TestImportsRunOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}};{{join .Imports " "}};{{join .TestImports " "}} {{join .XTestImports " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) < 40 {
		t.Errorf("only %d packages were looked at", len(lines))
	}
	for _, line := range lines {
		columns := strings.Split(line, ";")
		importer, ok := strings.CutPrefix(columns[0], module)
		if !ok || strings.Contains(importer, "/testdata/") {
			continue
		}
		i := slices.IndexFunc(fences, func(f fence) bool { return fits(importer, f.packages) })
		if i < 0 {
			t.Errorf("fences do not say what %s imports", importer)
			continue
		}
		for _, imported := range ours(columns[1]) {
			if !fits(imported, fences[i].ships...) {
				t.Errorf("%s imports %s", importer, imported)
			}
			if strings.HasSuffix(imported, "test") && !strings.HasSuffix(importer, "test") {
				t.Errorf("%s imports %s, which is for tests", importer, imported)
			}
		}
		for _, imported := range ours(columns[2]) {
			if imported != importer && !fits(imported, fences[i].ships...) && !fits(imported, fences[i].tests...) {
				t.Errorf("the tests of %s import %s", importer, imported)
			}
		}
	}
}

// ours returns those of the packages that are of this module.
func ours(packages string) []string {
	var out []string
	for _, p := range strings.Fields(packages) {
		if p, ok := strings.CutPrefix(p, module); ok {
			out = append(out, p)
		}
	}
	return out
}

func fits(pkg string, patterns ...string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matched, err := path.Match(pattern, pkg)
		return matched && err == nil
	})
}
