package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// patience is how long an answer is waited for.
const patience = 60 * time.Second

// client is one connection that is kept, and what its owner says in every request. It shares two cores with what it
// measures, so it does nothing that an answer of our own server does not need.
type client struct {
	addr   string
	token  string
	socket net.Conn
	in     *bufio.Reader
	out    []byte // the request that is being written
	body   []byte // of the last answer
}

// newClient is a client of the server at this URL, with this session or none.
func newClient(url, token string) *client {
	return &client{addr: strings.TrimPrefix(url, "http://"), token: token}
}

func (c *client) close() {
	if c.socket != nil {
		c.socket.Close()
		c.socket = nil
	}
}

func (c *client) connect() (err error) {
	if c.socket == nil {
		if c.socket, err = net.Dial("tcp", c.addr); err == nil {
			c.in = bufio.NewReaderSize(c.socket, 16<<10)
		}
	}
	return err
}

// do sends a request and returns the answer's status and body, which is valid until the next call.
func (c *client) do(method, path, body string) (int, []byte, error) {
	if err := c.connect(); err != nil {
		return 0, nil, err
	}
	b := c.out[:0]
	b = append(b, method...)
	b = append(b, ' ')
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, c.addr...)
	if c.token != "" {
		b = append(b, "\r\nAuthorization: Bearer "...)
		b = append(b, c.token...)
	}
	if body != "" {
		b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(body)), 10)
	}
	b = append(b, "\r\n\r\n"...)
	b = append(b, body...)
	c.out = b
	if err := c.socket.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, nil, err
	}
	if _, err := c.socket.Write(b); err != nil {
		return 0, nil, err
	}
	status, err := c.read()
	if err != nil {
		err = fmt.Errorf("%s %s: %w", method, path, err)
	}
	return status, c.body, err
}

// read reads one answer into c.body.
func (c *client) read() (status int, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("no status line: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, err
	}
	length, err := c.header()
	if err != nil {
		return 0, err
	}
	c.body = c.body[:0]
	if length >= 0 {
		return status, c.take(length)
	}
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return 0, err
		}
		if err := c.take(int(size)); err != nil {
			return 0, err
		}
		if _, err := c.in.Discard(2); err != nil || size == 0 {
			return status, err
		}
	}
}

// header reads to the end of the header and returns the length of the body, -1 if it comes in chunks.
func (c *client) header() (length int, err error) {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			return length, nil
		}
		switch name, value, _ := bytes.Cut(line, []byte(":")); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			length = -1
		case bytes.EqualFold(name, []byte("Connection")) && bytes.EqualFold(bytes.TrimSpace(value), []byte("close")):
			return 0, errors.New("the server closes the connection")
		}
	}
}

func (c *client) take(n int) error {
	at := len(c.body)
	if cap(c.body) < at+n {
		c.body = append(make([]byte, 0, 2*(at+n)), c.body...)
	}
	c.body = c.body[:at+n]
	_, err := io.ReadFull(c.in, c.body[at:])
	return err
}

// want is do, and an error unless the answer has this status.
func (c *client) want(status int, method, path, body string) ([]byte, error) {
	got, answer, err := c.do(method, path, body)
	if err == nil && got != status {
		err = fmt.Errorf("%s %s %s: %d, not %d: %s", method, path, body, got, status, answer)
	}
	return answer, err
}

// field is the value of the first such string in a JSON document.
func field(document []byte, name string) string {
	_, rest, _ := bytes.Cut(document, []byte(`"`+name+`":"`))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}
