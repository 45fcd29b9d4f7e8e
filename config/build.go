package config

import "slipway/internal/build"

// readBuild checks the settings from which the workflows build a service's image (ci/builds). The program only uses the image's
// reference.
func (r serviceReader) readBuild() {
	o := r.Section("build")
	defer o.Close()
	o.Text("context", build.DefaultContext, build.CheckPath)
	o.Text("dockerfile", build.DefaultDockerfile, build.CheckPath)
}
