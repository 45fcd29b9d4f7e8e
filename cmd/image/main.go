// Command image builds a container image without a container engine, and pushes it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"slipway/internal/cli"
	"slipway/internal/ecr"
	"slipway/internal/image"
)

const usage = `usage: image [flags] REFERENCE

Builds the image of a Dockerfile without a container engine, pushes it as REFERENCE, and prints its digest and its size. Earlier stages may run ` + "`go build`" + `, whose programs are compiled here, and nothing else. The last stage takes their files by COPY --from, or other local files with -file. It logs in to Amazon ECR with the AWS credentials of the environment, and to other registries as ` + "`docker login`" + ` did.

`

func main() {
	cli.Main("image", func(ctx context.Context, args []string) error { return run(ctx, args, os.Stdout, os.Stderr) })
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	source, reference, err := parse(args, stderr)
	if err != nil {
		return err
	}
	registries := image.Registries{Logins: ecr.Of(nil)}
	source.Base = registries.Base(ctx)
	img, err := source.Build(ctx)
	if err != nil {
		return err
	}
	if _, err := registries.Push(ctx, img, reference, nil); err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return fmt.Errorf("push %s: %w", reference, err)
	}
	size, err := image.Unpacked(img)
	if err != nil {
		return fmt.Errorf("push %s: %w", reference, err)
	}
	_, err = fmt.Fprintf(stdout, "%s %.1f MB\n", digest, float64(size)/1e6)
	return err
}

func parse(args []string, stderr io.Writer) (image.Source, string, error) {
	flags := cli.NewFlags("image", usage, stderr)
	source := image.Source{Args: map[string]string{}, Files: map[string]string{}}
	flags.StringVar(&source.Context, "context", ".", "the build context: the `folder` that the Dockerfile copies from")
	flags.StringVar(&source.Dockerfile, "dockerfile", "", "the Dockerfile, a `file`; by default the one in the context")
	arch := flags.String("arch", runtime.GOARCH, "architecture of the image: amd64 or arm64")
	flags.Func("file", "`STAGE_PATH=FILE`: the local file that a COPY --from of STAGE_PATH takes; can be given several times", pairs(source.Files))
	flags.Func("arg", "`NAME=VALUE`: a build argument; can be given several times", pairs(source.Args))
	if err := flags.Parse(args); err != nil {
		return image.Source{}, "", err
	}
	if flags.NArg() != 1 {
		return image.Source{}, "", flags.Refuse("name one image, after the flags")
	}
	if source.Dockerfile == "" {
		source.Dockerfile = filepath.Join(source.Context, "Dockerfile")
	}
	source.Platform = v1.Platform{OS: "linux", Architecture: *arch}
	return source, flags.Arg(0), nil
}

// pairs reads a flag of the form KEY=VALUE that can be given several times.
func pairs(into map[string]string) func(string) error {
	return func(text string) error {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return errors.New("must be of the form KEY=VALUE")
		}
		into[key] = value
		return nil
	}
}
