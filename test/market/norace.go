//go:build !race

package market

const raced = false
