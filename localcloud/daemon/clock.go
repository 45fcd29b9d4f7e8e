package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"slipway/localcloud/pace"

	"github.com/google/renameio/v2"
)

// clock is the cloud's clock, with the file that keeps how far it was turned.
type clock struct {
	*pace.Clock
	file string
}

// openClock returns the clock as the last daemon of the folder left it.
func openClock(dir string) (*clock, error) {
	file := filepath.Join(dir, "clock")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return &clock{pace.NewClock(0), file}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the cloud's clock: %w", err)
	}
	ahead, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("read the cloud's clock: %s: %w", file, err)
	}
	return &clock{pace.NewClock(ahead), file}, nil
}

// turn turns the clock forward, and returns the time that it shows.
func (c *clock) turn(by string) (time.Time, error) {
	if by != "" {
		d, err := time.ParseDuration(strings.TrimPrefix(by, "+"))
		if err != nil {
			return time.Time{}, fmt.Errorf("turn the clock: %q is not a time such as +24h or +90m", by)
		}
		ahead, err := c.Turn(d)
		if err != nil {
			return time.Time{}, err
		}
		const private = 0o600
		if err := renameio.WriteFile(c.file, []byte(ahead.String()+"\n"), private); err != nil {
			return time.Time{}, fmt.Errorf("keep the cloud's clock: %w", err)
		}
	}
	return c.Now(), nil
}
