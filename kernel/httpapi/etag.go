package httpapi

import (
	"strconv"
	"strings"

	"ticketing/kernel/fault"
)

// ETag is an entity's version as a header.
func ETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// CheckIfMatch compares an If-Match header with the version that is about to change; without a header, or with *, all is
// well. Weak tags never match (RFC 9110, 13.1.1). The error is fault.VersionMoved.
func CheckIfMatch(header string, version int64) error {
	if strings.TrimSpace(header) == "" || matches(header, ETag(version), false) {
		return nil
	}
	return fault.VersionMoved.New("It is at version %d now. Read it again, then repeat your change.", version)
}

// matches tells whether a list of tags names tag. Weak comparison ignores the mark of weak ones.
func matches(list, tag string, weak bool) bool {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if weak {
			one = strings.TrimPrefix(one, "W/")
		}
		if one == "*" || one == tag {
			return true
		}
	}
	return false
}
