package vnet

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"
)

// capture is a watcher of an interface.
type capture struct {
	packets chan captured
	done    chan struct{} // closed when the interface goes
}

type captured struct {
	at  time.Time
	raw []byte
}

// maxCaptured bounds the packets that wait to be written; more are left out.
const maxCaptured = 1024

// Capture writes what the interface sends and is sent to w as a pcap file of IP packets, until ctx ends or the interface goes. It includes
// what the network drops on its way from the interface. Packets that w is too slow for are left out.
func (i *Interface) Capture(ctx context.Context, w io.Writer) error {
	if _, err := w.Write(pcapHeader(i.network.config.MTU)); err != nil {
		return fmt.Errorf("capture packets of interface %s: %w", i.config.Name, err)
	}
	c := &capture{packets: make(chan captured, maxCaptured), done: make(chan struct{})}
	if !i.watch(c) {
		return fmt.Errorf("capture packets of interface %s: %w", i.config.Name, ErrClosed)
	}
	defer i.unwatch(c)
	for {
		select {
		case p := <-c.packets:
			if _, err := w.Write(pcapRecord(p)); err != nil {
				return fmt.Errorf("capture packets of interface %s: %w", i.config.Name, err)
			}
		case <-ctx.Done():
			return nil
		case <-c.done:
			return nil
		}
	}
}

func (i *Interface) observe(raw []byte) {
	watchers := i.watched.Load()
	if watchers == nil {
		return
	}
	for _, c := range *watchers {
		select {
		case c.packets <- captured{time.Now(), slices.Clone(raw)}:
		default:
		}
	}
}

func (i *Interface) watch(c *capture) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.gone.Load() {
		return false
	}
	i.setWatchers(append(i.watchers(), c))
	return true
}

func (i *Interface) unwatch(c *capture) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.setWatchers(slices.DeleteFunc(i.watchers(), func(other *capture) bool { return other == c }))
}

func (i *Interface) endCaptures() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, c := range i.watchers() {
		close(c.done)
	}
	i.setWatchers(nil)
}

func (i *Interface) watchers() []*capture {
	if w := i.watched.Load(); w != nil {
		return slices.Clone(*w)
	}
	return nil
}

func (i *Interface) setWatchers(w []*capture) {
	if len(w) == 0 {
		i.watched.Store(nil)
		return
	}
	i.watched.Store(&w)
}

// pcapHeader begins a file of raw IP packets (draft-ietf-opsawg-pcap, "General File Structure"; LINKTYPE_RAW).
func pcapHeader(snapshot int) []byte {
	const magic, major, minor, raw = 0xa1b2c3d4, 2, 4, 101
	b := binary.LittleEndian.AppendUint32(nil, magic)
	b = binary.LittleEndian.AppendUint16(b, major)
	b = binary.LittleEndian.AppendUint16(b, minor)
	b = append(b, make([]byte, 8)...)
	b = binary.LittleEndian.AppendUint32(b, uint32(snapshot)) //nolint:gosec // an MTU
	return binary.LittleEndian.AppendUint32(b, raw)
}

func pcapRecord(p captured) []byte {
	b := make([]byte, 0, 16+len(p.raw))
	b = binary.LittleEndian.AppendUint32(b, uint32(p.at.Unix()))            //nolint:gosec // the format ends in 2106
	b = binary.LittleEndian.AppendUint32(b, uint32(p.at.Nanosecond()/1000)) //nolint:gosec // below a million
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.raw)))             //nolint:gosec // no more than an MTU
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.raw)))             //nolint:gosec // as above
	return append(b, p.raw...)
}
