package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/daemon"
	"slipway/localcloud/image"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// certificates is the default source of an image's trusted roots: Debian's place for them.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

func push(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	dockerfile := flags.String("dockerfile", "Dockerfile", "the Dockerfile whose last stage is the image")
	arch := flags.String("arch", runtime.GOARCH, "architecture of the image: amd64 or arm64")
	files := values{certificates: certificates}
	flags.Var(files, "file", "STAGE_PATH=FILE: the file that a COPY --from of STAGE_PATH takes; can be given several times")
	buildArgs := values{}
	flags.Var(buildArgs, "arg", "NAME=VALUE: a build argument; can be given several times")
	if err := parseOne(flags, args); err != nil {
		return err
	}
	reference := flags.Arg(0)
	info, err := daemon.Find(ctx, dir)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(*dockerfile)
	if err != nil {
		return fmt.Errorf("push %s: %w", reference, err)
	}
	img, err := image.Build(image.BuildConfig{
		Dockerfile: text, Args: buildArgs, Files: files, Platform: v1.Platform{OS: "linux", Architecture: *arch},
		Base: func(base string, platform v1.Platform) (v1.Image, error) {
			return image.Base(ctx, info.Registry, ecr.Canonical(base), platform)
		},
	})
	if err != nil {
		return fmt.Errorf("push %s: %w", reference, err)
	}
	if err := image.Push(ctx, img, info.Registry, ecr.Canonical(reference)); err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return fmt.Errorf("push %s: %w", reference, err)
	}
	size, err := unpacked(img)
	if err != nil {
		return fmt.Errorf("push %s: %w", reference, err)
	}
	fmt.Printf("%s %.1f MB\n", digest, float64(size)/1e6)
	return nil
}

// unpacked returns how many bytes the image's layers have when they are not compressed.
func unpacked(img v1.Image) (int64, error) {
	layers, err := img.Layers()
	if err != nil {
		return 0, err
	}
	var size int64
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			return 0, err
		}
		n, err := io.Copy(io.Discard, r)
		if err := errors.Join(err, r.Close()); err != nil {
			return 0, err
		}
		size += n
	}
	return size, nil
}
