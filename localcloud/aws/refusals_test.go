package aws_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// refusal is a call that makes an error with one of AWS's codes.
var refusal = regexp.MustCompile(`(?:Errorf|InUsef|NotFound)\(\s*"([A-Z][A-Za-z.]+)"`)

// Each code with which a kind refuses something is in a test: a kind whose refusals nobody tried fails here.
func TestEveryRefusalIsTried(t *testing.T) {
	t.Parallel()
	made, tried := map[string]string{}, strings.Builder{}
	module := os.DirFS("..")
	err := fs.WalkDir(module, ".", func(path string, entry fs.DirEntry, err error) error {
		test := strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".txtar")
		kind := !test && strings.HasPrefix(path, "aws/") && strings.HasSuffix(path, ".go") && !strings.HasPrefix(path, "aws/awstest/")
		if err != nil || entry.IsDir() || !test && !kind {
			return err
		}
		text, err := fs.ReadFile(module, path)
		if err != nil {
			return err
		}
		if test {
			tried.Write(text)
			return nil
		}
		for _, match := range refusal.FindAllStringSubmatch(string(text), -1) {
			made[match[1]] = path
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for code, path := range made {
		if !strings.Contains(tried.String(), code) {
			t.Errorf("%s refuses with %s, and no test tries it", path, code)
		}
	}
	if len(made) < 60 {
		t.Errorf("only %d codes were found", len(made))
	}
}
