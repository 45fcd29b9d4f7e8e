// Command builds lists the images to build for a stack's services: for those with a build in the stack's configuration file.
//
//	go run ./ci/builds [-json] [-pr] STACK
//
// It prints a line for each service, of words:
//
//	SERVICE SOURCE PLATFORMS CONTEXT DOCKERFILE REPOSITORIES
//
// SOURCE is a hash of the image's source, by which the image is found again. PLATFORMS are those of the service in all committed
// stacks. REPOSITORIES are the repositories that may have the image; it is pushed to the last one: with -pr, one for pull requests, and
// otherwise the one of the service's image. With -json it prints an array for a job's matrix, with an element for each image: services
// with the same build share it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"slipway/internal/cli"
	"slipway/spec"
)

func main() {
	cli.Main("builds", func(ctx context.Context, args []string) error { return run(ctx, args, os.Stdout) })
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := cli.NewFlags("builds", "usage: go run ./ci/builds [-json] [-pr] STACK\n", os.Stderr)
	asJSON := flags.Bool("json", false, "print an array for a job's matrix")
	pullRequest := flags.Bool("pr", false, "push to the repositories of pull requests, pr/NAME")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return flags.Refuse("name one stack")
	}
	images, err := read(ctx, ".", flags.Arg(0), *pullRequest)
	if err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(out).Encode(distinct(images))
	}
	for _, i := range images {
		fmt.Fprintln(out, i.Service, i.Source, i.Platforms, i.Context, i.Dockerfile, i.Repositories)
	}
	return nil
}

// distinct returns the images once each. Services that share one are named together.
func distinct(images []image) []image {
	all := []image{} // [] in JSON, not null
	places := map[image]int{}
	for _, i := range images {
		key := i
		key.Service = ""
		if place, there := places[key]; there {
			all[place].Service += ", " + i.Service
			continue
		}
		places[key] = len(all)
		all = append(all, i)
	}
	return all
}

// image is the source of a service's image, and its repositories.
type image struct {
	Service      string `json:"service"`
	Source       string `json:"source"`
	Platforms    string `json:"platforms"`
	Context      string `json:"context"`
	Dockerfile   string `json:"dockerfile"`
	Repositories string `json:"repositories"`
}

// pullRequestPrefix begins the names of the repositories that bootstrap/ makes for pull requests.
const pullRequestPrefix = "pr/"

// repositories returns the repositories that may have a service's image, from its reference in the stack.
func repositories(reference string, pullRequest bool) (string, error) {
	image, err := spec.ParseImage(reference)
	if err != nil {
		return "", fmt.Errorf("image %q: %w", reference, err)
	}
	if _, inECR := image.ECR(); !inECR {
		return "", fmt.Errorf("image %q is not in Amazon ECR, where images that are built are pushed to: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME", reference)
	}
	repository := image.Registry + "/" + image.Repository
	if pullRequest {
		return repository + "," + image.Registry + "/" + pullRequestPrefix + image.Repository, nil
	}
	return repository, nil
}
