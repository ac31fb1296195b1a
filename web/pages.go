package web

import (
	"bytes"
	"embed"
	"fmt"
	"html"
	"html/template"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"

	"ticketing/kernel/httpapi"
)

//go:embed templates/*.html static/*
var files embed.FS

// policy allows what these pages need and nothing else: no script at all, styles and images from here.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// pages renders the templates, each within the layout.
type pages struct {
	byName map[string]*template.Template
	assets map[string]asset // by the last part of their path, which changes with the content
	log    *slog.Logger
}

// asset is a file that pages refer to.
type asset struct {
	kind    string
	content []byte
}

// page is what every template gets.
type page struct {
	Title string
	Base  string // the address of this site as the visitor knows it: http://localhost:8080
	Data  any
}

func newPages(log *slog.Logger) (*pages, error) {
	p := &pages{byName: map[string]*template.Template{}, assets: map[string]asset{}, log: log}
	paths := map[string]string{}
	if err := each("static/*", func(name string, content []byte) error {
		extension := path.Ext(name)
		file := strings.TrimSuffix(name, extension) + "." + fingerprint(content) + extension
		p.assets[file] = asset{mime.TypeByExtension(extension), content}
		paths[name] = "/static/" + file
		return nil
	}); err != nil {
		return nil, err
	}
	functions := template.FuncMap{"prose": prose, "asset": func(name string) string { return paths[name] }}
	return p, each("templates/*.html", func(name string, _ []byte) error {
		t, err := template.New("").Funcs(functions).ParseFS(files, "templates/layout.html", "templates/"+name)
		if err != nil {
			return fmt.Errorf("page %s: %w", name, err)
		}
		p.byName[strings.TrimSuffix(name, ".html")] = t
		return nil
	})
}

// each calls f with the embedded files of the pattern.
func each(pattern string, f func(name string, content []byte) error) error {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		if err := f(path.Base(name), content); err != nil {
			return err
		}
	}
	return nil
}

func (p *pages) render(w http.ResponseWriter, r *http.Request, status int, name string, content page) {
	content.Base = baseOf(r)
	var out bytes.Buffer
	if err := p.byName[name].ExecuteTemplate(&out, "layout", content); err != nil {
		httpapi.WriteFault(w, r, fmt.Errorf("page %s: %w", name, err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", policy)
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-cache")
	}
	w.WriteHeader(status)
	if _, err := out.WriteTo(w); err != nil {
		p.log.Debug("the visitor went away", "error", err)
	}
}

// asset serves a file for ever: another content has another path.
func (s *Site) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := s.pages.assets[r.PathValue("file")]
	if !ok {
		s.refuse(w, r, http.NotFoundHandler())
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// prose is a text of the documents, whose code spans are all that is used here of Markdown.
func prose(text string) template.HTML {
	return template.HTML(codeSpan.ReplaceAllString(html.EscapeString(text), "<code>$1</code>"))
}

func baseOf(r *http.Request) string {
	if httpapi.Secure(r.Context()) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
