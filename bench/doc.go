// Package bench measures how fast the real program is, path by path, beside what the bare engines can do on the same
// machine: the same databases with the same durable settings, without HTTP and without rules. So its figures are ratios
// that hold on any machine.
//
//	go test -bench . ./bench                        # everything, ready for benchstat
//	go test ./bench -v -run TestTable -table        # medians of five runs as a table: floor, goal, limit, measured, ratio
//	go test ./bench -run TestLong -long 1h -timeout 2h -v   # an even, mixed load, and what grows under it
//	go test ./bench                                 # a few seconds of each, so that nothing rots
//
// The client is as lean as a client can be, and on the same machine: 64 goroutines, each with a connection that it keeps.
// Accounts, listings and histories are made before the clock runs.
package bench
