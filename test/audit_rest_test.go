package test

import (
	"strings"
	"testing"

	"ticketing/test/market"
)

// An order that waits for its payment keeps nobody from looking at all the rules: the market is at rest meanwhile.
func TestAMarketWithOpenOrdersIsAtRest(t *testing.T) {
	t.Parallel()
	m := market.Open(t, market.Topologies[0])
	seller, buyer := m.SignUp("seller"), m.SignUp("buyer")
	buyer.Orders(seller.Lists("Tom Waits", "89.50"))
	market.Eventually(t, "no rule is left out", func() (bool, string) {
		code, out, errs := market.Tool(t, append([]string{"audit"}, m.Place()...)...)
		return code == 0 && !strings.Contains(out, "left out"), out + errs
	})
}
