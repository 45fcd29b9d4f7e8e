// Package s3api answers the API of Amazon S3: that of objects, as far as a service needs it to read and write them.
package s3api

import (
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/aws/s3"
	"slipway/localcloud/cloud"
)

// Name is the name that requests to S3 are signed for.
const Name = "s3"

// call is a request about a bucket, or about an object in it.
type call struct {
	*api.Request
	http.ResponseWriter
	bucket, key string
}

// Serve answers a request about the bucket with which its host's name or its path begins.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
func Serve(w http.ResponseWriter, r *api.Request) {
	c := &call{Request: r, ResponseWriter: w}
	c.key = strings.TrimPrefix(r.Path, "/")
	if bucket, rest, found := strings.Cut(r.Host, ".s3."); found && strings.Contains(rest, "amazonaws.com") {
		c.bucket = bucket
	} else {
		c.bucket, c.key, _ = strings.Cut(c.key, "/")
	}
	w.Header().Set("X-Amz-Request-Id", rand.Text())
	if err := c.serve(); err != nil {
		c.refuse(err)
	}
}

// understood are the parameters in a request's query that change nothing here.
var understood = map[string]bool{
	"x-id": true, "list-type": true, "prefix": true, "delimiter": true, "max-keys": true, "continuation-token": true, "start-after": true, "encoding-type": true,
}

func (c *call) serve() error {
	for parameter := range c.URL.Query() {
		if !understood[parameter] {
			return notModelled(c.Method + " with " + parameter)
		}
	}
	switch {
	case c.bucket == "":
		return notModelled(c.Method + " of all buckets")
	case c.key == "" && c.Method == http.MethodHead:
		return c.do("s3:ListBucket", func(*cloud.Tx, *cloud.Resource) error { return nil })
	case c.key == "" && c.Method == http.MethodGet && c.URL.Query().Get("list-type") == "2":
		return c.list()
	case c.key == "":
		return notModelled(c.Method + " of a bucket")
	case c.Method == http.MethodGet, c.Method == http.MethodHead:
		return c.get()
	case c.Method == http.MethodPut:
		return c.put()
	case c.Method == http.MethodDelete:
		return c.delete()
	}
	return notModelled(c.Method + " of an object")
}

func notModelled(what string) error {
	return cloud.Errorf("NotImplemented", "%s is not modelled by the local cloud", what)
}

// do calls f with the bucket, if the caller may do the action with it, or with the object.
func (c *call) do(action string, f func(*cloud.Tx, *cloud.Resource) error) error {
	return c.Store.Update(func(tx *cloud.Tx) error {
		bucket := s3.FindBucket(tx, c.bucket)
		if err := c.may(tx, bucket, action); err != nil {
			return err
		}
		if bucket == nil {
			return s3.Bucket.NotFound(c.bucket)
		}
		return f(tx, bucket)
	})
}

// may refuses a caller whom neither the role nor the bucket's policy lets do the action. Within an account one of both is enough.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html
func (c *call) may(tx *cloud.Tx, bucket *cloud.Resource, action string) error {
	key := c.key
	if action == "s3:ListBucket" {
		key = ""
	}
	look := iam.Look{Action: action, Resource: s3.ARNOf(c.bucket, key)}
	if action == "s3:ListBucket" {
		look.Context = map[string]string{"s3:prefix": c.URL.Query().Get("prefix")}
	}
	if bucket == nil {
		return iam.May(tx, c.Caller, look)
	}
	return iam.MayWith(tx, c.Caller, look, bucket.Scope.Account, func(principal string, r policy.Request) policy.Verdict {
		return s3.Verdict(tx, bucket, principal, r)
	})
}

// statuses are the HTTP statuses of S3's errors.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
var statuses = map[string]int{
	"AccessDenied": http.StatusForbidden, "InvalidClientTokenId": http.StatusForbidden, "InvalidAccessKeyId": http.StatusForbidden,
	"SignatureDoesNotMatch": http.StatusForbidden, "NoSuchBucket": http.StatusNotFound,
	"NoSuchKey": http.StatusNotFound, "NotImplemented": http.StatusNotImplemented, "MissingContentLength": http.StatusLengthRequired,
}

// refuse answers with an error. An answer to HEAD has no body, and so no words.
func (c *call) refuse(err error) {
	refusal, ok := errors.AsType[*cloud.Error](err)
	if !ok {
		refusal = &cloud.Error{Code: "InternalError", Message: err.Error()}
	}
	status := statuses[refusal.Code]
	if status == 0 {
		status = http.StatusBadRequest
	}
	c.Header().Set("Content-Type", "application/xml")
	c.WriteHeader(status)
	if c.Method == http.MethodHead {
		return
	}
	_, _ = fmt.Fprint(c.ResponseWriter, xml.Header)
	_ = xml.NewEncoder(c.ResponseWriter).Encode(struct { // or the client is gone
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: refusal.Code, Message: refusal.Message})
}

// Header is that of the answer; the request's has to be asked for by name.
func (c *call) Header() http.Header { return c.ResponseWriter.Header() }
