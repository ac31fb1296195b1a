package config_test

import (
	"encoding"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"ticketing/kernel/config"
)

func TestValuesAreCheckedWhenTheyAreRead(t *testing.T) {
	for _, tc := range []struct {
		into func() encoding.TextUnmarshaler
		good []string
		bad  []string
	}{
		{func() encoding.TextUnmarshaler { return new(config.Duration) }, []string{"1ms", "15m", "1h30m"}, []string{"", "0", "0s", "-1s", "15", "soon"}},
		{func() encoding.TextUnmarshaler { return new(config.Count) }, []string{"1", "12"}, []string{"", "0", "-1", "1.5", "99999999999"}},
		{func() encoding.TextUnmarshaler { return new(config.BasisPoints) }, []string{"0", "250", "10000"}, []string{"", "-1", "10001", "2.5", "5%"}},
		{func() encoding.TextUnmarshaler { return new(config.Currency) }, []string{"usd", "EUR", "jpy"}, []string{"", "dollar", "xxx", "zzz"}},
		{func() encoding.TextUnmarshaler { return new(config.Addr) }, []string{":8080", "127.0.0.1:0", "[::1]:80", "localhost:1"}, []string{"", "8080", ":", ":http", ":65536", "a:b:c", "off"}},
		{func() encoding.TextUnmarshaler { return new(config.OptionalAddr) }, []string{"off", "127.0.0.1:8081"}, []string{"", "on", "8081"}},
		{func() encoding.TextUnmarshaler { return new(config.URL) }, []string{"http://a", "https://a:1/b/"}, []string{"", "a", "ftp://a", "http://", "http://a/?b=c", "http://a/#b", "http://a:x"}},
		{func() encoding.TextUnmarshaler { return new(config.DatabaseURL) },
			[]string{"postgres://u:p@h/d", "postgresql://h/d?sslmode=disable", "postgres:///d?host=/run/postgresql", "postgres://u@/d?port=5433&host=/tmp"},
			[]string{"", "mysql://h/d", "postgres://", "postgres:///d", "postgres:///d?host=", "mysql:///d?host=/tmp"}},
		{func() encoding.TextUnmarshaler { return new(config.NATSURL) }, []string{"nats://a:4222", "nats://a, tls://b"}, []string{"", "a:4222", "http://a", "nats://a,"}},
		{func() encoding.TextUnmarshaler { return new(config.Networks) }, []string{"10.0.0.0/8", "::1", "10.0.0.0/8, 192.168.1.7"}, []string{"", "10.0.0.0/33", "localhost", "10.0.0.0/8,"}},
		{func() encoding.TextUnmarshaler { return new(config.Remotes) }, []string{"http://a", "http://a,http://b", "auth=http://a,auth=http://b,tickets=https://c"}, []string{"", "auth=", "a", "http://a,auth=http://b"}},
	} {
		for _, text := range tc.good {
			if v := tc.into(); v.UnmarshalText([]byte(text)) != nil {
				t.Errorf("%T refuses %q: %v", v, text, v.UnmarshalText([]byte(text)))
			}
		}
		for _, text := range tc.bad {
			if v := tc.into(); v.UnmarshalText([]byte(text)) == nil {
				t.Errorf("%T takes %q", v, text)
			}
		}
	}
}

func TestNetworksCountAnAddressAsOneHost(t *testing.T) {
	var n config.Networks
	if err := n.UnmarshalText([]byte("10.1.2.3/8, 192.168.1.7,::1,::ffff:1.2.3.4")); err != nil {
		t.Fatal(err)
	}
	want := config.Networks{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.1.7/32"),
		netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("1.2.3.4/32"),
	}
	if !reflect.DeepEqual(n, want) {
		t.Errorf("got %v, want %v", n, want)
	}
}

func TestRemotesKeepReplicasInOrder(t *testing.T) {
	var r config.Remotes
	if err := r.UnmarshalText([]byte("auth=http://a/,tickets=http://t,auth=http://b:1/x")); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(r["auth"], r["tickets"]); got != "[http://a http://b:1/x] [http://t]" {
		t.Errorf("got %s", got)
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	secret := config.Secret("hunter2")
	database := config.DatabaseURL("postgres://u:hunter2@h/d")
	broker := config.NATSURL("nats://u:hunter2@a,nats://b")
	logger.Info("started", "key", secret, "database", database, "broker", broker)
	logger.Info("started", "comma", config.DatabaseURL("postgres://u:a,hunter2@h/d"), "query", config.DatabaseURL("postgres:///d?host=/tmp&user=u&password=hunter2"))
	shown := log.String() + fmt.Sprintf("%v %+v %#v %s %s %s", secret, secret, secret, secret, database, broker)
	if strings.Contains(shown, "hunter2") {
		t.Errorf("a secret shows: %s", shown)
	}
	if !strings.Contains(shown, "postgres://u:xxxxx@h/d") || !strings.Contains(shown, "nats://u:xxxxx@a,nats://b") {
		t.Errorf("the rest of an address should show: %s", shown)
	}
}
