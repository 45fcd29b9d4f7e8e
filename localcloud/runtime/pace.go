package runtime

import "time"

// Pace is how long a second of the cloud's clock takes here, in seconds: the pace of everything that AWS does by the minute.
// It is the cloud's patience ([cloud.Options]); zero is AWS's own pace, as 1 is.
type Pace float64

// Real returns how long something takes here that takes so long with AWS.
func (p Pace) Real(d time.Duration) time.Duration {
	if p == 0 {
		return d
	}
	return time.Duration(float64(d) * float64(p))
}
