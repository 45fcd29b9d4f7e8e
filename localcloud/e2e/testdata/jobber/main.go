// Command jobber is a job, and a worker, for tests: it does what its arguments say.
//
//	jobber say TEXT…     prints the texts, a line each
//	jobber fail TEXT…    prints the texts and ends with 3
//	jobber wait          runs until SIGTERM, and then ends with 0
//	jobber hang          runs until SIGKILL
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	args := os.Args[1:]
	if len(args) == 0 {
		args = []string{"say"}
	}
	switch args[0] {
	case "say":
		say(args[1:])
	case "fail":
		say(args[1:])
		os.Exit(3)
	default:
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		fmt.Println("waiting")
		<-signals
		fmt.Println("stopping")
		if args[0] == "hang" {
			select {}
		}
	}
}

func say(texts []string) {
	for _, text := range texts {
		fmt.Println(text)
	}
}
