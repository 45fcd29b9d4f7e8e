package main

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"slipway/internal/confirm"
)

func TestInit(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	account := func(region string) string {
		if region != "eu-west-1" {
			t.Errorf("the account is asked for in %q", region)
		}
		return "123456789012"
	}
	var out strings.Builder
	answers := "europe\neu-west-1\nnot a domain\nexample.com\n\nwww.example.org\n\nhello\n\n"
	b, err := ask(t.Context(), confirm.New(strings.NewReader(answers), &out), account)
	want := beginning{"eu-west-1", "example.com", "hello", "hello.example.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/hello"}
	if err != nil || b != want {
		t.Errorf("%+v, %v\nwant %+v\n%s", b, err, want, &out)
	}
	for _, said := range []string{
		"AWS region [eu-central-1]: ", `"europe" is not the code of a region; one is eu-central-1`, "Its host name [hello.example.com]: ",
		"must have the registry's host",
	} {
		if !strings.Contains(out.String(), said) {
			t.Errorf("it does not say %q:\n%s", said, &out)
		}
	}
	var config struct {
		Config struct {
			Region   string `yaml:"aws:region"`
			Services map[string]struct {
				Image     string
				Hostnames []string
				Build     map[string]string
			} `yaml:"slipway:services"`
		}
	}
	if err := yaml.Unmarshal([]byte(b.config()), &config); err != nil {
		t.Fatal(err)
	}
	s := config.Config.Services["hello"]
	if config.Config.Region != "eu-west-1" || s.Image != want.repository || len(s.Hostnames) != 1 || s.Hostnames[0] != want.hostname || s.Build["context"] != "." {
		t.Errorf("the configuration is\n%s", b.config())
	}

	if _, err := ask(t.Context(), confirm.New(strings.NewReader("eu-west-1\n"), &out), account); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("without answers: %v", err)
	}
}
