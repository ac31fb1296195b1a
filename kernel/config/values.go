package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ticketing/kernel/money"
)

// Duration is a time span of more than nothing: 90s, 15m, 1h30m.
type Duration time.Duration

// UnmarshalText takes Go's notation.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 90s, 15m or 1h30m", text)
	}
	if v <= 0 {
		return fmt.Errorf("%s is not more than 0", text)
	}
	*d = Duration(v)
	return nil
}

// Count is a whole number of at least 1.
type Count int

// UnmarshalText takes decimal digits.
func (c *Count) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 10, 31)
	if err != nil || v == 0 {
		return fmt.Errorf("%q is not a whole number of at least 1", text)
	}
	*c = Count(v)
	return nil
}

// BasisPoints is a part of something in hundredths of a percent: 250 are 2.5 %.
type BasisPoints int

// UnmarshalText takes whole numbers from 0 to 10000.
func (b *BasisPoints) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 10, 31)
	if err != nil || v > 10_000 {
		return fmt.Errorf("%q is not a whole number of basis points between 0 and 10000; 250 are 2.5 %%", text)
	}
	*b = BasisPoints(v)
	return nil
}

// Currency is a currency of ISO 4217.
type Currency struct{ money.Currency }

// UnmarshalText takes a code in either case.
func (c *Currency) UnmarshalText(text []byte) (err error) {
	c.Currency, err = money.ParseCurrency(string(text))
	return err
}

// Addr is where to listen: HOST:PORT or :PORT.
type Addr string

// UnmarshalText checks the form; whether the host exists shows when it is listened on.
func (a *Addr) UnmarshalText(text []byte) error {
	_, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return fmt.Errorf("%q is not an address such as :8080 or 127.0.0.1:8080", text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q has no port between 0 and 65535", text)
	}
	*a = Addr(text)
	return nil
}

// OptionalAddr is an Addr, or empty when it was given as "off".
type OptionalAddr Addr

// UnmarshalText takes what Addr takes, and "off".
func (a *OptionalAddr) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*a = ""
		return nil
	}
	return (*Addr)(a).UnmarshalText(text)
}

// Secret is a value that no log and no message shows.
type Secret string

const hidden = "(hidden)"

// String hides the value.
func (Secret) String() string { return hidden }

// GoString hides the value.
func (Secret) GoString() string { return hidden }

// LogValue hides the value.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the value, in JSON too.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// URL is the address of an HTTP server, without a slash at its end; empty when none was given.
type URL string

// UnmarshalText takes http:// and https:// addresses.
func (u *URL) UnmarshalText(text []byte) error {
	v, err := parseBase(string(text))
	if err == nil {
		*u = URL(v.String())
	}
	return err
}

func parseBase(text string) (*url.URL, error) {
	v, err := parseURL(text, "http", "https")
	if err != nil {
		return nil, err
	}
	if v.RawQuery != "" || v.Fragment != "" {
		return nil, errors.New("a base URL has no query and no fragment")
	}
	v.Path = strings.TrimRight(v.Path, "/")
	return v, nil
}

// DatabaseURL is the address of a PostgreSQL database; it may hold a password.
type DatabaseURL Secret

// UnmarshalText takes postgres:// addresses. The host may be the folder of a socket, which stands in the query:
// postgres:///ticketing?host=/run/postgresql.
func (u *DatabaseURL) UnmarshalText(text []byte) error {
	schemes := []string{"postgres", "postgresql"}
	v, err := url.Parse(string(text))
	if socket := err == nil && slices.Contains(schemes, v.Scheme) && v.Query().Get("host") != ""; !socket {
		if _, err := parseURL(string(text), schemes...); err != nil {
			return err
		}
	}
	*u = DatabaseURL(text)
	return nil
}

// String is the address with its password hidden.
func (u DatabaseURL) String() string { return RedactURL(string(u)) }

// LogValue hides the password.
func (u DatabaseURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// NATSURL is one or more addresses of a NATS cluster, with commas between them; they may hold passwords.
type NATSURL Secret

// UnmarshalText takes nats:// and tls:// addresses, and those of websockets.
func (u *NATSURL) UnmarshalText(text []byte) error {
	for part := range strings.SplitSeq(string(text), ",") {
		if _, err := parseURL(strings.TrimSpace(part), "nats", "tls", "ws", "wss"); err != nil {
			return err
		}
	}
	*u = NATSURL(text)
	return nil
}

// String is the addresses with their passwords hidden.
func (u NATSURL) String() string { return Redact(string(u)) }

// LogValue hides the passwords.
func (u NATSURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// Redact hides the passwords in URLs with commas between them.
func Redact(urls string) string {
	parts := strings.Split(urls, ",")
	for i, part := range parts {
		parts[i] = RedactURL(strings.TrimSpace(part))
	}
	return strings.Join(parts, ",")
}

// RedactURL hides the passwords in a URL: the user's, and those that drivers of databases look for in the query.
func RedactURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return hidden
	}
	query := u.Query()
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query.Set(name, "xxxxx") // as the standard library has it
			u.RawQuery = query.Encode()
		}
	}
	return u.Redacted()
}

// parseURL never repeats the text in its error: it may hold a password.
func parseURL(text string, schemes ...string) (*url.URL, error) {
	want := schemes[0] + "://HOST"
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("is not a URL such as %s", want)
	}
	for _, s := range schemes {
		if u.Scheme == s && u.Host != "" {
			return u, nil
		}
	}
	return nil, fmt.Errorf("is not a URL such as %s", want)
}

// Networks is a list of networks with commas between them; an address alone is the network of that one host.
type Networks []netip.Prefix

// UnmarshalText takes CIDR notation and addresses.
func (n *Networks) UnmarshalText(text []byte) error {
	var list Networks
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		if addr, err := netip.ParseAddr(part); err == nil {
			addr = addr.Unmap().WithZone("")
			list = append(list, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(part)
		if err != nil {
			return fmt.Errorf("%q is not a network such as 10.0.0.0/8 or an address", part)
		}
		list = append(list, network.Masked())
	}
	*n = list
	return nil
}

// Remotes is where the services of the API are: one base URL for all, under the empty name, or several for each name.
type Remotes map[string][]*url.URL

// UnmarshalText takes URL, or NAME=URL with commas between; a name may be repeated, once for each replica.
func (r *Remotes) UnmarshalText(text []byte) error {
	remotes := Remotes{}
	for part := range strings.SplitSeq(string(text), ",") {
		name, address, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named || strings.Contains(name, "://") {
			name, address = "", strings.TrimSpace(part)
		}
		u, err := parseBase(address)
		if err != nil {
			return err
		}
		remotes[name] = append(remotes[name], u)
	}
	if len(remotes[""]) > 0 && len(remotes) > 1 {
		return errors.New("give either base URLs alone or a name with each")
	}
	*r = remotes
	return nil
}
