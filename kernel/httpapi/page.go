package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"strings"

	"ticketing/kernel/fault"
)

// Page is which part of a list a request wants. Inputs of lists embed it.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many entries, at most."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"Where the page begins: from the Link header of the page before."`
}

// After reads the cursor into the key of the last entry of the page before; false means that this is the first page. The
// sort names the order of the list: a cursor is only good for the order that it was made in. The error names "cursor".
func (p Page) After(sort string, key any) (bool, error) {
	if p.Cursor == "" {
		return false, nil
	}
	if !readCursor(p.Cursor, sort, key) {
		return false, fault.BadInput.New("The cursor is not one that this list has given out.").On("cursor")
	}
	return true, nil
}

// NextLink is the Link header that leads to the page after the entry with this key: the request's own address with
// another cursor. The key is anything that JSON can hold and After can read again.
func NextLink(ctx context.Context, sort string, key any) string {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		return ""
	}
	query := c.url.Query()
	query.Set("cursor", writeCursor(sort, key))
	return "<" + c.url.EscapedPath() + "?" + query.Encode() + `>; rel="next"`
}

// A cursor is base64url of a checksum and a JSON list [sort, key]. The checksum is against accidents; whoever computes
// it can only ask for another place in a list that they may read anyway.
func writeCursor(sort string, key any) string {
	b, err := marshal([2]any{sort, key})
	if err != nil {
		panic("httpapi: the key of a cursor cannot be JSON: " + err.Error())
	}
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b))
	return base64.RawURLEncoding.EncodeToString(append(sum, b...))
}

func readCursor(cursor, sort string, key any) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < 4 || binary.BigEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
		return false
	}
	if strings.Contains(string(b), `\u0000`) {
		return false
	}
	var parts []json.RawMessage
	var made string
	return unmarshal(b[4:], &parts) == nil && len(parts) == 2 &&
		unmarshal(parts[0], &made) == nil && made == sort &&
		string(parts[1]) != "null" && unmarshal(parts[1], key) == nil
}
