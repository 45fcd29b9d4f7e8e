// Package fences has nothing but a test: which packages of this module import which.
package fences
