package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/config"
	"slipway/config/configtest"
	"slipway/spec"
)

// The components refuse in Go what the config refuses, in the same words.
func TestConfigAndComponentsRefuseTheSame(t *testing.T) {
	t.Parallel()
	for want, test := range map[string]struct {
		members string
		change  func(*FargateServiceArgs)
	}{
		"healthCheck.interval: 4: must be from 5 to 300":     {`"healthCheck": {"interval": 4}`, func(a *FargateServiceArgs) { a.HTTP.HealthCheck.Interval = 4 }},
		"healthCheck.timeout: is 5 seconds: must be sho":     {`"healthCheck": {"timeout": 5}`, func(a *FargateServiceArgs) { a.HTTP.HealthCheck.Timeout = 5 }},
		"healthCheck: 2 failures every 300 seconds take":     {`"healthCheck": {"interval": 300}`, func(a *FargateServiceArgs) { a.HTTP.HealthCheck.Interval = 300 }},
		"port: 70000: must be from 1 to 65535":               {`"port": 70000`, func(a *FargateServiceArgs) { a.HTTP.Port = 70_000 }},
		"cpu: no Fargate task has 300 CPU units":             {`"cpu": 300`, func(a *FargateServiceArgs) { a.Size.CPU = 300 }},
		"memory: no Fargate task of 256 CPU units has 6":     {`"memory": 600`, func(a *FargateServiceArgs) { a.Size.Memory = 600 }},
		`architecture: "x86": must be amd64 or arm64`:        {`"architecture": "x86"`, func(a *FargateServiceArgs) { a.Size.Architecture = "x86" }},
		"instanceCount: 5001: must be from 0 to 5000":        {`"instanceCount": 5001`, func(a *FargateServiceArgs) { a.Count = count(5001) }},
		"stopTimeout: is 9: the container keeps serving for": {`"stopTimeout": 9`, func(a *FargateServiceArgs) { a.Drain.StopTimeout = 9 }},
		"capacity: fargate and fargateSpot both have we":     {`"capacity": {"fargate": {"base": 1}}`, func(a *FargateServiceArgs) { a.Capacity = spec.Capacity{Fargate: spec.Share{Base: 1}} }},
		"scaling.cpu: 101: must be from 1 to 100":            {`"scaling": {"max": 2, "cpu": 101}`, func(a *FargateServiceArgs) { a.Scaling = &spec.Scaling{Max: 2, CPU: 101} }},
		`deployment.strategy: "slow": must be rolling, `:     {`"deployment": {"strategy": "slow"}`, func(a *FargateServiceArgs) { a.Deployment.Strategy = "slow" }},
		"env.PORT: is set from the port; change that in":     {`"env": {"PORT": "1"}`, func(a *FargateServiceArgs) { a.Access.Environment = pulumi.StringMap{"PORT": pulumi.String("1")} }},
		"env.AWS_SECRET_ACCESS_KEY: is a credential; gi": {`"env": {"AWS_SECRET_ACCESS_KEY": "a"}`, func(a *FargateServiceArgs) {
			a.Environment = map[string]string{"AWS_SECRET_ACCESS_KEY": "a"}
		}},
		"secretsFrom.A: must be the ARN of a parameter": {`"secretsFrom": {"A": "flag"}`, func(a *FargateServiceArgs) {
			a.SecretsFrom = map[string]spec.SecretReference{"A": "flag"}
		}},
		`reaches[0].securityGroupId: "db": must be the `: {`"reaches": [{"securityGroupId": "db", "port": 5432}]`, func(a *FargateServiceArgs) {
			a.Reaches = []spec.Reach{{SecurityGroupID: "db", Port: 5432}}
		}},
		"before.command: is missing; it is a list: the ": {`"before": {"image": "` + configtest.Image + `"}`, func(a *FargateServiceArgs) { a.Before = &spec.Before{} }},
	} {
		_, err := config.Read(configtest.Source(configtest.Service(test.members)))
		if err == nil || !strings.Contains(err.Error(), "slipway:services.hello."+want) {
			t.Errorf("the config: %v, want %q", err, want)
		}
		var cloud mocks.Cloud
		if err := cloud.Run(fargateService(test.change)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the component: %v, want %q", err, want)
		}
		cloud.Expect(t, "")
	}
}

// A job that runs a service's image is refused in Go what it is refused in the config: what it has of the service.
func TestConfigAndComponentsRefuseTheSameOfAServicesJob(t *testing.T) {
	t.Parallel()
	const ofService = ": is for a job with an image of its own; this one has its service's"
	image, err := spec.ParseImage(configtest.Image)
	if err != nil {
		t.Fatal(err)
	}
	for want, test := range map[string]struct {
		members string
		change  func(*FargateJobArgs)
	}{
		"image" + ofService:        {`"image": "` + configtest.Image + `"`, func(a *FargateJobArgs) { a.Image = image }},
		"architecture" + ofService: {`"architecture": "arm64"`, func(a *FargateJobArgs) { a.Size.Architecture = "arm64" }},
		"secretsFrom" + ofService: {`"secretsFrom": {"A": "arn:aws:ssm:eu-central-1:123456789012:parameter/a"}`, func(a *FargateJobArgs) {
			a.SecretsFrom = map[string]spec.SecretReference{"A": "arn:aws:ssm:eu-central-1:123456789012:parameter/a"}
		}},
		"policies" + ofService: {`"policies": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]`, func(a *FargateJobArgs) {
			a.Policies = []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}
		}},
		"allow" + ofService: {`"allow": [{"actions": ["s3:GetObject"], "resources": ["*"]}]`, func(a *FargateJobArgs) {
			a.Allow = []spec.Permission{{Actions: []string{"s3:GetObject"}, Resources: []string{"*"}}}
		}},
		"reaches" + ofService: {`"reaches": [{"securityGroupId": "sg-0123456789abcdef0", "port": 5432}]`, func(a *FargateJobArgs) {
			a.Reaches = []spec.Reach{{SecurityGroupID: "sg-0123456789abcdef0", Port: 5432}}
		}},
		"tmp" + ofService: {`"tmp": {"/tmp": 1}`, func(a *FargateJobArgs) { a.Room.Tmp = map[string]int{"/tmp": 1} }},
		"volumes" + ofService: {`"volumes": {"/data": {"fileSystemId": "fs-0123456789abcdef0", "accessPointId": "fsap-0123456789abcdef0"}}`, func(a *FargateJobArgs) {
			a.Room.Volumes = map[string]spec.Volume{"/data": {FileSystemID: "fs-0123456789abcdef0", AccessPointID: "fsap-0123456789abcdef0"}}
		}},
		"storage" + ofService:                         {`"storage": 40`, func(a *FargateJobArgs) { a.Room.Storage = 40 }},
		"ulimits" + ofService:                         {`"ulimits": {"nofile": 1024}`, func(a *FargateJobArgs) { a.Room.OpenFiles = 1024 }},
		"secrets" + ofService:                         {`"secrets": {}`, func(a *FargateJobArgs) { a.Access.Secrets = pulumi.StringMap{"A": pulumi.String("b")} }},
		"registry" + ofService:                        {`"registry": {}`, func(a *FargateJobArgs) { a.Access.Registry = &RegistryCredentials{} }},
		"env.KEY: is among the secrets of service he": {`"env": {"KEY": "a"}`, func(a *FargateJobArgs) { a.Environment = map[string]string{"KEY": "a"} }},
	} {
		_, err := config.Read(configtest.Encrypted(configtest.Source(configtest.Service(`"secrets": {"KEY": "swordfish"}`), "jobs", `{"purge": {"service": "hello", `+test.members+`}}`)))
		if err == nil || !strings.Contains(err.Error(), "slipway:jobs.purge."+want) {
			t.Errorf("the config: %v, want %q", err, want)
		}
		if err := runJobOf(test.change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the component: %v, want %q", err, want)
		}
	}
	// What only Go can say.
	for want, change := range map[string]func(*FargateJobArgs){
		"in" + ofService:                  func(a *FargateJobArgs) { a.In.PublicIP = true },
		"env" + ofService:                 func(a *FargateJobArgs) { a.Access.Environment = pulumi.StringMap{"A": pulumi.String("b")} },
		"permissionsBoundary" + ofService: func(a *FargateJobArgs) { a.Access.Boundary = pulumi.String("arn:aws:iam::123456789012:policy/b") },
		`service: "web": is not the service in Of, which is hello`: func(a *FargateJobArgs) { a.Service = "web" },
		"is the name of service hello or of its canary":            func(a *FargateJobArgs) { a.Name = "hello" },
	} {
		if err := runJobOf(change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the component: %v, want %q", err, want)
		}
	}
	if err := runJobOf(func(a *FargateJobArgs) { a.Service = "hello" }); err != nil {
		t.Errorf("a job of the service: %v", err)
	}
}

// runJobOf runs a program with a job that runs the image of service hello, which has a secret.
func runJobOf(change func(*FargateJobArgs)) error {
	return new(mocks.Cloud).Run(fargateService(func(a *FargateServiceArgs) {
		a.Access.Secrets = pulumi.StringMap{"KEY": pulumi.String("swordfish")}
		job := FargateJobArgs{Job: spec.Job{Name: "purge"}}
		change(&job)
		a.Jobs = map[string]FargateJobArgs{"dev-purge": job}
	}))
}

// The config has tags and the boundary for the stack, and Go for each component.
func TestConfigAndComponentsRefuseTheSameOfAStack(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:iam::123456789012:role/no-policy"
	for want, test := range map[string]struct {
		key, value string
		change     func(*FargateServiceArgs)
	}{
		"tags.aws:Team: keys that begin with aws: are res":   {"tags", `{"aws:Team": "web"}`, func(a *FargateServiceArgs) { a.Tags = Tags{"aws:Team": "web"} }},
		"tags.name: is set by the program as Name, and IA":   {"tags", `{"name": "web"}`, func(a *FargateServiceArgs) { a.Tags = Tags{"name": "web"} }},
		"tags.SERVICE: is set by the program as Service, ":   {"tags", `{"SERVICE": "web"}`, func(a *FargateServiceArgs) { a.Tags = Tags{"SERVICE": "web"} }},
		"tags.team: is the same key as Team to IAM, which":   {"tags", `{"Team": "a", "team": "b"}`, func(a *FargateServiceArgs) { a.Tags = Tags{"Team": "a", "team": "b"} }},
		"permissionsBoundary: \"" + arn + "\": must be the ": {"permissionsBoundary", arn, func(a *FargateServiceArgs) { a.Access.Boundary = pulumi.String(arn) }},
	} {
		_, err := config.Read(configtest.Source(configtest.Service(""), test.key, test.value))
		if err == nil || !strings.Contains(err.Error(), "slipway:"+want) {
			t.Errorf("the config: %v, want %q", err, want)
		}
		var cloud mocks.Cloud
		if err := cloud.Run(fargateService(test.change)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the component: %v, want %q", err, want)
		}
		cloud.Expect(t, "")
	}
}

// Every component refuses tags that AWS would refuse.
func TestEveryComponentChecksItsTags(t *testing.T) {
	t.Parallel()
	wrong := Tags{"aws:Team": "web"}
	for name, create := range map[string]func(ctx *pulumi.Context) error{
		"network": func(ctx *pulumi.Context) error {
			_, err := NewNetwork(ctx, "dev", &NetworkArgs{Tags: wrong})
			return err
		},
		"cluster": func(ctx *pulumi.Context) error {
			_, err := NewCluster(ctx, "dev", &ClusterArgs{Region: "eu-central-1", Tags: wrong})
			return err
		},
		"load balancer": func(ctx *pulumi.Context) error {
			_, err := NewLoadBalancer(ctx, "dev", &LoadBalancerArgs{Tags: wrong})
			return err
		},
		"routes": func(ctx *pulumi.Context) error {
			_, err := NewRoutes(ctx, "dev", &RoutesArgs{ListenerARN: pulumi.String("arn"), Tags: wrong})
			return err
		},
		"certificate": func(ctx *pulumi.Context) error {
			_, err := NewCertificate(ctx, "dev", &CertificateArgs{
				ZoneID: pulumi.String("zone"), Zone: "example.com", Hostnames: []string{"hello.example.com"}, Tags: wrong,
			})
			return err
		},
	} {
		var cloud mocks.Cloud
		if err := cloud.Run(create); err == nil || !strings.Contains(err.Error(), "tags.aws:Team: keys that begin with aws:") {
			t.Errorf("%s: %v", name, err)
		}
		cloud.Expect(t, "")
	}
}
