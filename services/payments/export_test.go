package payments

// RaceDetector says that everything takes several times as long.
const RaceDetector = raceDetector
