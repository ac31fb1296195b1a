package config_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/config"
)

type grammar struct {
	Serve serveCmd `cmd:"" help:"Run services."`
	Log   struct {
		Show struct {
			ID string `arg:"" help:"Which."`
		} `cmd:"" help:"Show one."`
	} `cmd:"" help:"The log."`
}

type serveCmd struct {
	Services []string           `arg:"" optional:"" help:"Which services."`
	LockTime config.Duration    `default:"15m" group:"market" help:"How long a lock lasts."`
	Database config.DatabaseURL `placeholder:"URL" group:"engines" help:"Where the data is."`
	Key      config.Secret      `placeholder:"KEY" group:"engines" help:"The secret."`
	Quiet    bool               `help:"Say nothing."`
	Level    string             `enum:"low,high" default:"low" help:"How much."`
}

func (c *serveCmd) Validate() error {
	for _, s := range c.Services {
		if s != "auth" {
			return errors.New(s + " is not a service")
		}
	}
	return nil
}

func (c *serveCmd) Run(out *strings.Builder) error {
	out.WriteString("served " + time.Duration(c.LockTime).String())
	return nil
}

func parse(t *testing.T, env map[string]string, args ...string) (*grammar, *config.Command, string, error) {
	t.Helper()
	var g grammar
	var out strings.Builder
	cmd, err := config.Parse(config.App{
		Name: "app", Description: "An app.", EnvPrefix: "APP", Stdout: &out,
		LookupEnv: func(k string) (string, bool) { v, ok := env[k]; return v, ok },
		Groups:    []config.Group{{"market", "Market:"}, {"engines", "Engines:"}},
	}, &g, args)
	return &g, cmd, out.String(), err
}

func TestFlagBeatsEnvironmentBeatsDefault(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		args []string
		want time.Duration
	}{
		"default":     {nil, []string{"serve"}, 15 * time.Minute},
		"environment": {map[string]string{"APP_LOCK_TIME": "3s"}, []string{"serve"}, 3 * time.Second},
		"flag":        {map[string]string{"APP_LOCK_TIME": "3s"}, []string{"serve", "--lock-time=2h"}, 2 * time.Hour},
		"empty":       {map[string]string{"APP_LOCK_TIME": ""}, []string{"serve"}, 15 * time.Minute},
		"overridden":  {map[string]string{"APP_LOCK_TIME": "bad"}, []string{"serve", "--lock-time", "1m"}, time.Minute},
		"of another":  {map[string]string{"APP_LOCK_TIME": "bad"}, []string{"log", "show", "1"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g, cmd, _, err := parse(t, tc.env, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			if tc.want != 0 && time.Duration(g.Serve.LockTime) != tc.want {
				t.Errorf("got %s, want %s", time.Duration(g.Serve.LockTime), tc.want)
			}
			var out strings.Builder
			if cmd.Name() == "serve" {
				if err := cmd.Run(&out); err != nil || !strings.HasPrefix(out.String(), "served ") {
					t.Errorf("Run: %v, %q", err, out.String())
				}
			}
		})
	}
	g, _, _, err := parse(t, map[string]string{"APP_QUIET": "true", "APP_LEVEL": "high"}, "serve")
	if err != nil || !g.Serve.Quiet || g.Serve.Level != "high" {
		t.Errorf("a switch and a choice from the environment: %v %+v", err, g.Serve)
	}
}

func TestMistakesAreOneClearLine(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		args string
		want string // the error's beginning
		help string
	}{
		"flag":        {nil, "serve --lock-time 0s", "--lock-time: 0s is not more than 0", "app serve --help"},
		"environment": {map[string]string{"APP_LOCK_TIME": "soon"}, "serve", `APP_LOCK_TIME: "soon" is not a duration`, "app serve --help"},
		"unknown":     {nil, "serve --lock-tim 1s", "unknown flag --lock-tim, did you mean \"--lock-time\"?", "app serve --help"},
		"command":     {nil, "sevre", "unexpected argument sevre, did you mean \"serve\"?", "app --help"},
		"argument":    {nil, "serve auth web", "serve: web is not a service", "app serve --help"},
		"choice":      {nil, "serve --level mid", `--level must be one of "low","high" but got "mid"`, "app serve --help"},
		"env choice":  {map[string]string{"APP_LEVEL": "mid"}, "serve", `--level must be one of "low","high" but got "mid"`, "app serve --help"},
		"missing":     {nil, "log show", `expected "<id>"`, "app log show --help"},
		"incomplete":  {nil, "log", `expected "show"`, "app log --help"},
		"dash":        {nil, "serve --lock-time -1s", "--lock-time: a value is needed; one that begins with a dash is written --lock-time=-1s", "app serve --help"},
		"no value":    {nil, "serve --level", "--level: a value is needed", "app serve --help"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, out, err := parse(t, tc.env, strings.Fields(tc.args)...)
			var usage *config.UsageError
			if !errors.As(err, &usage) {
				t.Fatalf("got %v, want a usage error", err)
			}
			got := err.Error()
			if !strings.HasPrefix(got, tc.want) || !strings.Contains(got, tc.help) || strings.Contains(got, "\n") {
				t.Errorf("got  %s\nwant %s … %s", got, tc.want, tc.help)
			}
			if out != "" {
				t.Errorf("a mistake printed on stdout: %s", out)
			}
		})
	}
}

func TestNoMistakeShowsAPassword(t *testing.T) {
	for _, args := range []string{"serve --database mysql://u:hunter2@h/d", "serve --database postgres://u:hunter2@h:x/d"} {
		if _, _, _, err := parse(t, nil, strings.Fields(args)...); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", args, err)
		}
	}
	env := map[string]string{"APP_DATABASE": "hunter2"}
	if _, _, _, err := parse(t, env, "serve"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("from the environment: %v", err)
	}
}

func TestHelpIsComplete(t *testing.T) {
	for _, args := range [][]string{{"serve", "--help"}, {"serve", "--lock-time=1s", "--help"}} {
		_, _, out, err := parse(t, nil, args...)
		if !errors.Is(err, config.ErrHelp) {
			t.Fatalf("%v: %v", args, err)
		}
		for _, want := range []string{"Run services.", "--lock-time=15m", "$APP_LOCK_TIME", "$APP_DATABASE", "Market:", "Engines:"} {
			if !strings.Contains(out, want) {
				t.Errorf("%v: the help lacks %q:\n%s", args, want, out)
			}
		}
	}
	for _, args := range [][]string{nil, {"--help"}} {
		if _, _, out, err := parse(t, nil, args...); !errors.Is(err, config.ErrHelp) || !strings.Contains(out, "log show") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}
