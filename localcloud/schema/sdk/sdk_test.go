package sdk

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The types that a folder's resources share are parsed once: they are some megabytes for some services.
func TestSharedTypesAreParsedOnce(t *testing.T) {
	t.Parallel()
	sources, err := Locate("..")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "ecr"), os.DirFS(filepath.Join(sources.Folders["aws"], "ecr"))); err != nil {
		t.Fatal(err)
	}
	sources.Folders["aws"] = root
	if _, err := sources.Describe("aws:ecr/repository:Repository"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "ecr", "pulumiTypes.go")); err != nil {
		t.Fatal(err)
	}
	if _, err := sources.Describe("aws:ecr/replicationConfiguration:ReplicationConfiguration"); err != nil {
		t.Errorf("another resource of the folder: %v", err)
	}
}

func TestWrongTokensAreAllNamed(t *testing.T) {
	t.Parallel()
	wrong := []string{"aws:ec2/vpc:Vcp", "aws:ec2/vcp:Vcp", "gcp:compute/network:Network", "aws:ec2:Vpc:more"}
	sources, err := Locate("..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = sources.Describe(wrong...); err == nil {
		t.Fatal("wrong tokens were described")
	}
	for _, token := range wrong {
		if !strings.Contains(err.Error(), token) {
			t.Errorf("%q does not name %s", err, token)
		}
	}
}
