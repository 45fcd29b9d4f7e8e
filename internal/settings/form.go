package settings

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

var (
	errFraction = errors.New("is a number with a fraction or an exponent, which Pulumi does not keep as it is written (1.10 becomes 1.1): put it in quotation marks")
	errBig      = errors.New("is a number that is too big to keep its digits: put it in quotation marks")
	errDate     = errors.New("is a date that was written without quotation marks, and Pulumi has made another text of it: put the date in quotation marks")
	errChanged  = errors.New("is a value that Pulumi hands over in another form than it is written in (01234 becomes 668, True becomes true): put it in quotation marks")
)

var (
	// wholePattern matches numbers that keep their digits.
	wholePattern = regexp.MustCompile(`^-?[0-9]+$`)
	// timePattern matches the result of [time.Time.String], which Pulumi makes of a date.
	timePattern = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)? [+-][0-9]{4} ([A-Z]+|[+-][0-9]+)$`)
)

// checkForm reports a text that may differ from what the user wrote: without quotation marks YAML has numbers, booleans and dates, and
// Pulumi decodes and encodes them again. The stack's file shows what was written. A fraction is refused even if the file has the same
// text, because Pulumi rewrites the file with each change.
func checkForm(value any, written *yaml.Node) error {
	if number, isNumber := value.(json.Number); isNumber {
		if !wholePattern.MatchString(number.String()) {
			return errFraction
		}
		if _, err := strconv.ParseInt(number.String(), 10, 64); err != nil {
			return errBig
		}
	}
	if text, isText := value.(string); isText && timePattern.MatchString(text) {
		return errDate
	}
	if originOf(value, written) == changed {
		return errChanged
	}
	return nil
}
