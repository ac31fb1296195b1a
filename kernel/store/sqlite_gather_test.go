package store

import (
	"slices"
	"testing"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// system stands for what is below the engine's files: it notes the calls and has them fail on demand.
var system struct {
	calls []call
	rc    int32
}

type call struct {
	what   string
	text   string
	offset int64
}

func noted(c call) int32 {
	system.calls = append(system.calls, c)
	return system.rc
}

// systemFile is a file whose methods only note that they are called.
func systemFile(t *testing.T) (tls *libc.TLS, file uintptr) {
	tls = libc.NewTLS()
	t.Cleanup(tls.Close)
	file = libc.Xcalloc(tls, 1, 64)
	own := &lib.Tsqlite3_io_methods{
		FxWrite: pointerTo(func(_ *libc.TLS, _, buffer uintptr, n int32, offset int64) int32 {
			return noted(call{"write", string(unsafe.Slice((*byte)(at(buffer)), n)), offset})
		}),
		FxRead: pointerTo(func(_ *libc.TLS, _, _ uintptr, _ int32, offset int64) int32 {
			return noted(call{"read", "", offset})
		}),
		FxTruncate: pointerTo(func(_ *libc.TLS, _ uintptr, size int64) int32 { return noted(call{"truncate", "", size}) }),
		FxSync:     pointerTo(func(*libc.TLS, uintptr, int32) int32 { return noted(call{what: "sync"}) }),
		FxFileSize: pointerTo(func(*libc.TLS, uintptr, uintptr) int32 { return noted(call{what: "size"}) }),
		FxFetch: pointerTo(func(_ *libc.TLS, _ uintptr, offset int64, _ int32, _ uintptr) int32 {
			return noted(call{"fetch", "", offset})
		}),
		FxClose: pointerTo(func(*libc.TLS, uintptr) int32 { return noted(call{what: "close"}) }),
	}
	gathered.Store(file, &gatheredFile{file: file, own: own})
	t.Cleanup(func() { gathered.Delete(file) })
	system.calls, system.rc = nil, lib.SQLITE_OK
	return tls, file
}

func written(t *testing.T, tls *libc.TLS, file uintptr, text string, offset int64) int32 {
	t.Helper()
	p, err := libc.CString(text)
	if err != nil {
		t.Fatal(err)
	}
	defer libc.Xfree(tls, p)
	return gatherWrite(tls, file, p, int32(len(text)), offset)
}

func TestWritesInARowAreOneCall(t *testing.T) {
	tls, file := systemFile(t)
	for i, text := range []string{"header", "frame ", "page  "} {
		written(t, tls, file, text, int64(6*i))
	}
	if len(system.calls) > 0 {
		t.Errorf("before the sync there were %v", system.calls)
	}
	gatherSync(tls, file, 0)
	written(t, tls, file, "behind", 18)
	written(t, tls, file, "before", 0)
	gatherRead(tls, file, 0, 0, 3)
	written(t, tls, file, "1", 6)
	gatherTruncate(tls, file, 7)
	written(t, tls, file, "2", 7)
	gatherFileSize(tls, file, 0)
	written(t, tls, file, "3", 8)
	gatherFetch(tls, file, 4, 0, 0)
	written(t, tls, file, "4", 9)
	gatherClose(tls, file)
	want := []call{
		{"write", "headerframe page  ", 0}, {what: "sync"}, {"write", "behind", 18}, {"write", "before", 0}, {"read", "", 3},
		{"write", "1", 6}, {"truncate", "", 7}, {"write", "2", 7}, {what: "size"}, {"write", "3", 8}, {"fetch", "", 4}, {"write", "4", 9},
		{what: "close"},
	}
	if !slices.Equal(system.calls, want) {
		t.Errorf("the system was asked for\n%v, want\n%v", system.calls, want)
	}
	if _, open := gathered.Load(file); open {
		t.Error("the closed file is still known")
	}
}

func TestNoWriteIsLargerThanTheEnginesOwnTakes(t *testing.T) {
	tls, file := systemFile(t)
	page := string(make([]byte, 4096))
	for i := range int64(100) {
		written(t, tls, file, page, 4096*i)
	}
	gatherSync(tls, file, 0)
	at := int64(0)
	for _, c := range system.calls {
		if c.what == "write" {
			if c.offset != at || len(c.text) >= 128<<10 {
				t.Errorf("%d bytes are written at %d, which is to follow %d", len(c.text), c.offset, at)
			}
			at += int64(len(c.text))
		}
	}
	if at != 100*4096 {
		t.Errorf("%d bytes were written, want %d", at, 100*4096)
	}
}

// A write that fails late is a sync that fails, and nothing of it comes again with the next one.
func TestAFailedWriteFailsTheSync(t *testing.T) {
	tls, file := systemFile(t)
	written(t, tls, file, "lost", 0)
	system.rc = lib.SQLITE_FULL
	if rc := gatherSync(tls, file, 0); rc != lib.SQLITE_FULL {
		t.Errorf("the sync of a file that cannot be written is %d", rc)
	}
	written(t, tls, file, "lost too", 0)
	if rc := written(t, tls, file, "elsewhere", 100); rc != lib.SQLITE_FULL {
		t.Errorf("a write behind one that fails is %d", rc)
	}
	system.calls, system.rc = nil, lib.SQLITE_OK
	written(t, tls, file, "kept", 0)
	if rc := gatherSync(tls, file, 0); rc != lib.SQLITE_OK {
		t.Errorf("the sync is %d", rc)
	}
	if want := []call{{"write", "kept", 0}, {what: "sync"}}; !slices.Equal(system.calls, want) {
		t.Errorf("the system was asked for %v, want %v", system.calls, want)
	}
}
