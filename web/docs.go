package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// docs is the documents as a page shows them.
type docs struct {
	Title, Version, Description string
	Groups                      []group
	Shapes                      []shape
	Events                      []eventDoc
	EventsDescription           string
	EventShapes                 []shape
}

// group is the operations of one tag.
type group struct {
	Name        string
	Description string
	Operations  []operation
}

// operation is one method of one path.
type operation struct {
	ID, Method, Path     string
	Summary, Description string
	SignedIn             bool
	Parameters           []parameter
	Body                 *body
	Answers              []answer
}

type parameter struct {
	In string
	field
}

type body struct {
	Media  string
	Type   string
	Link   string
	Fields []field
}

type answer struct {
	Status, Description string
	Type, Link          string
	Headers             []field
	Problems            []string // codes
}

// eventDoc is one event of the log.
type eventDoc struct {
	Name, Summary, Description string
	Address                    string
	Fields                     []field // of its data, when that has no name
	Kind, Link                 string  // of its data, when that has one
}

// openAPI is what the page reads of an OpenAPI document.
type openAPI struct {
	Info struct{ Title, Version, Description string } `json:"info"`
	Tags []struct{ Name, Description string }         `json:"tags"`
	// By path, then method; a path's other members are no objects with an operationId and are passed over.
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

type openOperation struct {
	OperationID string                `json:"operationId"`
	Summary     string                `json:"summary"`
	Description string                `json:"description"`
	Tags        []string              `json:"tags"`
	Security    []map[string][]string `json:"security"`
	Parameters  []struct {
		Name, In, Description string
		Required              bool
		Schema                *schema
	} `json:"parameters"`
	RequestBody *struct {
		Content map[string]struct{ Schema *schema } `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Description string `json:"description"`
		Headers     map[string]struct {
			Description string
			Schema      *schema
		} `json:"headers"`
		Content map[string]struct {
			Schema   *schema
			Examples map[string]json.RawMessage
		} `json:"content"`
	} `json:"responses"`
}

const problemMedia = "application/problem+json"

var methods = []string{"get", "post", "put", "patch", "delete"}

func newDocs(openAPIDocument, asyncAPIDocument func() ([]byte, error)) (*docs, error) {
	var open openAPI
	if err := readDocument(openAPIDocument, &open); err != nil {
		return nil, fmt.Errorf("the OpenAPI document: %w", err)
	}
	d := &docs{
		Title: open.Info.Title, Version: open.Info.Version, Description: open.Info.Description,
		Shapes: shapes(apiAnchors, open.Components.Schemas),
	}
	for _, path := range sortedKeys(open.Paths) {
		for _, method := range methods {
			raw, ok := open.Paths[path][method]
			if !ok {
				continue
			}
			var o openOperation
			if err := json.Unmarshal(raw, &o); err != nil {
				return nil, fmt.Errorf("the OpenAPI document, %s %s: %w", method, path, err)
			}
			d.add(o.tag(), o.view(method, path, open.Components.Schemas))
		}
	}
	for _, tag := range open.Tags {
		if i := d.index(tag.Name); i >= 0 {
			d.Groups[i].Description = tag.Description
		}
	}
	var async asyncAPI
	if err := readDocument(asyncAPIDocument, &async); err != nil {
		return nil, fmt.Errorf("the AsyncAPI document: %w", err)
	}
	d.readEvents(async)
	return d, nil
}

func readDocument(written func() ([]byte, error), into any) error {
	content, err := written()
	if err != nil {
		return err
	}
	return json.Unmarshal(content, into)
}

func (d *docs) index(name string) int {
	return slices.IndexFunc(d.Groups, func(g group) bool { return g.Name == name })
}

func (d *docs) add(name string, o operation) {
	i := d.index(name)
	if i < 0 {
		i = len(d.Groups)
		d.Groups = append(d.Groups, group{Name: name})
	}
	d.Groups[i].Operations = append(d.Groups[i].Operations, o)
}

func (o openOperation) tag() string {
	if len(o.Tags) == 0 {
		return "Other"
	}
	return o.Tags[0]
}

func (o openOperation) view(method, path string, schemas map[string]*schema) operation {
	v := operation{
		ID: o.OperationID, Method: strings.ToUpper(method), Path: path,
		Summary: o.Summary, Description: o.Description,
		SignedIn: len(o.Security) > 0,
	}
	for _, p := range o.Parameters {
		v.Parameters = append(v.Parameters, parameter{p.In, p.Schema.field(apiAnchors, p.Name, p.Required, p.Description)})
	}
	if o.RequestBody != nil {
		for _, media := range sortedKeys(o.RequestBody.Content) {
			s := o.RequestBody.Content[media].Schema
			v.Body = &body{Media: media, Type: s.typeName(), Link: apiAnchors.of(s), Fields: resolve(s, schemas).fields(apiAnchors)}
		}
	}
	for _, status := range sortedKeys(o.Responses) {
		r := o.Responses[status]
		a := answer{Status: status, Description: r.Description}
		for _, media := range sortedKeys(r.Content) {
			content := r.Content[media]
			a.Type, a.Link = content.Schema.typeName(), apiAnchors.of(content.Schema)
			if media == problemMedia { // its examples are named for the codes
				a.Problems, a.Description = sortedKeys(content.Examples), ""
			}
		}
		for _, name := range sortedKeys(r.Headers) {
			a.Headers = append(a.Headers, r.Headers[name].Schema.field(apiAnchors, name, false, r.Headers[name].Description))
		}
		v.Answers = append(v.Answers, a)
	}
	return v
}

func resolve(s *schema, schemas map[string]*schema) *schema {
	if s != nil && s.Ref != "" {
		return schemas[refName(s.Ref)]
	}
	return s
}

// asyncAPI is what the page reads of an AsyncAPI document.
type asyncAPI struct {
	Info     struct{ Description string } `json:"info"`
	Channels map[string]struct {
		Address  string
		Messages map[string]struct {
			Ref string `json:"$ref"`
		}
	} `json:"channels"`
	Components struct {
		Messages map[string]struct {
			Name, Title, Summary, Description string
			Payload                           *schema
		} `json:"messages"`
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

func (d *docs) readEvents(async asyncAPI) {
	d.EventsDescription, d.EventShapes = async.Info.Description, shapes(eventAnchors, async.Components.Schemas)
	address := map[string]string{}
	for _, channel := range async.Channels {
		for key, m := range channel.Messages {
			address[key], address[refName(m.Ref)] = channel.Address, channel.Address
		}
	}
	for _, key := range sortedKeys(async.Components.Messages) {
		m := async.Components.Messages[key]
		e := eventDoc{Name: key, Summary: m.Summary, Description: m.Description, Address: address[key]}
		payload := resolve(m.Payload, async.Components.Schemas)
		if payload != nil && payload.Properties["data"] != nil { // the state inside its envelope
			data := payload.Properties["data"]
			e.Kind, e.Link, payload = data.typeName(), eventAnchors.of(data), resolve(data, async.Components.Schemas)
		}
		e.Fields = payload.fields(eventAnchors)
		d.Events = append(d.Events, e)
	}
}

// docsPage is the API and the events, as their documents describe them.
type docsPage struct {
	*View
	Docs *docs
}

// showDocs is GET /docs.
func (s *Site) showDocs(v *visit) error {
	docs, err := s.docs()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "docs", docsPage{v.titled("docs.title"), docs})
}
