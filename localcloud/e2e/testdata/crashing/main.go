// Crashing is a service that says why it cannot start, in red, and exits.
package main

import (
	"fmt"
	"os"
)

var version string

func main() {
	fmt.Println("starting", version)
	fmt.Println("\x1b[31mno database\x1b[0m")
	os.Exit(3)
}
