package web

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"html"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"ticketing/api"
	"ticketing/kernel/money"
)

//go:embed style.css templates/*.html templates/partials/*.html static/*
var files embed.FS

// pages holds the templates, each page with the layout and all partials.
type pages struct {
	byName   map[string]func() (*template.Template, error) // made when somebody first looks at one
	sheets   map[string]sheet
	partials *template.Template // to render them alone
	assets   *assets
}

// shell is the data of a page: a struct of its own that embeds *View, for the layout.
type shell interface{ shell() *View }

func newPages() (*pages, error) {
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, err
	}
	p := &pages{byName: map[string]func() (*template.Template, error){}}
	if p.assets, err = newAssets(static); err != nil {
		return nil, err
	}
	shared, err := template.New("").Funcs(p.functions()).ParseFS(files, "templates/layout.html", "templates/partials/*.html")
	if err != nil {
		return nil, err
	}
	if p.partials, err = shared.Clone(); err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".html")
		p.byName[name] = sync.OnceValues(func() (*template.Template, error) {
			page, err := shared.Clone()
			if err != nil {
				return nil, err
			}
			return page.Funcs(template.FuncMap{"style": func() template.CSS { return p.sheets[name].css }}).ParseFS(files, file)
		})
	}
	return p, p.dress()
}

// dress gives each page its style.
func (p *pages) dress() error {
	css, err := files.ReadFile("style.css")
	if err != nil {
		return err
	}
	p.sheets, err = sheets(string(css), slices.Collect(maps.Keys(p.byName)))
	return err
}

// functions are what templates can call, besides the methods of their data.
func (p *pages) functions() template.FuncMap {
	return template.FuncMap{
		"t":     func(v *View, key string, args ...any) (string, error) { return v.text(key, args...) },
		"money": func(v *View, amount money.Decimal, currency string) string { return v.words.Money(amount, currency) },
		"when":  func(v *View, t time.Time) string { return v.When(t) },
		"event": func(v *View, t api.Ticket) string { return v.Begins(&t) },
		"day":   func(v *View, t time.Time) string { return v.words.Day(t.In(v.zone)) },
		"clock": func(v *View, t time.Time) string { return v.words.Clock(t.In(v.zone)) },
		"said":  func(v *View, english string) string { return v.words.Said(english) },
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"asset": p.assets.path,
		"style": func() template.CSS { return "" }, // each page has its own
		"prose": prose,
	}
}

// page makes a whole page.
func (p *pages) page(name string, data shell) (*bytes.Buffer, error) {
	made, ok := p.byName[name]
	if !ok {
		return nil, fmt.Errorf("there is no page %s", name)
	}
	out := &bytes.Buffer{}
	t, err := made()
	if err == nil {
		err = t.ExecuteTemplate(out, "layout", data)
	}
	if err != nil {
		return nil, fmt.Errorf("page %s: %w", name, err)
	}
	return out, nil
}

// partial makes a part of a page, which is the same within the page and alone.
func (p *pages) partial(name string, data any) (*bytes.Buffer, error) {
	out := &bytes.Buffer{}
	if err := p.partials.ExecuteTemplate(out, name, data); err != nil {
		return nil, fmt.Errorf("partial %s: %w", name, err)
	}
	return out, nil
}

// worthZipping is the size from which compressing a page saves anything.
const worthZipping = 1400

var zippers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// send writes a finished body, compressed if the client can read that.
func send(w http.ResponseWriter, r *http.Request, status int, body *bytes.Buffer) error {
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	if body.Len() < worthZipping || !takesGzip(r) {
		w.WriteHeader(status)
		_, err := body.WriteTo(w)
		return err
	}
	h.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z := zippers.Get().(*gzip.Writer)
	defer zippers.Put(z)
	z.Reset(w)
	if _, err := body.WriteTo(z); err != nil {
		return err
	}
	return z.Close()
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// prose is a text of the documents, whose code spans are all that is used here of Markdown.
func prose(text string) template.HTML {
	return template.HTML(codeSpan.ReplaceAllString(html.EscapeString(text), "<code>$1</code>"))
}
