package settings

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func source(values ...string) Source {
	s := Source{Project: "p", Stack: "dev", Values: map[string]string{"aws:region": "eu-central-1"}}
	for i := 0; i < len(values); i += 2 {
		s.Values["p:"+values[i]] = values[i+1]
	}
	return s
}

// At the root Pulumi passes numbers and booleans as text; inside of objects they keep their types.
func TestScalars(t *testing.T) {
	t.Parallel()
	const otherwise = 7
	for _, test := range []struct {
		values  []string
		integer int
		boolean bool
		want    string // the problem, if there is one
	}{
		{nil, otherwise, true, ""},
		{[]string{"n", "", "b", ""}, otherwise, true, ""},
		{[]string{"n", "1", "b", "false"}, 1, false, ""},
		{[]string{"n", "1e1"}, 10, true, ""},
		{[]string{"n", "11"}, otherwise, true, "p:n: 11: must be from 1 to 10"},
		{[]string{"n", "1.5"}, otherwise, true, "p:n: 1.5: must be a whole number from 1 to 10"},
		{[]string{"n", "10e-1"}, 1, true, ""},
		{[]string{"n", "0e9999"}, otherwise, true, "p:n: 0: must be from 1 to 10"},
		{[]string{"n", "1e-9999"}, otherwise, true, "p:n: 1e-9999: must be a whole number from 1 to 10"},
		{[]string{"n", "1e9999"}, otherwise, true, "p:n: 1e9999: must be a whole number from 1 to 10"},
		{[]string{"n", "9.0000000000000000000001"}, otherwise, true, "p:n: 9.0000000000000000000001: must be a whole number from 1 to 10"},
		{[]string{"n", "null"}, otherwise, true, "p:n: is a string and must be a number"},
		{[]string{"n", `"1"`}, otherwise, true, "p:n: is a string and must be a number"},
		{[]string{"n", "true"}, otherwise, true, "p:n: is a string and must be a number"},
		{[]string{"b", "yes"}, otherwise, true, "p:b: is a string and must be true or false"},
	} {
		var found Problems
		root := source(test.values...).Root(&found)
		integer := root.Integer("n", otherwise, 1, 10)
		boolean := root.Boolean("b", true)
		if err := found.Err("dev"); integer != test.integer || boolean != test.boolean || (err != nil) != (test.want != "") ||
			err != nil && err.Error() != "config of stack dev:\n"+test.want {
			t.Errorf("%q: %d, %t, %v", test.values, integer, boolean, err)
		}
	}
	var found Problems
	object := source("o", `{"n":"1","b":"true"}`).Root(&found).Section("o")
	object.Integer("n", otherwise, 1, 10)
	object.Boolean("b", true)
	if want := "config of stack dev:\np:o.b: is a string and must be true or false\np:o.n: is a string and must be a number"; found.Err("dev") == nil || found.Err("dev").Error() != want {
		t.Errorf("inside an object: %v", found.Err("dev"))
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	var found Problems
	short := func(text string) error {
		if len(text) > 1 {
			return errors.New("is long")
		}
		return nil
	}
	got := source("list", `["a","bb","a",3,"c"]`).Root(&found).Set("list", short)
	if want := []string{"a", "c"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	want := `config of stack dev:
p:list[1]: "bb": is long
p:list[2]: "a": is listed more than once
p:list[3]: is a number and must be a string: put it in quotation marks`
	if err := found.Err("dev"); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// No text of an object with a secret is shown, in any error.
func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const secret = "swordfish"
		at := rapid.SampledFrom([]string{`{"a":"swordfish"}`, `{"a":["swordfish"]}`, `{"a":{"b":"swordfish"}}`, `["swordfish"]`, `{"a":"swordfish`, "swordfish"}).Draw(t, "value")
		s := source("o", at)
		s.SecretKeys = []string{"p:o"}
		var found Problems
		root := s.Root(&found)
		no := func(string) error { return errors.New("is wrong") }
		root.Text("o", "", no)
		inner := root.Section("o")
		inner.Text("a", "", no)
		inner.Set("a", no)
		inner.Section("a").Text("b", "", no)
		inner.Integer("a", 1, 1, 2)
		err := found.Err("dev")
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Fatal(err)
		}
	})
}

func TestUnknownKeys(t *testing.T) {
	t.Parallel()
	var found Problems
	root := source("known", "x", "odd", "y", "empty", "").Root(&found)
	root.Text("known", "")
	root.Close()
	if err := found.Err("dev"); err == nil || err.Error() != "config of stack dev:\np:empty: unknown key; known here are known\np:odd: unknown key" {
		t.Error(err)
	}
}

// A misspelt name gets the right one as a suggestion, and not the whole list.
func TestClosest(t *testing.T) {
	t.Parallel()
	known := []string{"canary", "command", "cpu", "env", "healthCheck", "hostnames", "image", "instanceCount", "memory", "paths", "port", "scaling"}
	for name, want := range map[string]string{
		"healthcheck": "healthCheck", "health_check": "healthCheck", "healtCheck": "healthCheck", "environment": "env", "envs": "env",
		"instances": "instanceCount", "instance": "instanceCount", "count": "instanceCount", "containerPort": "port", "hostname": "hostnames",
		"path": "paths", "mem": "memory", "comand": "command", "CPU": "cpu",
		"bogus": "", "replicas": "", "x": "", "": "", "stickiness": "", strings.Repeat("port", 100): "",
	} {
		if got := closest(name, known); got != want {
			t.Errorf("%q is close to %q, want %q", name, got, want)
		}
	}
}

// The error says what to write, unless the value may be a secret.
func TestInstead(t *testing.T) {
	t.Parallel()
	for secret, want := range map[bool]string{false: `p:a: "Swordfish": is odd; write it as "swordfish"`, true: "p:a: [secret]: is odd"} {
		var found Problems
		found.AddValue("p:a", "Swordfish", secret, oddity{})
		if err := found.Err("dev"); err == nil || !strings.HasSuffix(err.Error(), "\n"+want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

type oddity struct{}

func (oddity) Error() string   { return "is odd" }
func (oddity) Instead() string { return "swordfish" }
