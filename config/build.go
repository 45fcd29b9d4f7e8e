package config

import "slipway/internal/build"

// readBuild checks what the workflows build a service's image from (ci/builds). To the program an image is where its reference
// says, whoever built it.
func (r serviceReader) readBuild() {
	o := r.Section("build")
	defer o.Close()
	o.Text("context", build.DefaultContext, build.CheckPath)
	o.Text("dockerfile", build.DefaultDockerfile, build.CheckPath)
}
