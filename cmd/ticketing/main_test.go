package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHelpOfEveryCommand(t *testing.T) {
	for _, command := range []string{"", "serve", "demo", "audit", "events", "failed list", "failed show", "failed retry", "stripe-sim", "rotate-keys", "openapi", "asyncapi", "version"} {
		code, out, errs := call(t, append(strings.Fields(command), "--help")...)
		if code != 0 || errs != "" || !strings.HasPrefix(out, "Usage: ticketing") {
			t.Errorf("%q: %d\n%s%s", command, code, out, errs)
		}
	}
	_, out, _ := call(t, "serve", "--help")
	words := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{
		"--addr=HOST:PORT", "Default: :8080.", "$TICKETING_ADDR", "$TICKETING_OPS_ADDR", "Default: ./data.", "$TICKETING_DATABASE_URL",
		"$TICKETING_NATS_URL", "$TICKETING_LOCK_DURATION", "Default: 15m.", "$TICKETING_CURRENCY", "$TICKETING_PAYMENT_ATTEMPTS",
		"$TICKETING_STRIPE_KEY", "$TICKETING_STRIPE_PUBLISHABLE_KEY", "$TICKETING_STRIPE_WEBHOOK_SECRET", "$TICKETING_STRIPE_URL",
		"$TICKETING_AUTH_URL", "$TICKETING_API_URL", "$TICKETING_TRUSTED_PROXIES", "$TICKETING_LOG_FORMAT", "$TICKETING_LOG_LEVEL",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("the help of serve lacks %s", want)
		}
	}
	if code, out, _ := call(t); code != 0 || !strings.Contains(out, "Commands:") {
		t.Errorf("without arguments: %d %s", code, out)
	}
}

func TestVersion(t *testing.T) {
	code, out, _ := call(t, "version")
	if code != 0 || !strings.HasPrefix(out, "ticketing ") || !strings.Contains(out, "commit") || !strings.Contains(out, "go1.") {
		t.Errorf("%d %s", code, out)
	}
}

func TestDocumentsArePrintedAsJSON(t *testing.T) {
	for command, want := range map[string]string{"openapi": `"/api/users/signup"`, "asyncapi": "OrderCreated"} {
		code, out, errs := call(t, command)
		if code != 0 || !json.Valid([]byte(out)) || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s %.200s", command, code, errs, out)
		}
	}
}

// oneClearLine fails unless the command refuses with one line that has these words and no secret.
func oneClearLine(t *testing.T, wantCode int, want string, args ...string) {
	t.Helper()
	code, out, errs := call(t, args...)
	if code != wantCode || out != "" {
		t.Errorf("%v: exit %d, want %d; stdout %q", args, code, wantCode, out)
	}
	if strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "ticketing: ") || !strings.Contains(errs, want) {
		t.Errorf("%v: want one line with %q, got:\n%s", args, want, errs)
	}
	if strings.Contains(errs, "hunter2") {
		t.Errorf("%v shows a password: %s", args, errs)
	}
}

func TestWrongCommandLine(t *testing.T) {
	for args, want := range map[string]string{
		"serv":                                     `unexpected argument serv, did you mean "serve"?`,
		"serve bank":                               `there is no service "bank"; there are: auth`,
		"serve --adr :1":                           "unknown flag --adr",
		"serve --addr 8080":                        "--addr: ",
		"serve --ops-addr nowhere":                 "--ops-addr: ",
		"serve --lock-duration 0s":                 "--lock-duration: 0s is not more than 0",
		"serve --currency bitcoin":                 "is not an ISO 4217 currency code",
		"serve --payment-attempts 0":               "--payment-attempts: ",
		"serve --payout-after 0s":                  "--payout-after: 0s is not more than 0",
		"serve --fee 2.5":                          "--fee: \"2.5\" is not a whole number of basis points between 0 and 10000",
		"serve --database-url mysql://a:hunter2@b": "--database-url: is not a URL such as postgres://HOST",
		"serve --nats-url http://a:hunter2@b":      "--nats-url: is not a URL such as nats://HOST",
		"serve --stripe-url ftp://a":               "--stripe-url: is not a URL such as http://HOST",
		"serve --trusted-proxies 10.0.0.0/64":      "--trusted-proxies: ",
		"serve --log-level loud":                   "--log-level must be one of",
		"serve tickets":                            "tickets needs --auth-url",
		"serve web":                                "web alone needs --api-url",
		"serve web expiration":                     "web alone needs --api-url",
		"serve web --api-url expiry=http://a":      `there is no service "expiry" to forward to`,
		"events --type OrderMade":                  `there is no event type "OrderMade"`,
		"events --id a.b":                          `"a.b" is no id`,
		"failed show":                              `expected "<id>"`,
	} {
		oneClearLine(t, 2, want, strings.Fields(args)...)
	}
}

func TestWrongEnvironmentIsBlamedByItsName(t *testing.T) {
	var errs strings.Builder
	env := func(name string) (string, bool) { return "soon", name == "TICKETING_LOCK_DURATION" }
	code := run(t.Context(), []string{"serve"}, env, &errs, &errs)
	if code != 2 || !strings.Contains(errs.String(), "TICKETING_LOCK_DURATION: ") {
		t.Errorf("%d %s", code, errs.String())
	}
}

func TestStartUpFailures(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	corrupt := t.TempDir()
	for path, content := range map[string]string{file: "", filepath.Join(corrupt, "auth.db"): strings.Repeat("this is no database. ", 1000)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port := taken.Addr().String()
	for name, tc := range map[string]struct {
		want string
		args []string
	}{
		"port taken":            {"cannot listen on " + port, []string{"--addr", port}},
		"operators' port taken": {"choose another with --ops-addr", []string{"--ops-addr", port}},
		"database away":         {"127.0.0.1:1", []string{"--database-url", "postgres://me:hunter2@127.0.0.1:1/market"}},
		"broker away":           {"nats://me:xxxxx@127.0.0.1:1", []string{"--nats-url", "nats://me:hunter2@127.0.0.1:1"}},
		"data is a file":        {file, []string{"--data", file}},
		"data below a file":     {file, []string{"--data", filepath.Join(file, "data")}},
		"data cannot be made":   {"/proc/market", []string{"--data", "/proc/market"}},
		"corrupt database":      {"auth.db", []string{"--data", corrupt}},
		"no key of Stripe":      {"--stripe-key is not a secret key", []string{"--stripe-key", "hunter2"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"serve", "--addr", "127.0.0.1:0", "--ops-addr", "off", "--data", filepath.Join(t.TempDir(), "data")}
			oneClearLine(t, 1, tc.want, append(args, tc.args...)...)
		})
	}
}

func TestReadOnlyFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Create(filepath.Join(dir, "probe")); err == nil {
		f.Close()
		t.Skip("this user may write everywhere")
	}
	oneClearLine(t, 1, dir, "serve", "--addr", "127.0.0.1:0", "--ops-addr", "off", "--data", dir)
}
