package store

import (
	"errors"
	"net/url"
	"path/filepath"
	"sync"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// The engine writes each page of a commit with two calls to the system, which cost as much as all its SQL. Through this VFS,
// which else is the engine's own, what is written one after the other into a write-ahead log goes to the system at once: before
// the file is synced, read, measured, cut or closed. A commit is one call and one fsync. Nobody misses what is still gathered:
// with synchronous = FULL, frames count once the log has been synced. Pages of the database count before that, when a reader
// holds up the end of a checkpoint, so they are written as ever. https://sqlite.org/c3ref/io_methods.html
const gatheringVFS = "gathering"

// gatherMost is how many bytes are gathered of a file. The engine's own write takes less than 128 KiB.
const gatherMost = 120 << 10

// gatheringURI names the database at the path to a connection that writes.
func gatheringURI(path string) (string, error) {
	if err := registerGathering(); err != nil {
		return "", err
	}
	file := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: "vfs=" + gatheringVFS}
	return file.String(), nil
}

var registerGathering = sync.OnceValue(func() error {
	tls := libc.NewTLS()
	defer tls.Close()
	if rc := lib.Xsqlite3_initialize(tls); rc != lib.SQLITE_OK {
		return errors.New("SQLite cannot be initialized")
	}
	own := lib.Xsqlite3_vfs_find(tls, 0)
	name, err := libc.CString(gatheringVFS)
	if err != nil {
		return err
	}
	vfs := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(lib.Tsqlite3_vfs{})))
	if own == 0 || vfs == 0 {
		return errors.New("SQLite has no way to its files")
	}
	v := (*lib.Tsqlite3_vfs)(at(vfs))
	*v = *(*lib.Tsqlite3_vfs)(at(own))
	ownOpen = as[openFunc](v.FxOpen)
	v.FzName, v.FpNext, v.FxOpen = name, 0, pointerTo(gatherOpen)
	if rc := lib.Xsqlite3_vfs_register(tls, vfs, 0); rc != lib.SQLITE_OK {
		return errors.New("SQLite does not take another way to its files")
	}
	return nil
})

// The methods of a file, and how one is opened, as the engine calls them.
type (
	openFunc  = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, got uintptr) int32
	closeFunc = func(tls *libc.TLS, file uintptr) int32
	moveFunc  = func(tls *libc.TLS, file, buffer uintptr, n int32, offset int64) int32 // read and write
	cutFunc   = func(tls *libc.TLS, file uintptr, size int64) int32
	syncFunc  = func(tls *libc.TLS, file uintptr, flags int32) int32
	sizeFunc  = func(tls *libc.TLS, file, size uintptr) int32
	fetchFunc = func(tls *libc.TLS, file uintptr, offset int64, n int32, mapped uintptr) int32
	traitFunc = func(tls *libc.TLS, file uintptr) int32
)

// at is the engine's memory at the address.
func at(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// as is the function behind one of the engine's pointers, pointerTo the other way round. They are what Go's are.
func as[F any](pointer uintptr) F { return *(*F)(unsafe.Pointer(&pointer)) }

func pointerTo[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

var (
	ownOpen  openFunc
	gathered sync.Map // *gatheredFile by the engine's pointer to the file
)

// gatheredFile is a file that is open. One connection uses it, so there is one call at a time.
type gatheredFile struct {
	file  uintptr
	own   *lib.Tsqlite3_io_methods
	bytes []byte // that the system has not got yet
	from  int64  // where they belong
}

// gatherOpen opens a file of a database. Its write-ahead log is gathered where a sector is never damaged by writing beside it:
// else the engine syncs before the end of what it has written.
func gatherOpen(tls *libc.TLS, vfs, name, file uintptr, flags int32, got uintptr) int32 {
	if rc := ownOpen(tls, vfs, name, file, flags, got); rc != lib.SQLITE_OK {
		return rc
	}
	f := (*lib.Tsqlite3_file)(at(file))
	own := (*lib.Tsqlite3_io_methods)(at(f.FpMethods))
	if flags&lib.SQLITE_OPEN_WAL == 0 || as[traitFunc](own.FxDeviceCharacteristics)(tls, file)&lib.SQLITE_IOCAP_POWERSAFE_OVERWRITE == 0 {
		return lib.SQLITE_OK
	}
	methods := gatheringMethods(tls, f.FpMethods)
	if methods == 0 {
		return lib.SQLITE_OK // without memory for it, as the engine does it
	}
	gathered.Store(file, &gatheredFile{file: file, own: own})
	f.FpMethods = methods
	return lib.SQLITE_OK
}

var (
	gatheringMu     sync.Mutex
	gatheringTables = map[uintptr]uintptr{} // by the engine's own, of which there are few
)

// gatheringMethods are the engine's own methods of a file with ours among them.
func gatheringMethods(tls *libc.TLS, own uintptr) uintptr {
	gatheringMu.Lock()
	defer gatheringMu.Unlock()
	if table, ok := gatheringTables[own]; ok {
		return table
	}
	table := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(lib.Tsqlite3_io_methods{})))
	if table == 0 {
		return 0
	}
	m := (*lib.Tsqlite3_io_methods)(at(table))
	*m = *(*lib.Tsqlite3_io_methods)(at(own))
	m.FxClose, m.FxRead, m.FxWrite = pointerTo(gatherClose), pointerTo(gatherRead), pointerTo(gatherWrite)
	m.FxTruncate, m.FxSync, m.FxFileSize = pointerTo(gatherTruncate), pointerTo(gatherSync), pointerTo(gatherFileSize)
	m.FxFetch = pointerTo(gatherFetch)
	gatheringTables[own] = table
	return table
}

func gatheredOf(file uintptr) *gatheredFile {
	f, _ := gathered.Load(file)
	return f.(*gatheredFile)
}

// flush gives the system what was gathered. What it does not take is not kept: the engine learns that the write has failed, and
// writes again what it still wants to.
func (f *gatheredFile) flush(tls *libc.TLS) int32 {
	if len(f.bytes) == 0 {
		return lib.SQLITE_OK
	}
	n := int32(len(f.bytes))
	rc := as[moveFunc](f.own.FxWrite)(tls, f.file, uintptr(unsafe.Pointer(&f.bytes[0])), n, f.from)
	f.bytes = f.bytes[:0]
	return rc
}

func gatherWrite(tls *libc.TLS, file, buffer uintptr, n int32, offset int64) int32 {
	f := gatheredOf(file)
	if len(f.bytes)+int(n) > gatherMost || offset != f.from+int64(len(f.bytes)) {
		if rc := f.flush(tls); rc != lib.SQLITE_OK {
			return rc
		}
	}
	if len(f.bytes) == 0 {
		f.from = offset
	}
	f.bytes = append(f.bytes, unsafe.Slice((*byte)(at(buffer)), n)...)
	return lib.SQLITE_OK
}

func gatherRead(tls *libc.TLS, file, buffer uintptr, n int32, offset int64) int32 {
	f := gatheredOf(file)
	if rc := f.flush(tls); rc != lib.SQLITE_OK {
		return rc
	}
	return as[moveFunc](f.own.FxRead)(tls, file, buffer, n, offset)
}

func gatherSync(tls *libc.TLS, file uintptr, flags int32) int32 {
	f := gatheredOf(file)
	if rc := f.flush(tls); rc != lib.SQLITE_OK {
		return rc
	}
	return as[syncFunc](f.own.FxSync)(tls, file, flags)
}

func gatherTruncate(tls *libc.TLS, file uintptr, size int64) int32 {
	f := gatheredOf(file)
	if rc := f.flush(tls); rc != lib.SQLITE_OK {
		return rc
	}
	return as[cutFunc](f.own.FxTruncate)(tls, file, size)
}

func gatherFileSize(tls *libc.TLS, file, size uintptr) int32 {
	f := gatheredOf(file)
	if rc := f.flush(tls); rc != lib.SQLITE_OK {
		return rc
	}
	return as[sizeFunc](f.own.FxFileSize)(tls, file, size)
}

func gatherFetch(tls *libc.TLS, file uintptr, offset int64, n int32, mapped uintptr) int32 {
	f := gatheredOf(file)
	if rc := f.flush(tls); rc != lib.SQLITE_OK {
		return rc
	}
	return as[fetchFunc](f.own.FxFetch)(tls, file, offset, n, mapped)
}

func gatherClose(tls *libc.TLS, file uintptr) int32 {
	f := gatheredOf(file)
	written := f.flush(tls)
	gathered.Delete(file)
	if rc := as[closeFunc](f.own.FxClose)(tls, file); rc != lib.SQLITE_OK {
		return rc
	}
	return written
}
