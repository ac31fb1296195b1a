package fault_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"
	"time"

	"ticketing/kernel/fault"
)

// Every code of the package is in the catalog once, since documents and pages are made of that, and is fit to be shown.
func TestCatalog(t *testing.T) {
	names, snake := map[string]bool{}, regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for _, c := range fault.Catalog {
		if names[c.Name] {
			t.Errorf("%s is there twice", c.Name)
		}
		names[c.Name] = true
		if !snake.MatchString(c.Name) {
			t.Errorf("%q is no name for programs", c.Name)
		}
		if c.Kind < 400 || c.Kind > 599 {
			t.Errorf("%s has the status %d", c.Name, c.Kind)
		}
		if c.Title == "" || strings.HasSuffix(c.Title, ".") || !strings.HasSuffix(c.Help, ".") {
			t.Errorf("%s: title %q, help %q", c.Name, c.Title, c.Help)
		}
	}
	file, err := parser.ParseFile(token.NewFileSet(), "catalog.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if l, ok := n.(*ast.CompositeLit); ok {
			if name, ok := l.Type.(*ast.Ident); ok && name.Name == "Code" {
				declared++
			}
		}
		return true
	})
	if declared != len(fault.Catalog) {
		t.Errorf("%d codes are declared, %d are in the catalog", declared, len(fault.Catalog))
	}
}

func TestNew(t *testing.T) {
	e := fault.TicketLocked.New("until %d", 12).On("ticketId").On("price").After(3 * time.Second)
	if e.Detail != "until 12" || e.RetryAfter != 3*time.Second || len(e.Fields) != 2 || e.Fields[1] != (fault.Field{Name: "price", Message: "until 12"}) {
		t.Errorf("%+v", e)
	}
	if e.Error() != "ticket_locked: until 12" {
		t.Errorf("it reads %q", e.Error())
	}
}

func TestCausesAreKeptForTheLog(t *testing.T) {
	cause := errors.New("disk on fire")
	e := fault.Busy.New("Later.").Because(cause)
	if !errors.Is(e, cause) || e.Detail != "Later." || e.Error() != "unavailable: Later.: disk on fire" {
		t.Errorf("%v, shown as %q", e, e.Detail)
	}
}

func TestIsAndFrom(t *testing.T) {
	named := fault.TicketSold.New("Sold.")
	wrapped := fmt.Errorf("placing: %w", named)
	switch {
	case !fault.Is(named, fault.TicketSold), !fault.Is(wrapped, fault.TicketSold):
		t.Error("its own code is not recognised")
	case fault.Is(wrapped, fault.TicketLocked), fault.Is(nil, fault.TicketSold), fault.Is(errors.New("ticket_sold"), fault.TicketSold):
		t.Error("another error counts as ticket_sold")
	case fault.From(wrapped) != named:
		t.Error("From has made another error of one that has a code")
	}
	strange := errors.New("pq: secret")
	if e := fault.From(strange); e.Code.Name != "internal" || strings.Contains(e.Detail, "secret") || !errors.Is(e, strange) {
		t.Errorf("a stranger became %+v", e)
	}
}

func TestProblems(t *testing.T) {
	var p fault.Problems
	if err := p.Err(); err != nil {
		t.Fatalf("nothing is wrong, but %v", err)
	}
	p.Add("title", "Too long by %d%%.", 5)
	if e := fault.From(p.Err()); e.Code.Name != "invalid" || e.Detail != "Too long by 5%." || len(e.Fields) != 1 {
		t.Errorf("one problem became %+v", e)
	}
	p.Add("price", "Too low.")
	if e := fault.From(p.Err()); e.Detail != "2 fields are not as they should be." || len(e.Fields) != 2 || e.Fields[1].Name != "price" {
		t.Errorf("two problems became %+v", e)
	}
}
