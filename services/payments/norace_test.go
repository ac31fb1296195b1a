//go:build !race

package payments

const raceDetector = false
