package spec

import (
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	t.Parallel()
	for _, valid := range []string{"dev", "prod-eu-hello", "Dev2", strings.Repeat("a", 24)} {
		if err := CheckName(valid); err != nil {
			t.Errorf("CheckName(%q): %v", valid, err)
		}
	}
	for name, want := range map[string]string{
		"":                      "letters",
		"a.b":                   "letters",
		"a_b":                   "letters",
		"-a":                    "letters",
		"a-":                    "letters",
		"a--b":                  "letters",
		"1a":                    "letters",
		"a\nb":                  "letters",
		"ä":                     "letters",
		strings.Repeat("a", 25): "25 characters",
		"internal-a":            "internal-",
		"sg-a":                  "sg-",
	} {
		if err := CheckName(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckName(%q): %v, want an error with %q", name, err, want)
		}
	}
}
