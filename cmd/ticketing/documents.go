package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"ticketing/kernel/httpapi"
)

type openAPICmd struct{}

// Run prints the document; no database is needed for it.
func (openAPICmd) Run(p *program) error { return printDocument(p, openAPI) }

type asyncAPICmd struct{}

// Run prints the document.
func (asyncAPICmd) Run(p *program) error { return printDocument(p, httpapi.AsyncAPI) }

// openAPI is the contract of all services, whichever of them run here.
func openAPI() ([]byte, error) { return httpapi.OpenAPI(tables()...) }

// tables are the routes of all services, whichever of them run here.
func tables() (all [][]httpapi.Route) {
	for _, r := range roles {
		if r.routes != nil {
			all = append(all, r.routes())
		}
	}
	return all
}

func printDocument(p *program, document func() ([]byte, error)) error {
	content, err := document()
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, content, "", "  "); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, pretty.String())
	return err
}
