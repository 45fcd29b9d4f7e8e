package main

import "testing"

func TestIsVersion(t *testing.T) {
	for said, want := range map[string]bool{
		`{"version":"v1","hostname":"a"}`: true,
		`{"version":""}`:                  false,
		`{"hostname":"a"}`:                false,
		`<html>`:                          false,
		"":                                false,
		`["v1"]`:                          false,
		"{\n\"version\":\"v1\"}":          false,
	} {
		if got := isVersion(said); got != want {
			t.Errorf("%q: %t", said, got)
		}
	}
}
