package lb

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
)

// location renders the URL that the redirect sends the client to. port is the one that the listener has on AWS; protocol
// is the listener's. The port is always spelt out, as ALB does: "https://host:443/".
func (d *Redirect) location(r *http.Request, protocol Protocol, port int) string {
	keywords := strings.NewReplacer(
		"#{protocol}", strings.ToLower(string(protocol)),
		"#{host}", hostname(r),
		"#{port}", strconv.Itoa(port),
		"#{path}", strings.TrimPrefix(r.URL.EscapedPath(), "/"),
		"#{query}", r.URL.RawQuery,
	)
	part := func(template, fallback string) string { return keywords.Replace(cmp.Or(template, fallback)) }

	location := strings.ToLower(part(d.Protocol, "#{protocol}")) + "://" +
		part(d.Host, "#{host}") + ":" + part(d.Port, "#{port}") + part(d.Path, "/#{path}")
	if query := part(d.Query, "#{query}"); query != "" {
		location += "?" + query
	}
	return location
}
