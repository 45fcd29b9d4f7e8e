package ca

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// subjectAltNames sorts names into the two kinds of subject alternative name and refuses what no client could match.
func subjectAltNames(names []string) (hosts []string, ips []net.IP, err error) {
	if len(names) == 0 {
		return nil, nil, errors.New("no names given")
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			ips = append(ips, ip)
			continue
		}
		if err := checkHost(name); err != nil {
			return nil, nil, err
		}
		hosts = append(hosts, strings.ToLower(name))
	}
	return hosts, ips, nil
}

// checkHost applies RFC 1123 to name, with a wildcard allowed for the whole first label (RFC 6125, section 6.4.3).
func checkHost(name string) error {
	if len(name) > 253 {
		return fmt.Errorf("host name of %d characters: at most 253 are allowed", len(name))
	}
	labels := strings.Split(name, ".")
	for i, label := range labels {
		if i == 0 && label == "*" && len(labels) > 1 {
			continue
		}
		if err := checkLabel(label); err != nil {
			return fmt.Errorf("host name %q: %w", name, err)
		}
	}
	return nil
}

// hostCharacters holds the underscore too, which the names of ACM's validation records begin with.
const hostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

func checkLabel(label string) error {
	if label == "" || len(label) > 63 {
		return fmt.Errorf("label %q: 1 to 63 characters are allowed", label)
	}
	if strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
		return fmt.Errorf("label %q: a hyphen may not be first or last", label)
	}
	for _, c := range label {
		if !strings.ContainsRune(hostCharacters, c) {
			return fmt.Errorf("label %q: %q is not allowed", label, c)
		}
	}
	return nil
}
