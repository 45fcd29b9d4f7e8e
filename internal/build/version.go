package build

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// Version is the version of a source in the working tree. Only what Docker takes of the context counts, and the Dockerfile, so a change
// of something else makes no other image.
type Version struct {
	Name   string // of the last commit that changed the source, as git describes it, and of what has changed since
	Commit string
	Time   string // of the commit
}

// unversioned is the version of a source that is in no commit.
var unversioned = Version{Name: "dev", Commit: "unknown", Time: "unknown"}

// VersionOf returns the version of a source in dir, the folder of the build's context.
func VersionOf(ctx context.Context, dir string, b Build) (Version, error) {
	taken, err := takes(dir, b)
	if err != nil {
		return Version{}, err
	}
	repository := git{filepath.Join(dir, b.Context)}
	version, err := repository.lastChange(ctx, taken)
	if err != nil {
		return Version{}, err
	}
	changes, err := repository.changes(ctx, version, taken)
	if err != nil {
		return Version{}, err
	}
	if changes != "" {
		version.Name += "-" + changes
	}
	return version, nil
}

// takes returns which files of the context make the image, by the .dockerignore in the working tree.
func takes(dir string, b Build) (func(file string) bool, error) {
	var patterns []string
	for _, file := range []string{b.Dockerfile + ".dockerignore", ".dockerignore"} {
		text, err := os.Open(filepath.Join(dir, b.Context, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			patterns, err = ignorefile.ReadAll(text)
			_ = text.Close() // only read
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		break
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("read the patterns of .dockerignore in %s: %w", b.Context, err)
	}
	return func(file string) bool {
		left, err := matcher.MatchesOrParentMatches(file)
		return err != nil || !left || file == filepath.ToSlash(b.Dockerfile)
	}, nil
}

// noTag matches what git allows in a tag's name, and a tag of an image does not have.
var noTag = regexp.MustCompile(`[^A-Za-z0-9_.-]`)

// lastChange returns the version of the last commit that changed the source.
func (g git) lastChange(ctx context.Context, taken func(string) bool) (Version, error) {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	const commit = "commit "
	// A merge changes what differs from the branch it was merged into.
	log := exec.CommandContext(ctx, "git", "-c", "core.quotePath=false", "log", "--first-parent", "--diff-merges=first-parent", "--relative",
		"--name-only", "--format="+commit+"%H %cI", "--", ".")
	log.Dir = g.dir
	out, err := log.StdoutPipe()
	if err == nil {
		err = log.Start()
	}
	if err != nil {
		return Version{}, fmt.Errorf("read the history of %s: %w", g.dir, err)
	}
	version, found := unversioned, false
	for lines := bufio.NewScanner(out); !found && lines.Scan(); {
		if head, ok := strings.CutPrefix(lines.Text(), commit); ok {
			version.Commit, version.Time, _ = strings.Cut(head, " ")
			continue
		}
		found = lines.Text() != "" && taken(lines.Text())
	}
	enough()
	_ = log.Wait() // killed, or there is no history
	if !found {
		return unversioned, nil
	}
	described, err := g.run(context.WithoutCancel(ctx), "describe", "--tags", "--always", version.Commit)
	if err != nil {
		return Version{}, err
	}
	version.Name = noTag.ReplaceAllString(strings.TrimSpace(described), "-")
	return version, nil
}

// changes returns a short hash of what has changed in the working tree since the last commit; "" if nothing has.
func (g git) changes(ctx context.Context, since Version, taken func(string) bool) (string, error) {
	if since == unversioned {
		return "", nil
	}
	changed, err := g.run(ctx, "diff", "--name-only", "-z", "--relative", "HEAD", "--", ".")
	if err != nil {
		return "", err
	}
	added, err := g.run(ctx, "ls-files", "-z", "--others", "--exclude-standard", "--", ".")
	if err != nil {
		return "", err
	}
	files := slices.DeleteFunc(strings.Split(changed+added, "\x00"), func(file string) bool { return file == "" || !taken(file) })
	if len(files) == 0 {
		return "", nil
	}
	slices.Sort(files)
	all := sha256.New()
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(g.dir, file))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("read what has changed: %w", err)
		}
		fmt.Fprintf(all, "%q %t %x\n", file, err == nil, sha256.Sum256(content))
	}
	return hex.EncodeToString(all.Sum(nil))[:7], nil
}
