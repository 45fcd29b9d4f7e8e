package config

import (
	"slipway/internal/build"
	"slipway/internal/settings"
)

// readBuild checks the settings from which the workflows build an image (ci/builds). The program only uses the image's
// reference.
func readBuild(r *settings.Object) {
	o := r.Section("build")
	defer o.Close()
	o.Text("context", build.DefaultContext, build.CheckPath)
	o.Text("dockerfile", build.DefaultDockerfile, build.CheckPath)
}
