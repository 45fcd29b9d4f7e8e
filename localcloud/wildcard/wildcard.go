// Package wildcard compares texts with AWS's patterns in policies and in the rules of load balancers: * matches any characters, also
// none, and ? exactly one.
package wildcard

import "slices"

// Pattern is a pattern that was read once, to be compared with many texts.
type Pattern []symbol

type symbol struct {
	kind kind
	char byte // of a literal
}

type kind uint8

const (
	literal kind = iota
	anyChar
	anyRun
)

// Match reports whether the text is what the pattern stands for.
func Match(pattern, text string) bool { return Compile(pattern).Match(text) }

// Compile reads a pattern in which a backslash is a character like others.
func Compile(text string) Pattern {
	p := make(Pattern, 0, len(text))
	for i := range len(text) {
		p = append(p, symbolOf(text[i]))
	}
	return p
}

// CompileEscaped reads a pattern in which a backslash takes the meaning from the character that follows it.
func CompileEscaped(text string) Pattern {
	p := make(Pattern, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
			p = append(p, symbol{char: text[i]})
			continue
		}
		p = append(p, symbolOf(text[i]))
	}
	return p
}

func symbolOf(c byte) symbol {
	switch c {
	case '*':
		return symbol{kind: anyRun}
	case '?':
		return symbol{kind: anyChar}
	}
	return symbol{char: c}
}

// MatchAny reports whether the text is what one of the patterns stands for.
func MatchAny(patterns []Pattern, text string) bool {
	return slices.ContainsFunc(patterns, func(p Pattern) bool { return p.Match(text) })
}

// Match reports whether the text is what the pattern stands for. It takes at most len(p) times len(text) steps: it goes back to the last *
// alone, never further, so that no text can make it slow.
func (p Pattern) Match(text string) bool {
	i, j := 0, 0         // next symbol, next character
	run, resume := -1, 0 // last * passed, and the character at which it ends if it takes one more
	for j < len(text) {
		switch {
		case i < len(p) && p[i].kind == anyRun:
			run, resume = i, j
			i++
		case i < len(p) && (p[i].kind == anyChar || p[i].char == text[j]):
			i++
			j++
		case run >= 0:
			resume++
			i, j = run+1, resume
		default:
			return false
		}
	}
	for i < len(p) && p[i].kind == anyRun {
		i++
	}
	return i == len(p)
}
