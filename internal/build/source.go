package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// Source returns a hash of everything in the commit HEAD that decides the image: the context's files that Docker takes, the Dockerfile,
// and the platforms. dir is the folder of the build's context. The hash does not cover what a build fetches from elsewhere, such as a
// base image without a digest.
func Source(ctx context.Context, dir string, b Build, platforms string) (string, error) {
	repository := git{dir}
	dockerfile := path.Join(b.Context, b.Dockerfile)
	blob, err := repository.hash(ctx, dockerfile)
	if err != nil {
		return "", err
	}
	if blob == "" {
		return "", fmt.Errorf("there is no %s in the checked-out commit", dockerfile)
	}
	ignored, err := repository.ignored(ctx, b)
	if err != nil {
		return "", err
	}
	// Modes, hashes and paths, as git has them: "100644 blob 0123…\tmain.go".
	listed, err := repository.run(ctx, "ls-tree", "-r", "-z", "--full-tree", object(b.Context))
	if err != nil {
		return "", err
	}

	hash := sha256.New()
	fmt.Fprintf(hash, "slipway source 1\nplatforms %s\ndockerfile %s %s\n", platforms, b.Dockerfile, blob)
	for entry := range strings.SplitSeq(strings.TrimSuffix(listed, "\x00"), "\x00") {
		_, name, _ := strings.Cut(entry, "\t")
		left, err := ignored.MatchesOrParentMatches(name)
		if err != nil {
			return "", fmt.Errorf("apply .dockerignore to %s: %w", name, err)
		}
		if !left {
			fmt.Fprintf(hash, "%q\n", entry)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:40], nil
}

// git runs in a folder.
type git struct{ dir string }

func (g git) run(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", args...) //nolint:gosec // paths were checked, or come from git
	command.Dir = g.dir
	out, err := command.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(exit.Stderr))
	}
	return string(out), err
}

// hash returns the hash of a file of the commit, or nothing if there is no such file.
func (g git) hash(ctx context.Context, path string) (string, error) {
	out, err := g.run(ctx, "rev-parse", "--verify", "--quiet", object(path))
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) == 0 {
		return "", nil // only for this it prints nothing
	}
	return strings.TrimSpace(out), err
}

// object names a file or a folder of the commit, relative to git's working folder ("git help revisions").
func object(path string) string { return "HEAD:./" + strings.TrimPrefix(path, "./") }

// ignored returns the files that Docker leaves out of the context. An ignore file named after the Dockerfile wins over the context's
// .dockerignore ("Build context: filename and location" in Docker's documentation).
func (g git) ignored(ctx context.Context, b Build) (*patternmatcher.PatternMatcher, error) {
	var patterns []string
	for _, file := range []string{b.Dockerfile + ".dockerignore", ".dockerignore"} {
		file = path.Join(b.Context, file)
		hash, err := g.hash(ctx, file)
		if err != nil {
			return nil, err
		}
		if hash == "" {
			continue
		}
		text, err := g.run(ctx, "cat-file", "blob", hash)
		if err != nil {
			return nil, err
		}
		if patterns, err = ignorefile.ReadAll(strings.NewReader(text)); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		break
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("read the patterns of .dockerignore in %s: %w", b.Context, err)
	}
	return matcher, nil
}
