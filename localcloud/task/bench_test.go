package task

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// BenchmarkTask is the time from the start of a task to its end, of a program that does nothing, the image being there.
func BenchmarkTask(b *testing.B) {
	r, err := NewRunner(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	spec := Spec{ID: "task", Containers: []Container{{
		Name: "main", Essential: true, Image: app(b, v1.Config{}), Command: []string{"env"}, ReadonlyRootFilesystem: true,
	}}}
	for b.Loop() {
		task, err := r.Start(spec)
		if err != nil {
			b.Fatal(err)
		}
		<-task.Done()
	}
}
