// Command builds lists the images that the services of a stack are built into: of those with a build in the stack's
// configuration file.
//
//	go run ./ci/builds [-json] [-pr] STACK
//
// It prints a line for each service, of words:
//
//	SERVICE SOURCE PLATFORMS CONTEXT DOCKERFILE REPOSITORIES
//
// SOURCE is a hash of what the image is built from, by which it is found again. PLATFORMS are what any of the committed stacks
// runs the service on. REPOSITORIES are where the image may be, and the last of them is where it is pushed to: with -pr, one of
// the pull requests' own, and without, the one of the service's image. With -json it prints an array for a job's matrix, with
// an element for each image: services that are built alike share it.
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
	all := []image{} // which is [] in JSON, not null
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

// image is what a service's image is built from, and where it is.
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

// repositories returns where the image of a service may be, by the reference that its stack has.
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
