package main

import (
	"os"
	"runtime"
)

// shareProcessors has twice as many goroutines run at a time as there are processors, which it returns, unless the environment
// has a word about it. Whoever waits for the disk gives their place to another goroutine; with no place to spare, a commit that
// is on the disk would wait behind requests before it is answered.
func shareProcessors() (processors int) {
	processors = runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2 * processors)
	}
	return processors
}
