package browser

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"ticketing/test/market"
)

// What can be pressed and what can be filled, by their roles in Chromium's accessibility tree.
var (
	pressable = []string{"button", "link", "checkbox", "radio", "switch", "tab", "menuitem", "DisclosureTriangle", "option"}
	fillable  = []string{"textbox", "searchbox", "spinbutton", "combobox", "listbox", "Date", "DateTime", "InputTime"}
)

// control is an element that somebody can use.
type control struct {
	role, name string
	object     runtime.RemoteObjectID
}

// find waits until exactly one control of these roles has the name. Where none has exactly this name, one whose name
// contains it will do.
func (p *Page) find(roles []string, name string) (found control) {
	p.t.Helper()
	market.Eventually(p.t, fmt.Sprintf("there is one control %q (%s)", name, strings.Join(roles, ", ")), func() (bool, string) {
		nodes, err := p.tree()
		if err != nil {
			return false, err.Error()
		}
		var exact, near []*accessibility.Node
		var all []string
		for _, n := range nodes {
			role, called := value(n.Role), value(n.Name)
			if n.Ignored || !slices.Contains(roles, role) {
				continue
			}
			all = append(all, fmt.Sprintf("%s %q", role, called))
			switch {
			case called == name:
				exact = append(exact, n)
			case strings.Contains(called, name):
				near = append(near, n)
			}
		}
		if len(exact) == 0 {
			exact = near
		}
		if len(exact) != 1 {
			return false, fmt.Sprintf("%d of %s", len(exact), strings.Join(all, ", "))
		}
		object, err := chromedp.Call(p.ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: exact[0].BackendDOMNodeID})
		if err != nil {
			return false, err.Error()
		}
		found = control{value(exact[0].Role), value(exact[0].Name), object.Object.ObjectID}
		return true, ""
	})
	return found
}

// tree is what a screen reader is told about the page, or about the part of it that is looked at.
func (p *Page) tree() ([]*accessibility.Node, error) {
	scope := p.scope
	if scope == "" {
		scope = ":root"
	}
	root, err := ask[*runtime.RemoteObject](p, `document.querySelector(`+quote(scope)+`)`)
	if err != nil {
		return nil, err
	}
	if root.ObjectID == "" {
		return nil, fmt.Errorf("there is no %s", scope)
	}
	r, err := chromedp.Call(p.ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: root.ObjectID})
	return r.Nodes, err
}

func value(v *accessibility.Value) (text string) {
	if v != nil {
		_ = json.Unmarshal(v.Value, &text) // whatever else it is, it is no text
	}
	return strings.Join(strings.Fields(text), " ")
}

// on calls a JavaScript function on the control.
func on[T any](p *Page, c control, function string, args ...any) (T, error) {
	return chromedp.Run(p.ctx, chromedp.CallFunctionOn[T](function, func(call *runtime.CallFunctionOnParams) { call.ObjectID = c.object }, args...))
}

// point is where a control can be hit. Covered says what is in the way.
type point struct {
	X, Y    float64
	Covered string
}

// where brings the control into view, and finds its middle. Of a link over several lines it is the middle of one.
const where = `function () {
	this.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'})
	const boxes = [...this.getClientRects()].filter(b => b.width > 0 && b.height > 0)
	if (!boxes.length) return {X: 0, Y: 0, Covered: 'it has no size'}
	const x = boxes[0].left + boxes[0].width / 2, y = boxes[0].top + boxes[0].height / 2
	const hit = document.elementFromPoint(x, y)
	const ours = hit && (this.contains(hit) || hit.contains(this) && this.labels === undefined || [...this.labels ?? []].some(l => l.contains(hit)))
	return {X: x, Y: y, Covered: ours ? '' : 'covered by ' + (hit ? hit.outerHTML.slice(0, 200) : 'the edge')}
}`

// aim waits until a control can be hit, and stays where it is.
func (p *Page) aim(roles []string, name string) (control, point) {
	p.t.Helper()
	c := p.find(roles, name)
	var at point
	market.Eventually(p.t, fmt.Sprintf("%s %q can be pressed", c.role, c.name), func() (bool, string) {
		first, err := on[point](p, c, where)
		if err != nil {
			c = p.find(roles, name) // the page has put another in its place
			return false, err.Error()
		}
		at, err = on[point](p, c, where)
		return err == nil && at == first && at.Covered == "", at.Covered
	})
	return c, at
}

// Press presses the button, link, box or summary that has this name.
func (p *Page) Press(name string) {
	p.t.Helper()
	_, at := p.aim(pressable, name)
	act(p, "press "+name, chromedp.MouseClickXY(at.X, at.Y))
}

// DoublePress presses it twice, as quickly as a mouse can.
func (p *Page) DoublePress(name string) {
	p.t.Helper()
	_, at := p.aim(pressable, name)
	for n := int64(1); n <= 2; n++ {
		for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
			call(p, "press "+name+" twice", input.DispatchMouseEvent,
				input.DispatchMouseEventParams{Type: kind, X: at.X, Y: at.Y, Button: input.MouseButtonLeft, ClickCount: n})
		}
	}
}

// Go presses what leads to another page, and waits until that is loaded.
func (p *Page) Go(name string) {
	p.t.Helper()
	p.leaving("press "+name, func() { p.Press(name) })
}

// write prepares a control for new text and says whether that has to be typed.
const write = `function (text) {
	if (this.tagName === 'SELECT') {
		const option = [...this.options].find(o => o.label.trim() === text || o.value === text)
		if (!option) return 'there is no option ' + text
		this.value = option.value
	} else if (['date', 'time', 'datetime-local', 'month'].includes(this.type)) {
		this.value = text
		if (this.value !== text) return 'it does not take ' + text
	} else {
		this.focus({preventScroll: true})
		this.select()
		return 'type'
	}
	this.dispatchEvent(new Event('input', {bubbles: true}))
	this.dispatchEvent(new Event('change', {bubbles: true}))
	return ''
}`

// Fill writes into the field with this label, or chooses the option of it.
func (p *Page) Fill(label, text string) {
	p.t.Helper()
	c, _ := p.aim(fillable, label)
	how, err := on[string](p, c, write, text)
	switch {
	case err != nil:
		p.t.Fatalf("fill %s: %v", label, err)
	case how == "type" && text == "":
		p.Keys(kb.Delete)
	case how == "type":
		call(p, "fill "+label, input.InsertText, input.InsertTextParams{Text: text})
	case how != "":
		p.t.Fatalf("fill %s: %s", label, how)
	}
}

// Field is what the field with this label holds.
func (p *Page) Field(label string) string {
	p.t.Helper()
	text, err := on[string](p, p.find(fillable, label), `function () { return this.value }`)
	if err != nil {
		p.t.Fatalf("read %s: %v", label, err)
	}
	return text
}

// Described is what a screen reader adds to the field with this label: hints and errors.
func (p *Page) Described(label string) string {
	p.t.Helper()
	c := p.find(fillable, label)
	text, err := on[string](p, c, `function () {
		return (this.getAttribute('aria-describedby') ?? '').split(/\s+/).map(id => document.getElementById(id)?.innerText ?? '').join(' ').trim()
	}`)
	if err != nil {
		p.t.Fatalf("the description of %s: %v", label, err)
	}
	return text
}

// Controls are the names of all that can be pressed or filled, with their roles.
func (p *Page) Controls() (all []string) {
	p.t.Helper()
	nodes, err := p.tree()
	if err != nil {
		p.t.Fatalf("the controls: %v", err)
	}
	for _, n := range nodes {
		if role := value(n.Role); !n.Ignored && (slices.Contains(pressable, role) || slices.Contains(fillable, role)) {
			all = append(all, role+" "+value(n.Name))
		}
	}
	return all
}

// Keys types keys: text, or keys of package kb.
func (p *Page) Keys(keys string) {
	p.t.Helper()
	act(p, "type", chromedp.KeyEvent(keys))
}

// Enter presses the enter key where that opens another page, and waits for it.
func (p *Page) Enter() {
	p.t.Helper()
	p.leaving("press enter", func() { p.Keys(kb.Enter) })
}

// Focused is the role and the name of what has the focus, and whether one can see that it has.
func (p *Page) Focused() (role, name string, visible bool) {
	p.t.Helper()
	active := act(p, "what has the focus", chromedp.Evaluate[*runtime.RemoteObject](`document.activeElement`))
	if active.ObjectID == "" {
		return "", "", false
	}
	tree := call(p, "what has the focus", accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: active.ObjectID})
	for _, n := range tree.Nodes {
		if n.Ignored {
			continue
		}
		visible, err := on[bool](p, control{object: active.ObjectID}, `function () {
			return [null, '::before', '::after'].some(part => {
				const s = getComputedStyle(this, part)
				return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== 'none'
			})
		}`)
		if err != nil {
			p.t.Fatalf("can the focus be seen: %v", err)
		}
		return value(n.Role), value(n.Name), visible
	}
	return "", "", false
}

// TabTo presses the tabulator until the control with this name has the focus. It has to be visible on the way.
func (p *Page) TabTo(name string) {
	p.t.Helper()
	var way []string
	for range 200 {
		p.Keys(kb.Tab)
		role, called, visible := p.Focused()
		// Of a date the browser itself shows which part has the focus.
		if (slices.Contains(pressable, role) || slices.Contains(fillable, role)) && !visible && !strings.HasPrefix(role, "Date") {
			p.t.Errorf("at %s one cannot see that %s %q has the focus", p.At(), role, called)
		}
		if called == name || strings.Contains(called, name) && name != "" {
			return
		}
		way = append(way, role+" "+called)
	}
	p.t.Fatalf("the tabulator does not lead to %q, but to %s", name, strings.Join(way, ", "))
}
