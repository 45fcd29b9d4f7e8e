package main

import (
	"bytes"
	"os"
	"testing"
)

func TestSchemaIsUpToDate(t *testing.T) {
	t.Parallel()
	want, err := generate("..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("schema.json does not match tokens.txt and the SDKs that go.mod requires: run go generate ./schema")
	}
}
