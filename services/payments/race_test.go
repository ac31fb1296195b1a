//go:build race

package payments

// raceDetector says that everything takes ten times as long.
const raceDetector = true
