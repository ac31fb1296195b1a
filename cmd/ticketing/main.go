// Command ticketing is the whole product: the services, the tools of its operators, and its documents.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"ticketing/kernel/config"
)

func main() {
	shareProcessors()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// program is what a command may use of the world.
type program struct {
	ctx    context.Context // ends when the process is told to stop
	stdout io.Writer
	stderr io.Writer
}

// run does what the arguments say, until it is done or ctx ends, and returns the exit code: 0, 1 for a failure, 2 for a
// wrong command line.
func run(ctx context.Context, args []string, env func(string) (string, bool), stdout, stderr io.Writer) int {
	var c commands
	command, err := config.Parse(app(env, stdout), &c, args)
	if err == nil {
		err = command.Run(&program{ctx, stdout, stderr})
	}
	if err == nil || errors.Is(err, config.ErrHelp) {
		return 0
	}
	fmt.Fprintln(stderr, "ticketing: "+oneLine(err))
	var usage *config.UsageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}

// oneLine is the text of err without line breaks.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(c rune) bool { return c == '\n' || c == '\r' }), "; ")
}
