package permissions

// WriteState returns the policy that allows an update with its state in the bucket, where Pulumi has its lock and the stack's
// history too. Versions that were overwritten or deleted stay out of its reach.
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

// Where Pulumi keeps the state of a stack in a bucket is in backend/diy of github.com/pulumi/pulumi/pkg/v3 (v3.250): store.go,
// state.go, stack_tags.go, lock.go and meta.go. Nothing of another stack is under these keys, unless it is called like a
// file of theirs: dev.json.

// layout is the version of the layout, without which the CLI works on no stack. There is one for the whole bucket, and whoever
// can write it can make every stack disappear. The first login writes it, which has to be one of the bucket's own account.
const layout = ".pulumi/meta.yaml"

// stackKeys returns patterns for the keys of what Pulumi keeps of a project's stacks. A "*" at the end of a name stands for
// the rest.
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

// ReadStacks returns what of ReadState belongs to a project's stacks alone. They are named, or have the beginning of a name and
// a "*".
//
// What can be listed begins like what can be read. That is more than Pulumi lists: S3 says that an object does not exist only
// to those who could list it, with its key as the prefix (GetObject in the S3 API reference; github.com/ceph/ceph/pull/68577),
// and Pulumi asks for some that need not be there. `pulumi stack ls` is refused, since it reads every stack of the project; a
// search for state of the old layout, with which every command begins, is too, and Pulumi goes on without it.
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

// WriteStacks returns what of WriteState belongs to a project's stacks alone, beside ReadStacks.
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
