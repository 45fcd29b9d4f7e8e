package image

import (
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Unpacked returns how many bytes the layers of an image have when they are not compressed.
func Unpacked(img v1.Image) (int64, error) {
	layers, err := img.Layers()
	if err != nil {
		return 0, fmt.Errorf("measure image: %w", err)
	}
	var size int64
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			return 0, fmt.Errorf("measure image: %w", err)
		}
		n, err := io.Copy(io.Discard, r)
		if err := errors.Join(err, r.Close()); err != nil {
			return 0, fmt.Errorf("measure image: %w", err)
		}
		size += n
	}
	return size, nil
}
