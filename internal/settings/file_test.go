package settings

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pulumiconfig "github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// ciphertext decrypts a value to its own ciphertext. Pulumi's own such decrypter does not change objects.
type ciphertext struct{ pulumiconfig.Decrypter }

// handed returns what Pulumi passes on from a stack's file.
func handed(t *testing.T, text string) Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Pulumi.dev.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	stack, err := workspace.LoadProjectStack(nil, &workspace.Project{Name: "p"}, path)
	if err != nil {
		t.Fatal(err)
	}
	s := Source{Project: "p", Stack: "dev", Values: make(map[string]string), File: ParseFile("Pulumi.dev.yaml", []byte(text))}
	for key, value := range stack.Config {
		if s.Values[key.String()], err = value.Value(ciphertext{pulumiconfig.NopDecrypter}); err != nil {
			t.Fatal(err)
		}
		if value.Secure() {
			s.SecretKeys = append(s.SecretKeys, key.String())
		}
	}
	return s
}

// problems returns the problems of a config whose services have secrets and a registry, or "".
func problems(s Source, kept ...string) string {
	var found Problems
	s.Root(&found, kept...)
	if err := found.Err("dev"); err != nil {
		_, lines, _ := strings.Cut(err.Error(), "\n")
		return lines
	}
	return ""
}

const (
	misplaced = ": is encrypted, and would be in plain text in the state, in previews and on AWS: only what is in services.NAME.secrets and services.NAME.registry stays secret; " +
		"move it there, or set it without --secret"
	elsewhereText = ", and Pulumi does not say whether it is encrypted elsewhere; put it there, or set SLIPWAY_CONFIG_FILE to the file that --config-file names"
)

// An encrypted value is accepted only where it stays secret.
func TestEncryptedValues(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ config, want string }{
		"in their places": {`
  p:domain: example.com
  p:services:
    hello: {image: a, port: 8080, env: {A: b, N: 1}, paths: [/a], secrets: {K: {secure: swordfish}}, registry: {username: {secure: swordfish}, password: {secure: swordfish}}}
`, ""},
		"no secrets at all": {"\n  p:services: {hello: {env: {A: b}}}\n", ""},
		"a variable": {`
  p:services:
    hello:
      env: {DB_URL: {secure: swordfish}, A: b}
      secrets: {K: {secure: swordfish}}
`, "p:services.hello.env.DB_URL" + misplaced},
		"everywhere else": {`
  p:services:
    hello:
      command: [migrate, {secure: swordfish}]
      healthCheck: {path: {secure: swordfish}}
      canary: {header: {secure: swordfish}}
      before: {command: [{secure: swordfish}]}
      env: {"a.b": {secure: swordfish}}
      secrets: {K: {secure: swordfish}}
`, "p:services.hello.before.command[0]" + misplaced + "\np:services.hello.canary.header" + misplaced + "\np:services.hello.command[1]" + misplaced +
			"\np:services.hello.env[\"a.b\"]" + misplaced + "\np:services.hello.healthCheck.path" + misplaced},
		"a service as a whole":   {"\n  p:services: {hello: {secure: swordfish}}\n", "p:services.hello" + misplaced},
		"services as a whole":    {"\n  p:services: {secure: '{\"hello\": {\"env\": {\"A\": \"swordfish\"}}}'}\n", "p:services" + misplaced},
		"a root key":             {"\n  p:domain: {secure: swordfish}\n", "p:domain" + misplaced},
		"in another root key":    {"\n  p:tags: {Team: {secure: swordfish}, A: b}\n", "p:tags.Team" + misplaced},
		"another project's":      {"\n  cloudflare:apiToken: {secure: swordfish}\n", ""},
		"the older form of keys": {"\n  p:config:tags: {Team: {secure: swordfish}}\n", "p:tags.Team" + misplaced},
		"behind an alias": {`
  p:services:
    hello: &hello {env: &env {A: {secure: swordfish}}}
    other: {<<: *hello, port: 1}
    third: {env: *env}
    fourth: {<<: [{port: 2}, *hello]}
`, "p:services.fourth.env.A" + misplaced + "\np:services.hello.env.A" + misplaced + "\np:services.other.env.A" + misplaced + "\np:services.third.env.A" + misplaced},
	} {
		t.Run(name, func(t *testing.T) {
			if got := problems(handed(t, "config:"+test.config), "services.*.secrets", "services.*.registry"); got != test.want {
				t.Errorf("%s\nwant %s", got, test.want)
			}
		})
	}
	t.Run("where nothing stays secret", func(t *testing.T) {
		want := "p:images: is encrypted, and this key does not stay secret: it would be in plain text in the state and on AWS; set it without --secret"
		if got := problems(handed(t, "config: {p:images: {secure: swordfish}}")); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	})
}

// A stack with secrets has every plain value in its file: Pulumi does not say whether values from elsewhere are secret.
func TestEncryptedElsewhere(t *testing.T) {
	t.Parallel()
	const text = "config: {p:services: {hello: {port: 8080, env: {A: b, V: 1.10, D: 2024-01-02}, list: [a], secrets: {K: {secure: swordfish}}}}}"
	noFile := func(why string) string {
		return "p:services: has encrypted values, and Pulumi does not say which; Pulumi.dev.yaml would, but " + why +
			". Put it in the project's folder, or set SLIPWAY_CONFIG_FILE to the file that --config-file names"
	}
	for name, test := range map[string]struct {
		file *File
		want string
	}{
		"the file":     {ParseFile("Pulumi.dev.yaml", []byte(text)), ""},
		"no file":      {&File{name: "Pulumi.dev.yaml", reason: os.ErrPermission}, noFile("permission denied")},
		"no YAML":      {ParseFile("Pulumi.dev.yaml", []byte("config: {secure")), noFile("it is not YAML")},
		"an empty one": {ParseFile("Pulumi.dev.yaml", nil), noFile("it has no config")},
		"secrets in ESC": {
			ParseFile("Pulumi.dev.yaml", []byte(strings.Replace(text, ", secrets: {K: {secure: swordfish}}", "", 1))), "",
		},
		"a variable in ESC": {
			ParseFile("Pulumi.dev.yaml", []byte(strings.Replace(text, "A: b, ", "", 1))),
			"p:services.hello.env.A: is not in Pulumi.dev.yaml" + elsewhereText,
		},
		"all in ESC": {
			ParseFile("Pulumi.dev.yaml", []byte("config: {p:domain: a}")), "p:services: is not in Pulumi.dev.yaml" + elsewhereText,
		},
		"another file": {
			ParseFile("Pulumi.dev.yaml", []byte("config: {p:services: {hello: {port: 80, env: {A: {}, V: 1.2, D: 2024-01-03}, list: []}}}")),
			strings.ReplaceAll("p:services.hello.env.A@\np:services.hello.env.D@\np:services.hello.env.V@\np:services.hello.list[0]: is not in Pulumi.dev.yaml"+
				elsewhereText+"\np:services.hello.port@", "@", ": is another value in Pulumi.dev.yaml"+strings.Replace(elsewhereText, "it is", "this one is", 1)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := handed(t, text)
			s.File = test.file
			if got := problems(s, "services.*.secrets"); got != test.want {
				t.Errorf("%s\nwant %s", got, test.want)
			}
		})
	}
}

// The CLI has the file next to Pulumi.yaml, or in the folder that Pulumi.yaml names. A variable names another one.
func TestFileIsWhereTheCLIHasIt(t *testing.T) {
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder := t.TempDir()
	t.Chdir(folder)
	write("Pulumi.yaml", "name: p\nruntime: go\n")
	write("Pulumi.dev.yaml", "config: {p:a: beside}")
	write("stacks/Pulumi.dev.yaml", "config: {p:a: stacks}")
	write("other.yaml", "config: {p:a: named}")
	is := func(want string) {
		t.Helper()
		if node := readFile("dev").value("p:a"); node == nil || node.Value != want {
			t.Errorf("%+v, want %q", node, want)
		}
	}
	is("beside")
	write("Pulumi.yaml", "name: p\nruntime: go\nstackConfigDir: stacks\n")
	is("stacks")
	t.Setenv(FileVariable, "other.yaml")
	is("named")
	t.Setenv(FileVariable, "none.yaml")
	if f := readFile("dev"); f.value("p:a") != nil || f.name != "none.yaml" || f.reason.Error() != "there is no such file" {
		t.Errorf("%+v", f)
	}
}

// A text that YAML reads as another type is refused if another text arrives, or may have been written.
func TestForms(t *testing.T) {
	t.Parallel()
	const config = `config:
  p:root: 0123
  p:rootdate: 2024-01-02
  p:right: 10.0
  p:texts: [2024-01-02, a, 1, "1.10"]
  p:scalars:
    account: 012345678901
    version: 1.10
    build: 0123456
    same: 0.5
    exponent: 1e8
    sha: 1234567e8
    id: 12345678901234567890
    date: 2024-01-02
    time: 2024-01-02T10:11:12+02:00
    hex: 0x1F
    underscore: 1_000
    plus: +1
    bool: True
    2024-01-02: a
    1.10: a
    TRUE: a
    OK19: 1234567890123456789
    OKnegative: -5
    OKbool: true
    OKyes: yes
    OKquoted: "1.10"
    OKlines: |
      01
      02
`
	for name, test := range map[string]struct {
		file bool
		want string
	}{
		"with the file": {true, `p:root: C
p:rootdate: D
p:scalars.1.1: N
p:scalars.2024-01-02 00:00:00 +0000 UTC: N
p:scalars.account: C
p:scalars.bool: C
p:scalars.build: C
p:scalars.date: D
p:scalars.exponent: C
p:scalars.hex: C
p:scalars.id: B
p:scalars.plus: C
p:scalars.same: F
p:scalars.sha: C
p:scalars.time: D
p:scalars.true: N
p:scalars.underscore: C
p:scalars.version: F
p:texts[0]: D
p:texts[2]: is a number and must be a string: put it in quotation marks`},
		"without": {false, `p:rootdate: D
p:scalars.date: D
p:scalars.id: B
p:scalars.same: F
p:scalars.time: D
p:scalars.version: F
p:texts[0]: D
p:texts[2]: is a number and must be a string: put it in quotation marks`},
	} {
		t.Run(name, func(t *testing.T) {
			s := handed(t, config)
			if !test.file {
				s.File = nil
			}
			var found Problems
			root := s.Root(&found)
			root.Text("root", "")
			root.Text("rootdate", "")
			root.Integer("right", 1, 1, 100)
			root.Texts("texts", nil)
			texts := root.Scalars("scalars")
			for name, want := range map[string]string{
				"OK19": "1234567890123456789", "OKnegative": "-5", "OKbool": "true", "OKyes": "yes", "OKquoted": "1.10", "OKlines": "01\n02\n",
			} {
				if texts[name] != want {
					t.Errorf("%s is %q, want %q", name, texts[name], want)
				}
			}
			_, got, _ := strings.Cut(found.Err("dev").Error(), "\n")
			got = strings.NewReplacer(errFraction.Error(), "F", errBig.Error(), "B", errDate.Error(), "D", errChanged.Error(), "C").Replace(got)
			lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(got, `["`, "."), `"]`, ""), "\n")
			for i, line := range lines {
				if key, _, named := strings.Cut(line, ": this name is written as "); named {
					lines[i] = key + ": N"
				}
			}
			slices.Sort(lines)
			if got := strings.Join(lines, "\n"); got != test.want {
				t.Errorf("%s\nwant %s", got, test.want)
			}
		})
	}
}

// A value that is in plain text in the file may be shown, even if others are encrypted.
func TestPlainTextsShow(t *testing.T) {
	t.Parallel()
	var found Problems
	o := handed(t, "config: {p:o: {plain: a, list: [b, b], secret: {secure: swordfish}}}").Root(&found, "o").Section("o")
	wrong := func(string) error { return os.ErrInvalid }
	o.Text("plain", "", wrong)
	o.Text("secret", "", wrong)
	o.Set("list", nil)
	want := `config of stack dev ([secret] is any text that may be encrypted: Pulumi does not say which are):
p:o.list[1]: "b": is listed more than once
p:o.plain: "a": invalid argument
p:o.secret: [secret]: invalid argument`
	if err := found.Err("dev"); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	if !o.IsPlain("plain") || o.IsPlain("secret") {
		t.Error("the encrypted one is told to be plain, or the other way round")
	}
}
