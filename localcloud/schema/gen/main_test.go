package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestSchemaIsUpToDate(t *testing.T) {
	tokens, err := readTokens("../tokens.txt")
	if err != nil {
		t.Fatal(err)
	}
	want, err := generate("..", tokens)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("schema.json does not match tokens.txt and the SDKs that go.mod pins: run go generate ./schema")
	}
}

func TestWrongTokensAreAllNamed(t *testing.T) {
	wrong := []string{"aws:ec2/vpc:Vcp", "aws:ec2/vcp:Vcp", "gcp:compute/network:Network", "aws:ec2:Vpc:more"}
	_, err := generate("..", wrong)
	if err == nil {
		t.Fatal("wrong tokens were described")
	}
	for _, token := range wrong {
		if !strings.Contains(err.Error(), token) {
			t.Errorf("%q does not name %s", err, token)
		}
	}
}
