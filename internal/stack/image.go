package stack

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// Image is a reference to a container image. It is the plain half of the program's own components.Image, which checks
// references: those here are from the outputs or the history of an update, which did. Importing that package would link the
// whole AWS SDK into small programs.
type Image struct {
	Repository string // with its registry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/hello
	Tag        string // may be empty
	Digest     string // sha256:…; empty if the image is given by its tag
}

// ParseImage splits an image reference into its parts.
func ParseImage(reference string) (Image, error) {
	var image Image
	image.Repository, image.Digest, _ = strings.Cut(reference, "@")
	// A colon after the last slash begins a tag; one before it belongs to the registry's port.
	if colon := strings.LastIndex(image.Repository, ":"); colon > strings.LastIndex(image.Repository, "/") {
		image.Repository, image.Tag = image.Repository[:colon], image.Repository[colon+1:]
	}
	if image.Repository == "" || strings.ContainsFunc(reference, unprintable) || image.Digest != "" && !strings.HasPrefix(image.Digest, "sha256:") {
		return Image{}, fmt.Errorf("%q is not an image reference", reference)
	}
	return image, nil
}

// unprintable says whether a character is none of a reference's. References are shown on terminals.
func unprintable(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }

// String returns the reference as registries' clients take it.
func (i Image) String() string {
	s := i.Repository
	if i.Tag != "" {
		s += ":" + i.Tag
	}
	if i.Digest != "" {
		s += "@" + i.Digest
	}
	return s
}

// MarshalText returns the reference.
func (i Image) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText parses a reference.
func (i *Image) UnmarshalText(text []byte) (err error) {
	*i, err = ParseImage(string(text))
	return err
}

// imagesOf returns the images in a value of the configuration key "services": those of the services, and those of what runs
// before them where it has an image of its own.
func imagesOf(services string) (images, before map[string]Image, err error) {
	var parsed map[string]struct {
		Image  Image `json:"image"`
		Before struct {
			Image Image `json:"image"`
		} `json:"before"`
	}
	if err := json.Unmarshal([]byte(services), &parsed); err != nil {
		return nil, nil, fmt.Errorf("read the images in services: %w", err)
	}
	images, before = make(map[string]Image, len(parsed)), map[string]Image{}
	for name, service := range parsed {
		images[name] = service.Image
		if service.Before.Image != (Image{}) {
			before[name] = service.Before.Image
		}
	}
	return images, before, nil
}
