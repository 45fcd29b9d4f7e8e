package components

import (
	"strings"
	"testing"

	"slipway/components/mocks"
	"slipway/spec"
)

// A container writes to memory and to file systems, encrypted on their way and as the tasks' role, and to nothing else.
func TestRoom(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
		files := spec.Volume{FileSystemID: "fs-0123456789abcdef0", AccessPointID: "fsap-0123456789abcdef0"}
		args.Room = spec.Room{Tmp: map[string]int{"/tmp": 64, "/run": 1}, Volumes: map[string]spec.Volume{"/data": files, "/more": files}, Storage: 40, OpenFiles: 100_000}
	})); err != nil {
		t.Fatal(err)
	}
	definitions := cloud.Resource(taskDefinitionType, "dev-hello").Inputs["containerDefinitions"].StringValue()
	const volume = "fs-0123456789abcdef0-fsap-0123456789abcdef0"
	for _, want := range []string{
		`"mountPoints":[{"sourceVolume":"` + volume + `","containerPath":"/data","readOnly":false},{"sourceVolume":"` + volume + `","containerPath":"/more","readOnly":false}],` +
			`"ulimits":[{"name":"nofile","softLimit":100000,"hardLimit":100000}],"user":"65532:65532","readonlyRootFilesystem":true,` +
			`"linuxParameters":{"initProcessEnabled":true,"tmpfs":[{"containerPath":"/run","size":1},{"containerPath":"/tmp","size":64}]},`,
	} {
		if !strings.Contains(definitions, want) {
			t.Errorf("the container is %s\nwant %s", definitions, want)
		}
	}
	for _, want := range []string{
		`"ephemeralStorage":{"sizeInGib":40}`,
		`"volumes":[{"efsVolumeConfiguration":{"authorizationConfig":{"accessPointId":"fsap-0123456789abcdef0","iam":"ENABLED"},` +
			`"fileSystemId":"fs-0123456789abcdef0","transitEncryption":"ENABLED"},"name":"` + volume + `"}]`,
	} {
		if !strings.Contains(cloud.Listing(), want) {
			t.Errorf("the task definition lacks %s:\n%s", want, cloud.Listing())
		}
	}
	policies := cloud.Listing()
	const want = `{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"MountVolume\",\"Effect\":\"Allow\",\"Action\":[\"elasticfilesystem:ClientMount\",\"elasticfilesystem:ClientWrite\"],` +
		`\"Resource\":[\"arn:*:elasticfilesystem:eu-central-1:*:file-system/fs-0123456789abcdef0\"],` +
		`\"Condition\":{\"StringLike\":{\"elasticfilesystem:AccessPointArn\":[\"arn:*:elasticfilesystem:eu-central-1:*:access-point/fsap-0123456789abcdef0\"]}}}]}`
	if n := strings.Count(policies, want); n != 1 {
		t.Errorf("%d policies let the tasks mount the file system: %s", n, policies)
	}
}

// The service is told what to re-read, and its tasks may.
func TestWatch(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(worker(func(args *FargateServiceArgs) { args.Watch = map[string]int{"/app/web": 30, "/app/all": 300} }))); err != nil {
		t.Fatal(err)
	}
	definitions := cloud.Resource(taskDefinitionType, "dev-hello").Inputs["containerDefinitions"].StringValue()
	if want := `{"name":"WATCH_PARAMETERS","value":"/app/all=5m0s,/app/web=30s"}`; !strings.Contains(definitions, want) {
		t.Errorf("the container is %s\nwant %s", definitions, want)
	}
	for _, path := range []string{"/app/web", "/app/all"} {
		want := `\"Action\":[\"ssm:GetParameter\",\"ssm:GetParameters\",\"ssm:GetParametersByPath\"],\"Resource\":[\"arn:*:ssm:eu-central-1:*:parameter` + path +
			`\",\"arn:*:ssm:eu-central-1:*:parameter` + path + `/*\"]`
		if !strings.Contains(cloud.Listing(), want) {
			t.Errorf("no policy has %s", want)
		}
	}
}
