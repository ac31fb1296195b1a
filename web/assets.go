package web

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// assets are the files that pages refer to. Each is served under a name that changes with its content, so that it can be
// kept for ever; a script that imports another refers to it by that name too.
type assets struct {
	folder fs.FS
	byFile map[string]asset  // by the name that holds the fingerprint
	names  map[string]string // that name, by the name in the folder
	busy   []string          // being read: a script that imports itself is a mistake
}

type asset struct {
	kind    string
	tag     string
	content []byte
	zipped  func() []byte // once somebody has asked for it; nil when that saves nothing
}

// imported is another script of the same folder, in an import.
var imported = regexp.MustCompile(`(\bfrom |\bimport |\bimport\()"\./([\w-]+\.js)"`)

// newAssets reads all files of the folder.
func newAssets(folder fs.FS) (*assets, error) {
	a := &assets{folder: folder, byFile: map[string]asset{}, names: map[string]string{}}
	files, err := fs.ReadDir(folder, ".")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if _, err := a.add(f.Name()); err != nil {
			return nil, fmt.Errorf("asset %s: %w", f.Name(), err)
		}
	}
	return a, nil
}

// add reads one file, after those that it imports, and returns the name that it is served under.
func (a *assets) add(name string) (string, error) {
	if file, ok := a.names[name]; ok {
		return file, nil
	}
	if slices.Contains(a.busy, name) {
		return "", fmt.Errorf("%s imports itself, through %v", name, a.busy)
	}
	content, err := fs.ReadFile(a.folder, name)
	if err != nil {
		return "", err
	}
	a.busy = append(a.busy, name)
	extension := path.Ext(name)
	if extension == ".js" {
		if content, err = a.resolve(content); err != nil {
			return "", err
		}
	}
	a.busy = a.busy[:len(a.busy)-1]
	print := fingerprint(content)
	file := strings.TrimSuffix(name, extension) + "." + print + extension
	a.names[name] = file
	a.byFile[file] = asset{
		kind: mimeOf(extension), tag: `"` + print + `"`, content: content, zipped: sync.OnceValue(func() []byte { return zipped(content) }),
	}
	return file, nil
}

// resolve replaces the names of imported scripts by those that they are served under.
func (a *assets) resolve(script []byte) (_ []byte, err error) {
	lines := bytes.SplitAfter(script, []byte("\n"))
	for i, line := range lines {
		if !bytes.Contains(line, []byte(`"./`)) {
			continue
		}
		lines[i] = imported.ReplaceAllFunc(line, func(match []byte) []byte {
			parts := imported.FindSubmatch(match)
			file, failed := a.add(string(parts[2]))
			if failed != nil {
				err = failed
			}
			return fmt.Appendf(nil, `%s"./%s"`, parts[1], file)
		})
	}
	return bytes.Join(lines, nil), err
}

// path is where the file of that name is.
func (a *assets) path(name string) (string, error) {
	file, ok := a.names[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %s", name)
	}
	return "/static/" + file, nil
}

// ServeHTTP implements http.Handler for one file.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", a.tag)
	h.Add("Vary", "Accept-Encoding")
	content := a.content
	if takesGzip(r) && r.Header.Get("Range") == "" {
		if zipped := a.zipped(); zipped != nil {
			h.Set("Content-Encoding", "gzip")
			content = zipped
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// mimeOf does not ask the machine, whose tables differ.
func mimeOf(extension string) string {
	switch extension {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(extension)
}

// zipped is the content compressed as well as gzip can; nil if that is not smaller.
func zipped(content []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := w.Write(content); err != nil || w.Close() != nil || out.Len() >= len(content) {
		return nil
	}
	return out.Bytes()
}

// takesGzip tells whether the client can read gzip.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" || name == "*" {
			q = strings.ReplaceAll(q, " ", "")
			return q != "q=0" && !strings.HasPrefix(q, "q=0.0")
		}
	}
	return false
}
