package demo

import (
	"ticketing/kernel/money"
)

// steps are prices as people set them, in hundredths.
var steps = []int{
	950, 1200, 1500, 1900, 1990, 2200, 2500, 2950, 3200, 3500, 3990, 4500, 4900, 5500, 5950, 6500, 6900, 7500, 7990, 8500,
	8900, 9500, 9900, 11000, 11900, 12990, 14000, 15000, 16500, 18000, 19500, 21000, 24000, 28000, 32000, 38000, 45000,
}

// levels say how many units of a currency are about one dollar or euro, where it is not about one.
var levels = map[string]int{
	"jpy": 150, "krw": 1400, "twd": 30, "cny": 7, "hkd": 8, "thb": 34, "php": 57, "inr": 85, "idr": 16000, "vnd": 25000,
	"sek": 10, "nok": 10, "dkk": 7, "isk": 135, "czk": 23, "pln": 4, "huf": 370, "ron": 5, "rsd": 110, "uah": 41, "try": 40,
	"zar": 18, "ngn": 1500, "kes": 130, "egp": 50, "mxn": 19, "brl": 5, "ars": 1000, "clp": 930, "cop": 4000, "ils": 4,
}

// dearest is a price that every market takes, in the major unit.
const dearest = 990_000

// priceIn is a price of the steps in a currency: 39.90 stays so where that is a usual sum, and is 6000 yen.
func priceIn(c money.Currency, hundredths int) money.Decimal {
	level, ok := levels[c.Code]
	if !ok && c.Decimals >= 2 {
		cents := money.Currency{Code: c.Code, Decimals: 2}
		return cents.Decimal(money.Amount(hundredths))
	}
	return money.Whole(int64(min(roundly(hundredths*max(level, 1)/100), dearest)))
}

// roundly is n to three digits, the third of which is a 0 or a 5 when there are more.
func roundly(n int) int {
	unit := 1
	for n/unit >= 1000 {
		unit *= 10
	}
	if unit > 1 {
		unit *= 5
	}
	return max(1, (n+unit/2)/unit*unit)
}
