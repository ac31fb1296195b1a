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
	"path/filepath"
	"regexp"
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
	style  string // the path of the style sheet, which changes with its content
	log    *slog.Logger
}

// page is what every template gets.
type page struct {
	Title string
	Style string
	Base  string // the address of this site as the visitor knows it: http://localhost:8080
	Data  any
}

func newPages(log *slog.Logger) (*pages, error) {
	css, err := files.ReadFile("static/style.css")
	if err != nil {
		return nil, err
	}
	p := &pages{byName: map[string]*template.Template{}, style: "/static/style." + fingerprint(css) + ".css", log: log}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		t, err := template.New("").Funcs(template.FuncMap{"prose": prose}).ParseFS(files, "templates/layout.html", name)
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
		base := path.Base(name)
		p.byName[base[:len(base)-len(".html")]] = t
	}
	return p, nil
}

func (p *pages) render(w http.ResponseWriter, r *http.Request, status int, name string, content page) {
	content.Style, content.Base = p.style, baseOf(r)
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

// asset serves an embedded file; its path holds a fingerprint, or it hardly ever changes.
func (p *pages) asset(name string) http.Handler {
	content, err := files.ReadFile("static/" + name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			httpapi.WriteFault(w, r, err)
			return
		}
		w.Header().Set("Content-Type", mime.TypeByExtension(filepath.Ext(name)))
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
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
