package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The program, the service and the local cloud are separate: none imports another. internal/fences checks imports within the program,
// and a test of its own within the local cloud.
func TestRoomsDoNotImportEachOther(t *testing.T) {
	rooms := map[string]string{".": "slipway", "app": "slipway/app", "localcloud": "slipway/localcloud"}
	for dir, room := range rooms {
		for _, imported := range list(t, dir, "-deps", "-test", "./...") {
			// The packages of tests are listed as "PACKAGE [PACKAGE.test]" and "PACKAGE.test".
			imported, _, _ = strings.Cut(imported, " ")
			imported = strings.TrimSuffix(strings.TrimSuffix(imported, ".test"), "_test")
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

// The local cloud's types of the kinds are generated from the SDKs that it pins, and these must be the program's.
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
