package web

import "testing"

// TestEveryPageIsMade makes each page, which the market does when somebody first looks at it.
func TestEveryPageIsMade(t *testing.T) {
	p, err := newPages()
	if err != nil {
		t.Fatal(err)
	}
	for name, made := range p.byName {
		if page, err := made(); err != nil || page.Lookup("layout") == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
