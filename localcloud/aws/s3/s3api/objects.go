package s3api

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/s3"
	"slipway/localcloud/cloud"
)

// get answers with an object, or with what is known of it. A caller who may not list the bucket is not told what is not there.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
func (c *call) get() error {
	if c.Request.Header.Get("Range") != "" {
		return notModelled("a range of an object")
	}
	var o s3.ObjectStatus
	err := c.do("s3:GetObject", func(tx *cloud.Tx, bucket *cloud.Resource) error {
		var found bool
		if o, found = s3.FindObject(tx, bucket, c.key); found {
			return nil
		}
		if err := c.may(tx, bucket, "s3:ListBucket"); err != nil {
			return err
		}
		return cloud.Errorf("NoSuchKey", "The specified key does not exist.")
	})
	if err != nil {
		return err
	}
	h := c.Header()
	h.Set("Content-Type", cmp.Or(o.ContentType, "binary/octet-stream"))
	if o.ContentEncoding != "" {
		h.Set("Content-Encoding", o.ContentEncoding)
	}
	h.Set("Content-Length", strconv.Itoa(len(o.Content)))
	h.Set("Etag", o.ETag)
	h.Set("Last-Modified", o.LastModified.Format(http.TimeFormat))
	if c.Method == http.MethodGet {
		_, _ = c.Write(o.Content) // or the client is gone
	}
	return nil
}

// put keeps an object. Its content is not checked against the sums that the request may have.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
func (c *call) put() error {
	const maxKey = 1024
	if len(c.key) > maxKey {
		return cloud.Errorf("KeyTooLongError", "Your key is too long")
	}
	for _, header := range []string{"X-Amz-Copy-Source", "If-None-Match", "If-Match"} {
		if c.Request.Header.Get(header) != "" {
			return notModelled(header + " of PutObject")
		}
	}
	content, err := c.decoded()
	if err != nil {
		return err
	}
	return c.do("s3:PutObject", func(tx *cloud.Tx, bucket *cloud.Resource) error {
		c.Header().Set("Etag", s3.PutObject(tx, bucket, c.key, s3.ObjectStatus{
			Content: content, ContentType: c.Request.Header.Get("Content-Type"), ContentEncoding: c.contentEncoding(),
		}))
		return nil
	})
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
func (c *call) delete() error {
	err := c.do("s3:DeleteObject", func(tx *cloud.Tx, bucket *cloud.Resource) error {
		s3.DeleteObject(tx, bucket, c.key)
		return nil
	})
	if err == nil {
		c.WriteHeader(http.StatusNoContent)
	}
	return err
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
type listing struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                string
	Delimiter             string `xml:",omitempty"`
	KeyCount              int
	MaxKeys               int
	IsTruncated           bool
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	StartAfter            string `xml:",omitempty"`
	Contents              []content
	CommonPrefixes        []commonPrefix
}

type content struct {
	Key          string
	LastModified string
	ETag         string
	Size         int
	StorageClass string
}

type commonPrefix struct{ Prefix string }

// list answers with the objects of a bucket, or those whose keys begin with a prefix.
func (c *call) list() error {
	q := c.URL.Query()
	const most = 1000
	out := listing{Name: c.bucket, Prefix: q.Get("prefix"), Delimiter: q.Get("delimiter"), StartAfter: q.Get("start-after"), ContinuationToken: q.Get("continuation-token"), MaxKeys: most}
	if text := q.Get("max-keys"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return cloud.Errorf("InvalidArgument", "Provided max-keys not an integer or within integer range")
		}
		out.MaxKeys = min(n, most)
	}
	if q.Get("encoding-type") != "" && q.Get("encoding-type") != "url" {
		return cloud.Errorf("InvalidArgument", "Invalid Encoding Method specified in Request")
	}
	var found []s3.ObjectStatus
	if err := c.do("s3:ListBucket", func(tx *cloud.Tx, bucket *cloud.Resource) error {
		found = s3.Objects(tx, bucket, out.Prefix)
		return nil
	}); err != nil {
		return err
	}
	entries := map[string]*s3.ObjectStatus{} // by key, or by common prefix with nil
	for _, o := range found {
		rest := strings.TrimPrefix(o.Key, out.Prefix)
		if group, _, deeper := strings.Cut(rest, out.Delimiter); out.Delimiter != "" && deeper {
			entries[out.Prefix+group+out.Delimiter] = nil
		} else {
			entries[o.Key] = &o
		}
	}
	var names []string
	for name := range entries {
		if name > out.StartAfter {
			names = append(names, name)
		}
	}
	if out.MaxKeys > 0 {
		some, next, ok := api.Page(names, func(s string) string { return s }, out.MaxKeys, out.ContinuationToken)
		if !ok {
			return cloud.Errorf("InvalidArgument", "The continuation token provided is incorrect")
		}
		names, out.NextContinuationToken, out.IsTruncated = some, next, next != ""
	} else {
		names = nil
	}
	slices.Sort(names)
	for _, name := range names {
		if o := entries[name]; o != nil {
			out.Contents = append(out.Contents, content{name, o.LastModified.Format(time.RFC3339), o.ETag, len(o.Content), "STANDARD"})
		} else {
			out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{name})
		}
	}
	out.KeyCount = len(names)
	c.Header().Set("Content-Type", "application/xml")
	_, _ = fmt.Fprint(c.ResponseWriter, xml.Header)
	return xml.NewEncoder(c.ResponseWriter).Encode(out)
}
