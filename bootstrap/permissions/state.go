package permissions

// WriteState returns the policy that allows an update with its state in the bucket, which also has Pulumi's lock and the stack's
// history. It does not reach overwritten or deleted versions.
func WriteState(bucketARN string) Document {
	return state(bucketARN, Statement{
		Sid: "WriteState", Effect: allow, Action: []string{"s3:DeleteObject", "s3:GetObject", "s3:PutObject"},
	})
}

// ReadState returns the policy that allows a preview, or a refresh that changes nothing, with its state in the bucket. Neither
// takes a lock.
func ReadState(bucketARN string) Document {
	return state(bucketARN, Statement{Sid: "ReadState", Effect: allow, Action: []string{"s3:GetObject"}})
}

func state(bucketARN string, objects Statement) Document {
	objects.Resource = []string{bucketARN + "/*"}
	return Document{
		{Sid: "ListState", Effect: allow, Action: []string{"s3:ListBucket"}, Resource: []string{bucketARN}},
		objects,
	}
}

// The keys of a stack's state in a bucket are in backend/diy of github.com/pulumi/pulumi/pkg/v3 (v3.250): store.go, state.go,
// stack_tags.go, lock.go and meta.go. Another stack has nothing under these keys, unless its name is that of a file, such as dev.json.

// layout is the version of the layout, and the CLI works on no stack without it. The bucket has one for all stacks, and anyone who can
// write it can make every stack disappear. The first login writes it, and must come from the bucket's own account.
const layout = ".pulumi/meta.yaml"

// stackKeys returns patterns for Pulumi's keys of a project's stacks. A "*" at the end of a name stands for the rest.
func stackKeys(project string, stacks []string) []string {
	var keys []string
	for _, stack := range stacks {
		path := project + "/" + stack
		keys = append(keys,
			".pulumi/stacks/"+path+".json",   // the checkpoint; the one before it (.bak) and compressed ones (.gz, .zst) are
			".pulumi/stacks/"+path+".json.*", // beside it
			".pulumi/stacks/"+path+".pulumi-tags",
			".pulumi/history/"+path+"/*",
			".pulumi/backups/"+path+"/*",
			".pulumi/locks/organization/"+path+"/*",
		)
	}
	return keys
}

// ReadStacks returns the part of ReadState for only a project's stacks, by name, or by the beginning of a name and a "*".
//
// Keys that can be listed begin like those that can be read. That is more than Pulumi lists: S3 says that an object does not exist only
// to callers who could list it, with its key as the prefix (GetObject in the S3 API reference; github.com/ceph/ceph/pull/68577), and
// Pulumi reads some optional ones. `pulumi stack ls` is refused, because it reads every stack of the project. So is the search for
// state of the old layout, with which every command begins, and Pulumi continues without it.
func ReadStacks(bucketARN, project string, stacks []string) Document {
	keys := stackKeys(project, stacks)
	return Document{
		{
			Sid: "ListStacks", Effect: allow, Action: []string{"s3:ListBucket"}, Resource: []string{bucketARN},
			Condition: Condition{"StringLike": {"s3:prefix": keys}},
		},
		{Sid: "ReadStacks", Effect: allow, Action: []string{"s3:GetObject"}, Resource: objectARNs(bucketARN, append(keys, layout))},
	}
}

// WriteStacks returns the part of WriteState for only a project's stacks, in addition to ReadStacks.
func WriteStacks(bucketARN, project string, stacks []string) Document {
	return Document{{
		Sid: "WriteStacks", Effect: allow, Action: []string{"s3:DeleteObject", "s3:PutObject"},
		Resource: objectARNs(bucketARN, stackKeys(project, stacks)),
	}}
}

// objectARNs returns the ARNs of a bucket's objects.
func objectARNs(bucketARN string, keys []string) []string {
	arns := make([]string, len(keys))
	for i, key := range keys {
		arns[i] = bucketARN + "/" + key
	}
	return arns
}
