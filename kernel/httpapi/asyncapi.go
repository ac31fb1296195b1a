package httpapi

// AsyncAPI is the AsyncAPI 3.0 document of the event log.
func AsyncAPI() ([]byte, error) { return nil, nil }
