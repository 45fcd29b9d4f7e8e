package settings

import "strings"

// closest returns the name that a wrong name probably means, or "" if there is none.
func closest(name string, known []string) string {
	if len(name) > maxShownName {
		return ""
	}
	best, least := "", len(name)
	for _, candidate := range known {
		if d := distance(plain(name), plain(candidate)); d < least {
			best, least = candidate, d
		}
	}
	if least <= max(1, len(name)/4) {
		return best
	}
	// "environment" for env, "containerPort" for port.
	for _, candidate := range known {
		short, long := plain(candidate), plain(name)
		if len(short) > len(long) {
			short, long = long, short
		}
		if len(short) >= 3 && (strings.HasPrefix(long, short) || strings.HasSuffix(long, short)) || commonPrefix(short, long) >= 6 {
			return candidate
		}
	}
	return ""
}

// plain returns a name without case, hyphens, underscores and spaces, which are easily confused.
func plain(name string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name))
}

func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// distance returns how many letters to insert, delete or replace to turn one text into the other (Levenshtein's distance).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
