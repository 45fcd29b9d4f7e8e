package s3

import (
	"crypto/md5" //nolint:gosec // what S3's entity tags are
	"encoding/hex"
	"strings"
	"time"

	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/cloud"
)

// ObjectToken is the token of objects, which no program makes.
const ObjectToken = "aws:s3/object:Object"

// ObjectStatus is the Status of an object: its content and what is known of that.
type ObjectStatus struct {
	Bucket, Key     string
	Content         []byte
	ContentType     string
	ContentEncoding string
	ETag            string
	LastModified    time.Time
}

// Object is what a bucket holds under a key. Its callers put it there; it goes with its bucket, and is no more left over than the bucket
// is. There are no versions: another object under the key takes its place, also in a bucket with versioning.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
var Object = &cloud.Kind[struct{}, struct{}]{Spec: cloud.Spec{
	Token: ObjectToken,
	Label: "S3 Object",
	Alive: func(*cloud.Resource) bool { return false },
}}

// FindBucket returns the bucket with the name, of any account; nil if there is none.
func FindBucket(tx *cloud.Tx, name string) *cloud.Resource {
	for _, r := range tx.Everywhere(BucketToken) {
		if r.ID == name {
			return r
		}
	}
	return nil
}

func objectKey(bucket *cloud.Resource, key string) cloud.Key {
	return cloud.Key{Scope: bucket.Scope, Token: ObjectToken, ID: bucket.ID + "/" + key}
}

// FindObject returns the object under a key.
func FindObject(tx *cloud.Tx, bucket *cloud.Resource, key string) (o ObjectStatus, found bool) {
	r := tx.Get(objectKey(bucket, key))
	if r == nil {
		return ObjectStatus{}, false
	}
	return cloud.StatusOf[ObjectStatus](r), true
}

// PutObject puts an object under a key, with its content and what the caller says of that, and returns its entity tag.
func PutObject(tx *cloud.Tx, bucket *cloud.Resource, key string, o ObjectStatus) (etag string) {
	sum := md5.Sum(o.Content) //nolint:gosec // what S3's entity tags are
	o.Bucket, o.Key, o.ETag, o.LastModified = bucket.ID, key, `"`+hex.EncodeToString(sum[:])+`"`, time.Now().UTC().Truncate(time.Second)
	r := &cloud.Resource{Key: objectKey(bucket, key), Name: key}
	r.SetStatus(o)
	tx.Put(r)
	return o.ETag
}

// DeleteObject deletes what is under a key, if anything is.
func DeleteObject(tx *cloud.Tx, bucket *cloud.Resource, key string) {
	tx.Delete(objectKey(bucket, key))
}

// Objects returns the objects of a bucket whose keys begin with a prefix.
func Objects(tx *cloud.Tx, bucket *cloud.Resource, prefix string) []ObjectStatus {
	var objects []ObjectStatus
	for _, r := range tx.List(bucket.Scope, ObjectToken) {
		if strings.HasPrefix(r.ID, bucket.ID+"/"+prefix) {
			objects = append(objects, cloud.StatusOf[ObjectStatus](r))
		}
	}
	return objects
}

// Verdict is what the bucket's own policy says of a request by a principal.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html
func Verdict(tx *cloud.Tx, bucket *cloud.Resource, principal string, r policy.Request) policy.Verdict {
	text := policy.Document(cloud.Peek[BucketStatus](bucket).Policy)
	if text == "" {
		return policy.Silent
	}
	p, err := parseBucketPolicy(text, tx, bucket.ID)
	if err != nil {
		return policy.Silent // checked when it was stored
	}
	r.Principal = policy.NamesOf(principal)
	return policy.Decide([]*policy.Policy{p}, r)
}

// ARNOf returns the ARN of a bucket, or of an object in it if a key is given.
func ARNOf(bucket, key string) string {
	if key == "" {
		return bucketARN(bucket)
	}
	return bucketARN(bucket) + "/" + key
}
