package daemon

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// Info describes a running daemon, in a file of its folder that only its user can read.
type Info struct {
	PID int `json:"pid"`
	// Build identifies the binary, so that a daemon older than the command that calls it is noticed.
	Build string `json:"build"`
	// Options are those it was started with.
	Options Options `json:"options"`
	// Control is the address (host:port) of the control API, and Token its token.
	Control string `json:"control"`
	Token   string `json:"token"`
	// Providers are the ports on which the engine reaches each of Pulumi's packages.
	Providers map[string]int `json:"providers"`
	// Registry and DNS are the addresses (host:port) of the image registry and of the name server.
	Registry string `json:"registry"`
	DNS      string `json:"dns"`
	// Proxy is the address (host:port) of the forward proxy, through which clients reach the cloud's hosts by their names.
	Proxy string `json:"proxy"`
	// API is the URL at which clients of AWS reach its APIs. A token is in it.
	API string `json:"api"`
	// CAFile is the certificate of the authority that signed every certificate of the cloud.
	CAFile string `json:"caFile"`
}

func newInfo(o Options, caFile string) (Info, error) {
	build, err := Build()
	return Info{
		PID: os.Getpid(), Build: build, Options: o, Token: rand.Text(), CAFile: caFile, Providers: map[string]int{},
	}, err
}

func infoFile(dir string) string { return filepath.Join(dir, "daemon.json") }

// api returns the address (host:port) and the token of the URL of the APIs, or empty texts.
func (i Info) api() (address, token string) {
	u, err := url.Parse(i.API)
	if err != nil {
		return "", ""
	}
	return u.Host, strings.Trim(u.Path, "/")
}

// ErrNotRunning is the error if a running daemon is needed and there is none.
var ErrNotRunning = errors.New("the local cloud is not running")

// notRunning is ErrNotRunning of a folder.
func notRunning(dir string) error {
	if full, err := filepath.Abs(dir); err == nil {
		dir = full
	}
	return fmt.Errorf("%w: start it with `make up` or `bin/localcloud start`; looked in %s; for another folder use -dir, or %s",
		ErrNotRunning, dir, DirVariable)
}

// DirVariable is the environment variable with the default folder.
const DirVariable = "LOCALCLOUD_DIR"

// Find returns the daemon that runs on the folder, or ErrNotRunning. It does not trust the file but calls the daemon: another process
// may have the id by now.
func Find(ctx context.Context, dir string) (Info, error) {
	info, err := Last(dir)
	if err != nil {
		return Info{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if (Client{Info: info}).ping(ctx) != nil {
		return Info{}, notRunning(dir)
	}
	return info, nil
}

// answerTimeout is how long a daemon may take to answer.
const answerTimeout = 2 * time.Second

// Last returns the Info of the folder's last daemon, running or not; ErrNotRunning if there was none.
func Last(dir string) (Info, error) {
	raw, err := os.ReadFile(infoFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return Info{}, notRunning(dir)
	}
	if err != nil {
		return Info{}, fmt.Errorf("find the local cloud: %w", err)
	}
	var info Info
	if err := json.Unmarshal(raw, &info); err != nil {
		return Info{}, fmt.Errorf("find the local cloud: read %s: %w; `localcloud reset` starts afresh", infoFile(dir), err)
	}
	return info, nil
}

// replaced reports whether the folder no longer belongs to this daemon: it was deleted, and another daemon may use it.
func replaced(dir, token string) bool {
	info, err := Last(dir)
	return errors.Is(err, ErrNotRunning) || err == nil && info.Token != token
}

func writeInfo(dir string, info Info) error {
	raw, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return fmt.Errorf("write daemon info: %w", err)
	}
	if err := renameio.WriteFile(infoFile(dir), append(raw, '\n'), 0o600, renameio.WithTempDir(dir)); err != nil {
		return fmt.Errorf("write daemon info: %w", err)
	}
	return nil
}

// Build identifies this binary by its contents: `go build` gives an unchanged one a new time.
func Build() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("identify this binary: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("identify this binary: %w", err)
	}
	defer func() { _ = f.Close() }()
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	size, err := io.Copy(sum, f)
	if err != nil {
		return "", fmt.Errorf("identify this binary: %w", err)
	}
	return fmt.Sprintf("%d-%08x", size, sum.Sum32()), nil
}
