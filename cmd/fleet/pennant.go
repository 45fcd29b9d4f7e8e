package main

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// pennant is a small signal flag for a digest: equal flags mean the same image.
type pennant struct {
	Ground, Ink string // colours, by class
	Figure      string // an SVG path within 18 by 12
}

var figures = []string{
	"M9 0h9v12H9z",                      // halves, side by side
	"M0 6h18v6H0z",                      // halves, one above the other
	"M18 0v12H0z",                       // halves, by a diagonal
	"M9 0h9v6H9zM0 6h9v6H0z",            // quarters
	"M6 0h6v12H6z",                      // a pale
	"M0 4h18v4H0z",                      // a bar
	"M5 3.5h8v5H5z",                     // a square within
	"M9 0l9 6-9 6-9-6z",                 // a diamond
	"M9 2a4 4 0 1 1 0 8a4 4 0 1 1 0-8z", // a disc
	"M7 0h4v4h7v4h-7v4H7V8H0V4h7z",      // a cross
	"M0 0h3l6 4 6-4h3v2l-6 4 6 4v2h-3l-6-4-6 4H0v-2l6-4-6-4z", // a saltire
}

// colours are pairs that are easy to tell apart, also for the colour-blind.
var colours = [][2]string{
	{"white", "blue"},
	{"blue", "white"},
	{"white", "red"},
	{"red", "white"},
	{"yellow", "blue"},
	{"blue", "yellow"},
	{"yellow", "black"},
	{"black", "yellow"},
	{"yellow", "red"},
	{"red", "yellow"},
	{"white", "black"},
	{"black", "white"},
}

// pennants gives each digest its own flag. A digest keeps its flag, unless another one on the page has it too: then the one that sorts
// later takes the next.
func pennants(digests []string) map[string]pennant {
	flags := map[string]pennant{}
	total := len(figures) * len(colours)
	taken := map[int]bool{}
	for _, digest := range slices.Sorted(maps.Keys(set(digests))) {
		_, hexadecimal, _ := strings.Cut(digest, ":")
		raw, err := hex.DecodeString(hexadecimal)
		if err != nil || len(raw) < 2 {
			continue
		}
		n := (int(raw[0])<<8 | int(raw[1])) % total
		for taken[n] && len(taken) < total {
			n = (n + 1) % total
		}
		taken[n] = true
		pair := colours[n/len(figures)]
		flags[digest] = pennant{pair[0], pair[1], figures[n%len(figures)]}
	}
	return flags
}

func set(words []string) map[string]bool {
	s := map[string]bool{}
	for _, w := range words {
		s[w] = true
	}
	return s
}
