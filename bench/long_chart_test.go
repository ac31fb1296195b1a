package bench

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
)

// chart is a picture of small charts, one below the other, which share their axis of time.
type chart struct {
	title   string
	minutes []float64 // when the values were taken
	rows    []chartRow
}

// chartRow is one of them, with a line or two.
type chartRow struct {
	title, unit string
	log         bool // the axis goes in powers of ten
	lines       []chartLine
}

// chartLine has a value for each of the chart's minutes. One that is no number, or that no power of ten can be, is a gap.
type chartLine struct {
	name   string
	values []float64
}

// Where things are, in the picture's own units.
const (
	chartWidth, chartLeft, chartRight = 960, 80, 150
	chartTop, chartRowHeight          = 62, 128
	chartFrame                        = 84 // the height of a row's frame; its title and its axis take the rest
)

// chartLooks are those of a row's lines: colours that everybody can tell apart, and a dash for who sees none.
var chartLooks = []string{`stroke="#0b5394"`, `stroke="#b45309" stroke-dasharray="5 3"`}

// svg is the picture in one piece. It brings its own background, so that it can be read in light and in dark surroundings.
func (c chart) svg() string {
	var b strings.Builder
	height := chartTop + len(c.rows)*chartRowHeight + 24
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" font-family="system-ui, sans-serif" `+
		`font-size="12" fill="#1f2328">`+"\n", chartWidth, height)
	fmt.Fprintf(&b, "<title>%s</title>\n<rect width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#f6f4ef\"/>\n", escaped(c.title), chartWidth, height)
	fmt.Fprintf(&b, "<text x=\"24\" y=\"34\" font-size=\"17\" font-weight=\"600\">%s</text>\n", escaped(c.title))
	for i, r := range c.rows {
		c.row(&b, r, chartTop+i*chartRowHeight)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (c chart) row(b *strings.Builder, r chartRow, top int) {
	x := scale{end: 1, from: chartLeft, to: chartWidth - chartRight}
	if n := len(c.minutes); n > 0 {
		x.end = c.minutes[n-1]
	}
	var all []float64
	for _, l := range r.lines {
		all = append(all, l.values...)
	}
	y := newScale(all, r.log, float64(top+20+chartFrame), float64(top+20))
	fmt.Fprintf(b, "<g>\n<text x=\"%d\" y=\"%d\" font-weight=\"600\">%s, %s</text>\n", chartLeft, top+12, escaped(r.title), escaped(r.unit))
	fmt.Fprintf(b, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#ffffff\" stroke=\"#b9b4a7\"/>\n",
		chartLeft, top+20, chartWidth-chartLeft-chartRight, chartFrame)
	for _, v := range y.ticks() {
		fmt.Fprintf(b, "<path d=\"M%d %.1fH%d\" stroke=\"#e4e0d6\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			chartLeft, y.at(v), chartWidth-chartRight, chartLeft-6, y.at(v)+4, short(v))
	}
	for _, v := range x.ticks() {
		fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x.at(v), top+20+chartFrame+15, short(v))
	}
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\">minutes</text>\n", chartWidth-chartRight+14, top+20+chartFrame+15)
	for i, l := range r.lines {
		look := chartLooks[i%len(chartLooks)]
		c.line(b, l, look, x, y)
		at := top + 36 + i*34
		fmt.Fprintf(b, "<path d=\"M%d %dh18\" %s stroke-width=\"2\"/><text x=\"%d\" y=\"%d\">%s</text>\n",
			chartWidth-chartRight+10, at, look, chartWidth-chartRight+33, at+4, escaped(l.name))
		if n := len(l.values); n > 0 && y.has(l.values[n-1]) {
			fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" fill=\"#57534a\">at last %s</text>\n", chartWidth-chartRight+33, at+18, short(l.values[n-1]))
		}
	}
	b.WriteString("</g>\n")
}

// line is drawn in pieces between its gaps.
func (c chart) line(b *strings.Builder, l chartLine, look string, x, y scale) {
	var piece []string
	end := func() {
		if len(piece) == 1 {
			piece = append(piece, piece[0]) // a point alone shows by its round ends
		}
		if len(piece) > 0 {
			fmt.Fprintf(b, "<polyline points=\"%s\" fill=\"none\" %s stroke-width=\"1.6\" stroke-linejoin=\"round\" stroke-linecap=\"round\"/>\n",
				strings.Join(piece, " "), look)
		}
		piece = nil
	}
	for i, v := range l.values {
		if !y.has(v) {
			end()
			continue
		}
		piece = append(piece, fmt.Sprintf("%.1f,%.1f", x.at(c.minutes[i]), y.at(v)))
	}
	end()
}

// scale puts values between two places of the picture.
type scale struct {
	log        bool
	begin, end float64 // values
	from, to   float64 // places
}

// newScale has room for all these values, and on a plain axis for zero.
func newScale(values []float64, log bool, from, to float64) scale {
	s := scale{log: log, from: from, to: to}
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if s.has(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	switch {
	case low > high: // there is nothing
		s.begin, s.end = 1, 10
	case log:
		s.begin, s.end = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
		if s.begin == s.end {
			s.end *= 10
		}
	default:
		s.begin, s.end = min(0, low), max(high, low+1e-9)
		step := s.step()
		s.begin, s.end = math.Floor(s.begin/step)*step, math.Ceil(s.end/step)*step // so every axis begins at a tick
	}
	return s
}

func (s scale) has(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) && (v > 0 || !s.log) }

func (s scale) at(v float64) float64 {
	part := (v - s.begin) / (s.end - s.begin)
	if s.log {
		part = math.Log(v/s.begin) / math.Log(s.end/s.begin)
	}
	return s.from + part*(s.to-s.from)
}

// step is 1, 2 or 5 of something, so that there are three to six of it.
func (s scale) step() float64 {
	rough := (s.end - s.begin) / 5
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, n := range []float64{1, 2, 5} {
		if n*power >= rough {
			return n * power
		}
	}
	return 10 * power
}

func (s scale) ticks() (all []float64) {
	if s.log {
		for v := s.begin; v <= s.end*1.0001; v *= 10 {
			all = append(all, v)
		}
		return all
	}
	step := s.step()
	for n := int(math.Round(s.begin / step)); float64(n)*step <= s.end+step*1e-6; n++ {
		all = append(all, float64(n)*step)
	}
	return all
}

// short is a number of which nobody measures more than three digits.
func short(v float64) string {
	if math.Abs(v) >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}

// TestChart draws what is hard to draw: gaps, nothing at all, nothing but zero, and names that are not XML.
func TestChart(t *testing.T) {
	gap := math.NaN()
	c := chart{title: "Rates < limits & more", minutes: []float64{0.5, 1, 1.5, 60}, rows: []chartRow{
		{"memory", "MB", false, []chartLine{{"it", []float64{80.25, 81, 79, 1234567}}, {"less & less", []float64{-3, 0, gap, 7}}}},
		{"latency", "ms", true, []chartLine{{"p50", []float64{0, 0.013, gap, 9}}, {"p99", []float64{10, gap, 100000, math.Inf(1)}}}},
		{"nothing", "MB", false, []chartLine{{"never", []float64{gap, gap, gap, gap}}}},
		{"zero", "MB", false, []chartLine{{"always", []float64{0, 0, 0, 0}}}},
		{"one", "ms", true, []chartLine{{"always", []float64{10, 10, 10, 10}}}},
	}}
	if points, want := drawn(t, c.svg()), 4+4+4+4+4+4; points != want { // each of the five that are alone is there twice
		t.Errorf("%d points are drawn, want %d", points, want)
	}
	if points := drawn(t, chart{title: "Empty", rows: []chartRow{{"memory", "MB", false, []chartLine{{"it", nil}}}}}.svg()); points != 0 {
		t.Errorf("%d points of nothing", points)
	}
}

// drawn reads a picture and counts the points of its lines, each of which has to be in the frame of its row.
func drawn(t *testing.T, svg string) (points int) {
	t.Helper()
	var frame [4]float64 // left, top, right and bottom
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return points
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch has := attributes(e); {
		case e.Name.Local == "script" || e.Name.Local == "image" || has["href"] != "":
			t.Errorf("the picture is not self-contained: %v", e)
		case has["class"] == "frame":
			x, y := decimal(t, has["x"]), decimal(t, has["y"])
			frame = [4]float64{x, y, x + decimal(t, has["width"]), y + decimal(t, has["height"])}
		case e.Name.Local == "text" && (decimal(t, has["x"]) < 0 || decimal(t, has["x"]) > chartWidth):
			t.Errorf("a text is at %s", has["x"])
		case e.Name.Local == "polyline":
			for _, p := range strings.Fields(has["points"]) {
				left, top, _ := strings.Cut(p, ",")
				x, y := decimal(t, left), decimal(t, top)
				if x < frame[0] || x > frame[2] || y < frame[1] || y > frame[3] {
					t.Errorf("the point %s is not in its frame %v", p, frame)
				}
				points++
			}
		}
	}
}

func attributes(e xml.StartElement) map[string]string {
	all := map[string]string{}
	for _, a := range e.Attr {
		all[a.Name.Local] = a.Value
	}
	return all
}

func decimal(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		t.Fatalf("%q is no place in a picture", text)
	}
	return v
}
