package web_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// Colours contrast as WCAG 2.2 AA wants it, in light and in dark: 4.5 for text, 3 for what shows where something is.
func TestColoursContrast(t *testing.T) {
	css, err := os.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	roots := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(string(css), 2)
	if len(roots) != 2 {
		t.Fatalf("%d sets of colours", len(roots))
	}
	light := colours(t, roots[0][1])
	for name, set := range map[string]map[string][3]float64{"light": light, "dark": colours(t, roots[1][1])} {
		for token := range light {
			if _, ok := set[token]; !ok {
				t.Errorf("%s has no %s", name, token)
			}
		}
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"ink", "paper", 7}, {"ink", "surface", 7}, {"muted", "paper", 4.5}, {"muted", "surface", 4.5},
			{"accent", "paper", 4.5}, {"accent", "surface", 4.5}, {"accent", "accent-soft", 4.5}, {"on-accent", "accent", 4.5},
			{"available", "available-soft", 4.5}, {"locked", "locked-soft", 4.5}, {"sold", "sold-soft", 4.5}, {"danger", "danger-soft", 4.5},
			{"muted", "available-soft", 4.5}, {"muted", "locked-soft", 4.5}, {"muted", "sold-soft", 4.5}, {"muted", "accent-soft", 4.5},
			{"danger", "paper", 4.5}, {"danger", "surface", 4.5}, {"locked", "surface", 4.5}, {"locked", "paper", 4.5}, {"ink", "line", 4.5},
			{"available", "surface", 4.5}, {"sold", "surface", 4.5}, {"edge", "paper", 3}, {"edge", "surface", 3},
		} {
			if got := contrast(set[pair.front], set[pair.back]); got < pair.least {
				t.Errorf("%s: %s on %s contrasts by %.2f, not %.1f", name, pair.front, pair.back, got, pair.least)
			}
		}
	}
}

func colours(t *testing.T, rules string) map[string][3]float64 {
	t.Helper()
	all := map[string][3]float64{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(rules, -1) {
		var c [3]float64
		for i := range c {
			n, err := strconv.ParseUint(m[2][2*i:2*i+2], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			c[i] = float64(n) / 255
		}
		all[m[1]] = c
	}
	return all
}

// contrast is that of WCAG: from 1 to 21.
func contrast(a, b [3]float64) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func luminance(c [3]float64) float64 {
	for i, v := range c {
		if v <= .04045 {
			c[i] = v / 12.92
		} else {
			c[i] = math.Pow((v+.055)/1.055, 2.4)
		}
	}
	return .2126*c[0] + .7152*c[1] + .0722*c[2]
}
