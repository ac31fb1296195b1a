package httpapi

// OpenAPI is the OpenAPI 3.1 document of these tables of routes.
func OpenAPI(tables ...[]Route) ([]byte, error) { return nil, nil }
