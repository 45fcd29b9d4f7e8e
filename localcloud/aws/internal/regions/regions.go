// Package regions lists regions and their availability zones.
package regions

// All lists the regions that the local cloud has, and the letters of their availability zones.
// https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html
var All = map[string]string{
	"eu-central-1": "abc", "eu-west-1": "abc", "eu-west-2": "abc", "eu-west-3": "abc", "eu-north-1": "abc", "eu-south-1": "abc",
	"us-east-1": "abcdef", "us-east-2": "abc", "us-west-1": "ac", "us-west-2": "abcd", "ca-central-1": "abd", "sa-east-1": "abc",
	"ap-northeast-1": "acd", "ap-southeast-1": "abc", "ap-southeast-2": "abc", "ap-south-1": "abc",
}

// Zones returns the names of the region's availability zones.
func Zones(region string) []string {
	var out []string
	for _, letter := range All[region] {
		out = append(out, region+string(letter))
	}
	return out
}
