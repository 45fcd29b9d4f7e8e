package config

import (
	"strings"
	"testing"

	"slipway/config/configtest"
)

func TestExec(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ stack, members, want string }{
		{"dev", `"exec": true`, ""},
		{"prod", `"exec": true`, "slipway:services.hello.exec: lets people run commands as root in the tasks of stack prod; if that is meant, set execInProduction: true too"},
		{"prod", `"exec": true, "execInProduction": true`, ""},
		{"dev", `"execInProduction": true`, "slipway:services.hello.execInProduction: is of no use without exec: true"},
	} {
		source := configtest.Source(configtest.Service(test.members))
		source.Stack = test.stack
		c, err := Read(source)
		if test.want != "" {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s in %s: %v, want %q", test.members, test.stack, err, test.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s in %s: %v", test.members, test.stack, err)
			continue
		}
		const warning = "service hello has exec: its container can write to its root file system, and commands in it run as root"
		if warnings := strings.Join(c.Warnings(), "\n"); !c.Services[0].Exec.Enabled || !strings.Contains(warnings, warning) {
			t.Errorf("%s: %+v, %s", test.members, c.Services[0].Exec, warnings)
		}
	}
}
