package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"ticketing/kernel/config"
)

// errNotRunning says that no market listens for its operators at the address.
var errNotRunning = errors.New("no market is running")

// opsClient asks the operators' listener of a running market.
type opsClient struct{ base string }

func newOpsClient(addr config.OptionalAddr) opsClient {
	host, port, err := net.SplitHostPort(string(addr))
	if err != nil {
		return opsClient{} // it is off: nothing runs there
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return opsClient{"http://" + net.JoinHostPort(host, port)}
}

// ask returns the body of a 2xx. The error is errNotRunning when nobody listens.
func (c opsClient) ask(ctx context.Context, method, path string) (io.ReadCloser, error) {
	if c.base == "" {
		return nil, errNotRunning
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return nil, errNotRunning
	case err != nil:
		return nil, err
	case resp.StatusCode/100 == 2:
		return resp.Body, nil
	}
	defer resp.Body.Close()
	return nil, refusal(c.base, resp)
}

// refusal is what an answer that is no 2xx says.
func refusal(base string, resp *http.Response) error {
	var problem struct{ Detail string }
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.NewDecoder(resp.Body).Decode(&problem); err == nil && problem.Detail != "" {
			return errors.New(problem.Detail)
		}
	}
	return fmt.Errorf("what listens at %s is not a market with an event log (it answered %s)", base, resp.Status)
}
