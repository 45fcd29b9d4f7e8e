package s3api

import (
	"bufio"
	"bytes"
	"io"
	"net/http/httputil"
	"net/textproto"
	"strconv"
	"strings"

	"slipway/localcloud/cloud"
)

// chunked is the content encoding of a body in chunks, which is no encoding of the object.
const chunked = "aws-chunked"

// decoded returns the content of the object. The AWS SDKs send it over TLS in chunks, with a checksum after the last one in a trailer.
// The form is that of HTTP's own chunks, also in a body with a length. Chunks with signatures are not modelled: SDKs send them without TLS.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
func (c *call) decoded() ([]byte, error) {
	switch sum := c.Request.Header.Get("X-Amz-Content-Sha256"); {
	case !strings.HasPrefix(sum, "STREAMING-"):
		return c.Content(), nil
	case sum != "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
		return nil, notModelled("an object in signed chunks")
	}
	length, err := strconv.Atoi(c.Request.Header.Get("X-Amz-Decoded-Content-Length"))
	if err != nil {
		return nil, cloud.Errorf("MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	body := bufio.NewReader(bytes.NewReader(c.Content()))
	content, err := io.ReadAll(httputil.NewChunkedReader(body))
	if err != nil || len(content) != length {
		return nil, cloud.Errorf("IncompleteBody", "The request body terminated unexpectedly")
	}
	if _, err := textproto.NewReader(body).ReadMIMEHeader(); err != nil {
		return nil, cloud.Errorf("MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
	}
	return content, nil
}

// contentEncoding is the object's own encoding: what the request says, without the chunks.
func (c *call) contentEncoding() string {
	var own []string
	for encoding := range strings.SplitSeq(strings.Join(c.Request.Header.Values("Content-Encoding"), ","), ",") {
		if encoding = strings.TrimSpace(encoding); encoding != "" && encoding != chunked {
			own = append(own, encoding)
		}
	}
	return strings.Join(own, ",")
}
