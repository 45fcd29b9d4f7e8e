package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"slipway/internal/build"
)

const registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"

func TestOrders(t *testing.T) {
	t.Parallel()
	here := &build.Build{Context: ".", Dockerfile: "Dockerfile"}
	services := map[string]build.Service{
		"digest":  {Image: registry + "/a:1@sha256:" + strings.Repeat("0", 64), Build: here},
		"first":   {Image: registry + "/b", Build: here, Architecture: "arm64"},
		"port":    {Image: "localhost:5000/team/c", Build: here},
		"tag":     {Image: registry + "/d:1", Build: here},
		"foreign": {Image: "nginx:1"},
	}
	type want struct {
		repository, platform string
		byTag                bool
	}
	wants := map[string]want{
		"digest": {registry + "/a", "linux/amd64", false},
		"first":  {registry + "/b", "linux/arm64", false},
		"port":   {"localhost:5000/team/c", "linux/amd64", false},
		"tag":    {registry + "/d", "linux/amd64", true},
	}
	orders, err := ordersOf("dev", nil, services, "")
	if err != nil || len(orders) != len(wants) {
		t.Fatalf("%+v, %v", orders, err)
	}
	for _, o := range orders {
		if got := (want{o.repository(), o.platform.String(), o.byTag()}); got != wants[o.service] {
			t.Errorf("service %s is %+v, want %+v", o.service, got, wants[o.service])
		}
	}
	orders, err = ordersOf("dev", []string{"tag", "first", "tag"}, services, "arm64")
	if err != nil || len(orders) != 2 || orders[0].service != "first" || orders[1].platform.Architecture != "arm64" {
		t.Errorf("two of them: %+v, %v", orders, err)
	}
}

func TestOrdersRefused(t *testing.T) {
	t.Parallel()
	here := &build.Build{Context: ".", Dockerfile: "Dockerfile"}
	for name, test := range map[string]struct {
		asked    []string
		services map[string]build.Service
		want     string
	}{
		"nothing to build":  {nil, map[string]build.Service{"web": {Image: "nginx:1"}}, "no service of stack dev has a build; say where"},
		"no such service":   {[]string{"api"}, map[string]build.Service{"web": {}}, "no service api; it has: web"},
		"one without":       {[]string{"web"}, map[string]build.Service{"web": {Image: "nginx:1"}}, "service web has no build"},
		"not a name":        {nil, map[string]build.Service{"Web": {Image: "nginx:1", Build: here}}, `service "Web": `},
		"an architecture":   {nil, map[string]build.Service{"web": {Image: "nginx:1", Build: here, Architecture: "mips"}}, "service web: architecture must be"},
		"no image":          {nil, map[string]build.Service{"web": {Build: here}}, `service web: image "":`},
		"a bad image":       {nil, map[string]build.Service{"web": {Image: "r/Web@sha256:1", Build: here}}, "64 hexadecimal digits"},
		"all that is wrong": {[]string{"a", "b"}, map[string]build.Service{"web": {}}, "no service b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if orders, err := ordersOf("dev", test.asked, test.services, ""); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%+v, %v; want an error with %q", orders, err, test.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-yes", "-version", "2", "dev", "web", "api"}, io.Discard)
	if err != nil || !o.yes || o.version != "2" || o.stack != "dev" || !slices.Equal(o.services, []string{"web", "api"}) {
		t.Errorf("%+v, %v", o, err)
	}
	for _, args := range [][]string{nil, {"-yes"}, {"-yes", "-preview", "dev"}, {"dev", "-yes"}, {"-no", "dev"}} {
		if o, err := parse(args, io.Discard); err == nil {
			t.Errorf("%q is %+v", args, o)
		}
	}
}
