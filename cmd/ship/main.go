// Command ship takes services from their source to a running stack.
package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"slipway/internal/cli"
	"slipway/internal/confirm"
	"slipway/internal/ecr"
	"slipway/internal/image"
	"slipway/internal/smoke"
	"slipway/internal/stack"
)

const usage = `usage: ship [flags] STACK [SERVICE…]
       ship -init STACK

Builds the images of STACK's services from their source, pushes them, updates the stack, and checks that the services answer with the new versions: the named services, or all with a build in the stack's configuration. It asks before it changes the stack. Images are built without a container engine: of a Dockerfile's earlier stages it runs only ` + "`go build`" + `. The same source makes the same image, and then nothing is deployed.

With -init, it asks for what a first stack needs, writes its configuration, and makes the stack.

If the configuration names a service's image by a tag alone, that tag gets the image. Otherwise the configuration gets its digest.

`

func main() {
	cli.Main("ship", func(ctx context.Context, args []string) error { return run(ctx, args, os.Stdout, os.Stderr) })
}

// options are those of the command line.
type options struct {
	stack, dir   string
	services     []string
	architecture string
	version      string
	yes, preview bool
	init         bool
	wait         time.Duration
}

func parse(args []string, stderr io.Writer) (options, error) {
	flags := cli.NewFlags("ship", usage, stderr)
	var o options
	flags.BoolVar(&o.yes, "yes", false, "do not ask, as CI needs it")
	flags.BoolVar(&o.preview, "preview", false, "build and push, show the change, and do not make it")
	flags.BoolVar(&o.init, "init", false, "make a first stack")
	flags.StringVar(&o.architecture, "arch", "", "build for this `architecture`, amd64 or arm64; by default each service's own")
	flags.StringVar(&o.version, "version", "", "the `version` of the images; by default that of the last commit that changed the source")
	flags.DurationVar(&o.wait, "wait", time.Minute, "how long the updated services may take to pass their smoke test")
	flags.StringVar(&o.dir, "C", ".", "the Pulumi project's `folder`, in which contexts of builds are")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() == 0:
		return o, flags.Refuse("name a stack")
	case o.init && (o.yes || o.preview || flags.NArg() > 1):
		return o, flags.Refuse("-init takes the name of the new stack, and nothing else")
	case o.yes && o.preview:
		return o, flags.Refuse("-preview changes nothing, so there is nothing to say yes to")
	}
	for _, name := range flags.Args() {
		if strings.HasPrefix(name, "-") {
			return o, flags.Refuse(name + ": flags go first, before the names")
		}
	}
	o.stack, o.services = flags.Arg(0), flags.Args()[1:]
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if o.init {
		return initialise(ctx, o, confirm.New(os.Stdin, stdout), stdout)
	}
	confirmed, err := confirm.Unless(o.yes || o.preview)
	if err != nil {
		return err
	}
	opened, err := stack.Open(ctx, o.dir, o.stack)
	if err != nil {
		return err
	}
	aws, err := opened.AWS()
	if err != nil {
		return err
	}
	logins := ecr.Of(aws)
	s := &shipment{
		options: o, project: opened.Project().Dir(), aws: aws, repositories: logins, registries: image.Registries{Logins: logins},
		smoke: smoke.Run, confirm: confirmed, out: stdout, file: filepath.Base(opened.ConfigFile()),
	}
	return s.ship(ctx, opened)
}
