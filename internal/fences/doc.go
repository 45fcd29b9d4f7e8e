// Package fences only has a test: which packages of this module may import which.
package fences
