// Package postgres gives tests a PostgreSQL of their own: a private server on a private port, started by the first test of
// a test binary that asks, with a fresh database for each.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"ticketing/test/require"
)

var errMissing = errors.New("PostgreSQL's server programs (initdb, postgres)")

// OnDisk keeps the cluster where temporary files are, for whoever measures how fast it is. Where benchmarks are asked for it
// is kept there in any case.
var OnDisk bool

// server is the one server of this test binary.
var server = struct {
	once      sync.Once
	root      string  // URL of its maintenance database
	dir       string  // of its socket, among others
	admin     *sql.DB // to it, with one connection: a session costs the server more than a test's statements
	err       error
	pipe      io.Closer // kept open: the server stops when it closes
	mu        sync.Mutex
	next      int
	templates map[string]bool // that are prepared
}{templates: map[string]bool{}}

// URL is the address of a fresh, empty database, which is dropped at the end of the test.
func URL(t testing.TB) string {
	t.Helper()
	begin(t)
	return create(t, "template1")
}

// Copy is the address of a fresh database, which is dropped at the end of the test. It is a copy of one into which prepare
// has put its tables: that is done once for each name.
func Copy(t testing.TB, name string, prepare func(url string) error) string {
	t.Helper()
	begin(t)
	template := "template_" + name
	server.mu.Lock()
	if !server.templates[template] {
		command(t, "CREATE DATABASE "+template)
		if err := prepare(address(template)); err != nil {
			t.Fatal(err)
		}
		server.templates[template] = true
	}
	server.mu.Unlock()
	return create(t, template)
}

// Socket is the address of the same database through the server's socket.
func Socket(url string) string {
	port, path, _ := strings.Cut(strings.TrimPrefix(url, "postgres://postgres@127.0.0.1:"), "/")
	return "postgres://postgres@/" + path + "&port=" + port + "&host=" + server.dir
}

func begin(t testing.TB) {
	t.Helper()
	server.once.Do(func() { server.root, server.err = start() })
	if errors.Is(server.err, errMissing) {
		require.Skip(t, server.err.Error())
	}
	if server.err != nil {
		t.Fatalf("start PostgreSQL: %v", server.err)
	}
}

func create(t testing.TB, template string) string {
	t.Helper()
	server.mu.Lock()
	defer server.mu.Unlock()
	server.next++
	name := fmt.Sprintf("test_%d", server.next)
	command(t, "CREATE DATABASE "+name+" TEMPLATE "+template)
	t.Cleanup(func() {
		server.mu.Lock()
		defer server.mu.Unlock()
		command(t, "DROP DATABASE "+name+" WITH (FORCE)")
	})
	return address(name)
}

func address(database string) string {
	return strings.Replace(server.root, "/postgres?", "/"+database+"?", 1)
}

func command(t testing.TB, statement string) {
	t.Helper()
	if _, err := server.admin.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// start makes a cluster in a temporary folder and runs it. The server is a child of a shell that waits on a pipe of ours:
// however this process ends, the pipe closes, and the shell stops the server and removes the folder.
func start() (string, error) {
	bin, err := programs()
	if err != nil {
		return "", err
	}
	dir, err := folder()
	if err != nil {
		return "", err
	}
	attr, err := unprivileged(dir)
	if err != nil {
		return "", err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	script := `"$1" -D "$2" -p "$3" -k "$4" -h 127.0.0.1 -c max_connections=400 -c shared_buffers=128MB >"$4/log" 2>&1 &
pid=$!
read line
kill -INT $pid; wait $pid; rm -rf "$4"`
	server.dir = dir
	shell := exec.Command("sh", "-c", script, "sh", filepath.Join(bin, "postgres"), data, strconv.Itoa(port), dir)
	shell.SysProcAttr, shell.Dir = attr, dir
	if server.pipe, err = shell.StdinPipe(); err != nil {
		return "", err
	}
	if err := shell.Start(); err != nil {
		return "", err
	}
	root := fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)
	if server.admin, err = sql.Open("pgx", root); err != nil {
		return "", err
	}
	server.admin.SetMaxOpenConns(1)
	return root, wait(filepath.Join(dir, "log"))
}

// folder is a new one for the cluster: in memory where that has room, unless TMPDIR says where else, since most of what tests
// do with a database is to wait for the disk.
func folder() (string, error) {
	const (
		memory  = "/dev/shm" // of Linux
		room    = 6 << 30    // for the clusters of all test binaries that run at once, in bytes
		pattern = "ticketing-postgres-"
	)
	var fs syscall.Statfs_t
	measured := OnDisk || flag.Lookup("test.bench").Value.String() != ""
	if !measured && os.Getenv("TMPDIR") == "" && syscall.Statfs(memory, &fs) == nil && uint64(fs.Bavail)*uint64(fs.Bsize) > room {
		if dir, err := os.MkdirTemp(memory, pattern); err == nil {
			return dir, nil
		}
	}
	return os.MkdirTemp("", pattern)
}

// programs is the folder of the server's programs: on the path, or where distributions and Homebrew put them.
func programs() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(p); err == nil {
			return filepath.Dir(real), nil
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin/initdb", "/opt/homebrew/opt/postgresql*/bin/initdb", "/usr/local/opt/postgresql*/bin/initdb",
	} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return filepath.Dir(slices.Max(found)), nil
		}
	}
	return "", errMissing
}

// unprivileged gives the folder to another user when we are root, which PostgreSQL refuses to run as. Its own process
// group keeps an interrupt at the terminal from reaching the server before the shell stops it.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return attr, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attr, os.Chown(dir, int(uid), int(gid))
	}
	return nil, errors.New("root cannot run PostgreSQL, and there is no other user to run it as")
}

// freePort is one below the range that client sockets get theirs from, so that none takes it in between.
func freePort() (int, error) {
	for port := 20000 + os.Getpid()%5000; port < 32000; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no free port")
}

func wait(log string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		err := server.admin.PingContext(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			text, _ := os.ReadFile(log)
			return fmt.Errorf("PostgreSQL did not start: %w: %s", err, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
