package stack

import (
	"encoding/json"
	"fmt"

	"slipway/spec"
)

// imagesOf returns the images in a value of the configuration key "services": those of the services, and those of their before
// containers if they have their own.
func imagesOf(services string) (images, before map[string]spec.Image, err error) {
	var parsed map[string]struct {
		Image  spec.Image `json:"image"`
		Before struct {
			Image spec.Image `json:"image"`
		} `json:"before"`
	}
	if err := json.Unmarshal([]byte(services), &parsed); err != nil {
		return nil, nil, fmt.Errorf("read the images in services: %w", err)
	}
	images, before = make(map[string]spec.Image, len(parsed)), map[string]spec.Image{}
	for name, service := range parsed {
		images[name] = service.Image
		if service.Before.Image != (spec.Image{}) {
			before[name] = service.Before.Image
		}
	}
	return images, before, nil
}
