package metricmath

import (
	"strings"
	"testing"
)

// series has a value for each point in time, or nil.
type series []any

func values(t *testing.T, text string, of map[string]series) series {
	t.Helper()
	e, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	length := 0
	for _, s := range of {
		length = max(length, len(s))
	}
	var out series
	for i := range length {
		v, ok := e.At(func(id string) (float64, bool) {
			v, ok := of[id][i].(float64)
			return v, ok
		})
		if ok {
			out = append(out, v)
		} else {
			out = append(out, nil)
		}
	}
	return out
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	errors, requests := series{nil, 5.0, nil, 2.0}, series{10.0, 10.0, nil, nil}
	// The series of the tables under "Comparison and logical operators" and "Using IF expressions" of AWS's page.
	metric1, metric2 := series{30.0, 20.0, 0.0, 0.0}, series{20.0, nil, 20.0, nil}
	m1, m2, m3 := series{1.0, 1.0, 0.0, 0.0, nil}, series{30.0, nil, 0.0, 0.0, 30.0}, series{0.0, 0.0, 20.0, nil, 20.0}
	for _, tt := range []struct {
		text string
		of   map[string]series
		want series
	}{
		{"100 * errors / requests", map[string]series{"errors": errors, "requests": requests}, series{0.0, 50.0, nil, nil}},
		{"100 * (errors / requests)", map[string]series{"errors": errors, "requests": requests}, series{0.0, 50.0, nil, nil}},
		{"FILL(errors, 0) / FILL(requests, 1)", map[string]series{"errors": errors, "requests": requests}, series{0.0, 0.5, 0.0, 2.0}},
		{"IF(requests > 5, 100 * (errors / requests), 0)", map[string]series{"errors": errors, "requests": requests}, series{0.0, 50.0, nil, nil}},
		{"errors + 1", map[string]series{"errors": errors}, series{nil, 6.0, nil, 3.0}},
		{"errors - requests", map[string]series{"errors": errors, "requests": requests}, series{-10.0, -5.0, nil, 2.0}},
		{"metric1 < metric2", map[string]series{"metric1": metric1, "metric2": metric2}, series{0.0, 0.0, 1.0, 0.0}},
		{"metric1 >= 30", map[string]series{"metric1": metric1}, series{1.0, 0.0, 0.0, 0.0}},
		{"IF(m1, m2, m3)", map[string]series{"m1": m1, "m2": m2, "m3": m3}, series{30.0, 0.0, 20.0, nil, nil}},
		{"IF(m1, 5, m3)", map[string]series{"m1": m1, "m3": m3}, series{5.0, 5.0, 20.0, nil, nil}},
		{"IF(m1, m2, 5)", map[string]series{"m1": m1, "m2": m2}, series{30.0, 0.0, 5.0, 5.0, nil}},
		{"IF(1 == 1, m2, m3)", map[string]series{"m2": m2, "m3": m3}, m2},
		{"IF(1 < 1, m2, m3)", map[string]series{"m2": m2, "m3": m3}, m3},
		{"IF(m1, 7)", map[string]series{"m1": m1}, series{7.0, 7.0, nil, nil, nil}},
		{"2 + 3 * m - 4 / 2", map[string]series{"m": {1.0}}, series{3.0}},
		{"--m * -(2)", map[string]series{"m": {3.0}}, series{-6.0}},
		{"10 - m - 2", map[string]series{"m": {3.0}}, series{5.0}},
		{"1+m==4", map[string]series{"m": {3.0}}, series{1.0}},
		{"m!=3", map[string]series{"m": {3.0}}, series{0.0}},
		{"m<=.5", map[string]series{"m": {0.5}}, series{1.0}},
		{"m_5XX", map[string]series{"m_5XX": {0.5}}, series{0.5}},
	} {
		got := values(t, tt.text, tt.of)
		if len(got) != len(tt.want) {
			t.Fatalf("%s: got %v, want %v", tt.text, got, tt.want)
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%s: got %v, want %v", tt.text, got, tt.want)
				break
			}
		}
	}
}

func TestWhatIsNotModelledIsRefusedByName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"AVG(m1)":           "does not model AVG",
		"SUM(METRICS())":    "does not model SUM",
		"FILL(m1, REPEAT)":  "does not model REPEAT",
		"m1 > 1 AND m2 > 1": "does not model AND",
		"m1 > 1 && m2 > 1":  "does not model &",
		"m1 ^ 2":            "does not model ^",
		"[m1, m2]":          "does not model [",
		"2 * 3":             "must be a time series",
		"FILL(3, 0)":        "must be a time series",
		"FILL(m1)":          "does not take 1 argument",
		"IF(m1, 1, 2, 3)":   "does not take 4 arguments",
		"m1 +":              "ends too early",
		"":                  "ends too early",
		"(m1":               "ends too early",
		"m1)":               `unexpected ")"`,
		"m1 m2":             `unexpected "m2"`,
		"1.2.3 * m1":        "not a number",
		"m1 % 2":            `unexpected '%'`,
		"ö":                 `unexpected 'ö'`,
		"m1 + " + strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500): "nested too deeply",
		strings.Repeat("-", 1000) + "m1":                                    "nested too deeply",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", text, err, want)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	e, err := Parse("IF(requests > 5, 100 * errors / requests, 0)")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(e.IDs(), " "); got != "requests errors" {
		t.Errorf("got %s", got)
	}
}

// Parsing of any text ends, and the result has a finite value or none.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"100 * (errors / requests)", "IF(m1 > 5, FILL(m2, 0), -m3)", "((m1))", "1 <= m", "-", "FILL(", "1e9", "ö m"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		asked := map[string]bool{}
		for _, have := range []bool{true, false} {
			v, ok := e.At(func(id string) (float64, bool) {
				asked[id] = true
				if !have {
					return 0, false
				}
				return 1e300, true
			})
			if !ok && v != 0 || v-v != 0 {
				t.Errorf("%q is %v, %v", text, v, ok)
			}
		}
		for _, id := range e.IDs() {
			delete(asked, id)
		}
		if len(asked) > 0 {
			t.Errorf("%q asks for %v beside %v", text, asked, e.IDs())
		}
	})
}
