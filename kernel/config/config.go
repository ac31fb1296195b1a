// Package config turns the command line and the environment into checked values.
//
// Each flag has a twin in the environment, PREFIX_FLAG with underscores for dashes; the flag wins. An empty variable
// counts as not set. Whoever starts the program wrongly reads one clear line, never the value of a secret.
package config

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// App is what Parse needs to know of a program.
type App struct {
	Name        string
	Description string
	EnvPrefix   string                      // of the twins: TICKETING
	LookupEnv   func(string) (string, bool) // os.LookupEnv
	Stdout      io.Writer                   // gets the help
	Groups      []Group                     // of flags, in the order of the help
	Vars        map[string]string           // for ${name} in help texts and defaults
}

// Group is a heading in the help; flags name it in their group tag.
type Group struct{ Key, Title string }

// ErrHelp says that help was asked for and has been printed.
var ErrHelp = errors.New("help was printed")

// UsageError is a wrong command line or environment: one line for people.
type UsageError struct{ message string }

func (e *UsageError) Error() string { return e.message }

// Command is what was chosen on the command line.
type Command struct{ parsed *kong.Context }

// Name is the command with its sub command: "failed retry".
func (c *Command) Name() string { return c.parsed.Command() }

// Run calls the Run method of the chosen command; its parameters are filled by type from the bindings.
func (c *Command) Run(bindings ...any) error { return c.parsed.Run(bindings...) }

// Parse reads args into grammar, a pointer to a struct with kong's tags. A struct in it may check itself in a method
// Validate() error. The error is ErrHelp or a *UsageError.
func Parse(app App, grammar any, args []string) (*Command, error) {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	helped := false
	env := &environment{prefix: app.EnvPrefix, lookup: app.LookupEnv}
	options := []kong.Option{
		kong.Name(app.Name), kong.Description(app.Description), kong.Vars(app.Vars),
		kong.Writers(app.Stdout, io.Discard),
		kong.Exit(func(int) { helped = true }),
		kong.ValueFormatter(env.help), kong.Resolvers(env),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
	}
	groups := make([]kong.Group, len(app.Groups))
	for i, g := range app.Groups {
		groups[i] = kong.Group{Key: g.Key, Title: g.Title}
	}
	parser, err := kong.New(grammar, append(options, kong.ExplicitGroups(groups))...)
	if err != nil {
		return nil, fmt.Errorf("the command line of %s is defined wrongly: %w", app.Name, err)
	}
	parsed, err := parser.Parse(args)
	switch {
	case helped:
		return nil, ErrHelp
	case err != nil:
		return nil, &UsageError{env.blame(err) + fmt.Sprintf(" (try: %s --help)", commandLine(app.Name, err))}
	}
	return &Command{parsed}, nil
}

// commandLine is the program's name with the command that the mistake was made in.
func commandLine(name string, err error) string {
	var mistake *kong.ParseError
	if errors.As(err, &mistake) && mistake.Context != nil && mistake.Context.Selected() != nil {
		return mistake.Context.Selected().FullPath()
	}
	return name
}

// environment answers for flags that the command line leaves open.
type environment struct {
	prefix string
	lookup func(string) (string, bool)
	last   string // the variable that was read last: when its value is wrong, parsing ends there
}

func (e *environment) name(flag string) string {
	return e.prefix + "_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Resolve is for kong.
func (e *environment) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "help" || e.lookup == nil {
		return nil, nil
	}
	name := e.name(flag.Name)
	value, ok := e.lookup(name)
	if !ok || value == "" {
		return nil, nil
	}
	e.last = name
	return value, nil
}

// Validate is for kong.
func (e *environment) Validate(*kong.Application) error { return nil }

// help is the text of a flag with the name of its twin.
func (e *environment) help(v *kong.Value) string {
	if v.Flag == nil || v.Flag.Name == "help" {
		return v.Help
	}
	return fmt.Sprintf("%s [$%s]", v.Help, e.name(v.Flag.Name))
}

// kong names a flag with the placeholder of its value: --addr=HOST:PORT: ….
var blamedFlag = regexp.MustCompile(`^--([a-z0-9-]+)(?:=\S+)?: `)

// blame is the text of err, which names the variable instead of the flag if the value came from there.
func (e *environment) blame(err error) string {
	message := strings.Join(strings.Fields(err.Error()), " ")
	m := blamedFlag.FindStringSubmatch(message)
	if m == nil {
		return message
	}
	culprit := "--" + m[1]
	if e.last != "" && e.last == e.name(m[1]) {
		culprit = e.last
	}
	return culprit + ": " + plain(m[1], message[len(m[0]):])
}

// noValue is how kong says that a flag is followed by nothing, or by what looks like another flag.
var noValue = regexp.MustCompile(`^expected \S+ value but got "([^"]*)"`)

// plain says it in other words.
func plain(flag, message string) string {
	m := noValue.FindStringSubmatch(message)
	switch {
	case m == nil:
		return message
	case strings.HasPrefix(m[1], "-"):
		return fmt.Sprintf("a value is needed; one that begins with a dash is written --%s=%s", flag, m[1])
	}
	return "a value is needed"
}
