package main

import (
	"os"
	"runtime"
)

// shareProcessors has twice as many goroutines run at a time as there are processors, unless the environment has a word about
// it. Whoever waits for the disk gives their place to another goroutine; with no place to spare, a commit that is on the disk
// would wait behind requests before it is answered. It is for main alone, once.
func shareProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2 * runtime.GOMAXPROCS(0))
	}
}

// processors is how many this process can keep busy.
func processors() int { return min(runtime.NumCPU(), runtime.GOMAXPROCS(0)) }
