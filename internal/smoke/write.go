package smoke

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Write writes the report as text: a line for each check and one of advice.
func (r Report) Write(w io.Writer) error {
	fmt.Fprintln(w, r.URL)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, result := range r.Results {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", result.State, result.Name, rounded(result.Duration), result.Detail)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if r.Advice != "" {
		fmt.Fprintln(w, "  "+r.Advice)
	}
	return nil
}

// rounded is a duration without needless digits.
func rounded(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
