package httpapi

import (
	"net/http"
	"net/netip"
	"strings"
)

// client is the address of whoever made the request, and whether they came over TLS. Forwarding headers are believed
// only from trusted proxies, and only as far as a chain of those goes: the rightmost address that is none of them.
func (e *edge) client(r *http.Request) (netip.Addr, bool) {
	secure := r.TLS != nil
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, secure
	}
	addr := peer.Addr().Unmap().WithZone("")
	if len(e.TrustedProxies) == 0 || !e.trusts(addr) {
		return addr, secure
	}
	if proto := last(r.Header.Values("X-Forwarded-Proto")); proto != "" {
		secure = strings.EqualFold(proto, "https")
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break // what stands to the left of nonsense cannot be believed
		}
		addr = hop.Unmap().WithZone("")
		if !e.trusts(addr) {
			break
		}
	}
	return addr, secure
}

func (e *edge) trusts(addr netip.Addr) bool {
	for _, p := range e.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// last is the last entry of a list header, the one that the nearest proxy added.
func last(values []string) string {
	all := strings.Split(strings.Join(values, ","), ",")
	return strings.TrimSpace(all[len(all)-1])
}
