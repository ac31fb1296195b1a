package httpapi

import (
	"path"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"ticketing/kernel/money"
)

const schemaPrefix = "#/components/schemas/"

// schemas turns types into JSON Schemas, by huma's rules and tags.
type schemas struct {
	huma.Registry
	patterns map[string]*regexp.Regexp
}

func newSchemas() *schemas {
	r := huma.NewMapRegistry(schemaPrefix, schemaNames())
	r.RegisterTypeAlias(reflect.TypeFor[money.Decimal](), reflect.TypeFor[decimal]())
	return &schemas{r, map[string]*regexp.Regexp{}}
}

// decimal stands for money.Decimal, which must not know huma: a JSON number.
type decimal struct{}

// Schema implements huma.SchemaProvider.
func (decimal) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeNumber} }

// Encoded is a T that is already JSON, as an output's Body: it is written as it is, and documented as a T.
type Encoded[T any] []byte

// Schema implements huma.SchemaProvider.
func (Encoded[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

// MarshalJSON implements json.Marshaler.
func (e Encoded[T]) MarshalJSON() ([]byte, error) { return e, nil }

// OrNull is a T or null: a field that is always there but may have nothing to say.
type OrNull[T any] struct{ Value *T }

// Schema implements huma.SchemaProvider.
func (OrNull[T]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{r.Schema(reflect.TypeFor[T](), true, ""), {Type: "null"}}}
}

// MarshalJSON implements json.Marshaler.
func (o OrNull[T]) MarshalJSON() ([]byte, error) { return marshal(o.Value) }

// UnmarshalJSON implements json.Unmarshaler.
func (o *OrNull[T]) UnmarshalJSON(b []byte) error { return unmarshal(b, &o.Value) }

// schemaNames names schemas by their type. Of two types with one name the later carries its package's name too, and a
// number if that is taken as well or there is none.
func schemaNames() func(reflect.Type, string) string {
	taken := map[string]reflect.Type{}
	return func(t reflect.Type, hint string) string {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		name := huma.DefaultSchemaNamer(t, hint)
		if t.Kind() != reflect.Struct {
			return name
		}
		free := func(name string) bool { return taken[name] == nil || taken[name] == t }
		if pkg := path.Base(t.PkgPath()); !free(name) && t.PkgPath() != "" {
			name = strings.ToUpper(pkg[:1]) + pkg[1:] + name
		}
		numbered := name
		for n := 2; !free(numbered); n++ {
			numbered = name + strconv.Itoa(n)
		}
		taken[numbered] = t
		return numbered
	}
}

// resolve follows a reference.
func (s *schemas) resolve(schema *huma.Schema) *huma.Schema {
	for schema.Ref != "" {
		schema = s.SchemaFromRef(schema.Ref)
	}
	return schema
}

// noNullLists says that lists are never null: what is written here has none, though Go could.
func (s *schemas) noNullLists() {
	var walk func(schema *huma.Schema)
	walk = func(schema *huma.Schema) {
		if schema.Type == huma.TypeArray {
			schema.Nullable = false
			walk(schema.Items)
		}
		for _, p := range schema.Properties {
			walk(p)
		}
	}
	for _, schema := range s.Map() {
		walk(schema)
	}
}

// prepare compiles the patterns that a schema uses, since requests are checked concurrently.
func (s *schemas) prepare(schema *huma.Schema) {
	schema = s.resolve(schema)
	if schema.Pattern != "" && s.patterns[schema.Pattern] == nil {
		s.patterns[schema.Pattern] = regexp.MustCompile(schema.Pattern)
	}
	for _, p := range schema.Properties {
		s.prepare(p)
	}
	if schema.Items != nil {
		s.prepare(schema.Items)
	}
}
