package web

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// mostKept is how many bytes of pages are kept; when there are more, all are forgotten.
const mostKept = 8 << 20

// keptPages are pages as they were made the last time for somebody who is not signed in. One is used again when the API says
// that its list is still the same, so it is never older than the answer that a page would be made of. The time and the place in
// the event log that it tells scripts are those of each visit.
type keptPages struct {
	mu    sync.RWMutex
	pages map[keptKey]*keptPage
	bytes int
}

// keptKey is all of a visit that its page depends on.
type keptKey struct {
	address, language, locale, zone string
	polling                         bool
}

// keptPage is a page without the two numbers of the visit.
type keptPage struct {
	tag         string
	from, until time.Time // when it looks like that; until may be zero
	plain       [][]byte  // what stands around the numbers

	zipping sync.Once
	zipped  [][]byte // the same, compressed each for itself
}

// keptKey is false for a visit whose page is only for them.
func (v *visit) keptKey() (keptKey, bool) {
	k := keptKey{v.Here, v.words.Code, v.Locale(), v.zone.String(), v.Polling}
	return k, v.token == "" && len(v.Here) < 1024
}

// find is the page that was made for such a visit; nil if there is none.
func (k *keptPages) find(v *visit) *keptPage {
	key, may := v.keptKey()
	if !may {
		return nil
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	p := k.pages[key]
	if p == nil || v.Now.Before(p.from) || !p.until.IsZero() && !v.Now.Before(p.until) {
		return nil
	}
	return p
}

func (p *keptPage) tagged() string {
	if p == nil {
		return ""
	}
	return p.tag
}

// keep keeps the page of this visit, if others may get it and it is known by which tag.
func (k *keptPages) keep(v *visit, page []byte, tag string, until time.Time) {
	key, may := v.keptKey()
	p := &keptPage{tag: tag, from: v.Now, until: until, plain: aroundNumbers(bytes.Clone(page), v)}
	if !may || tag == "" || p.plain == nil {
		return
	}
	size := 2*len(page) + len(key.address) // with what it will be compressed
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.pages == nil || k.bytes+size > mostKept {
		k.pages, k.bytes = map[keptKey]*keptPage{}, 0
	}
	if k.pages[key] == nil {
		k.bytes += size
	}
	k.pages[key] = p
}

// aroundNumbers cuts the numbers of the visit out of the page; nil if they are not where they should be.
func aroundNumbers(page []byte, v *visit) (parts [][]byte) {
	for i, mark := range []string{`<body data-now="`, ` data-live-after="`}[:len(v.numbers())] {
		mark += v.numbers()[i] + `"`
		at := bytes.Index(page, []byte(mark))
		if at < 0 {
			return nil
		}
		parts = append(parts, page[:at+len(mark)-len(v.numbers()[i])-1])
		page = page[at+len(mark)-1:]
	}
	return append(parts, page)
}

// numbers are what is another one at each visit.
func (v *visit) numbers() []string {
	numbers := []string{strconv.FormatInt(v.Now.UnixMilli(), 10)}
	if !v.Polling {
		numbers = append(numbers, strconv.FormatUint(v.LiveAfter, 10))
	}
	return numbers
}

var assembled = sync.Pool{New: func() any { return &bytes.Buffer{} }}

// again answers with a page that was made before.
func (v *visit) again(p *keptPage) error {
	out := assembled.Get().(*bytes.Buffer)
	defer assembled.Put(out)
	out.Reset()
	v.headers()
	h := v.w.Header()
	h.Add("Vary", "Accept-Encoding")
	if takesGzip(v.r) {
		h.Set("Content-Encoding", "gzip")
		p.zip(out, v.numbers())
	} else {
		numbers := v.numbers()
		for i, part := range p.plain {
			out.Write(part)
			if i < len(numbers) {
				out.WriteString(numbers[i])
			}
		}
	}
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	v.w.WriteHeader(http.StatusOK)
	_, err := v.w.Write(out.Bytes())
	return v.gone(err)
}

// zip writes the page as one gzip file (RFC 1952). Its parts have been compressed before, the numbers between them are stored
// as they are.
func (p *keptPage) zip(out *bytes.Buffer, numbers []string) {
	p.zipping.Do(func() {
		for i, part := range p.plain {
			p.zipped = append(p.zipped, deflated(part, i == len(p.plain)-1))
		}
	})
	out.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255})
	sum, size := uint32(0), 0
	for i, part := range p.zipped {
		out.Write(part)
		sum, size = crc32.Update(sum, crc32.IEEETable, p.plain[i]), size+len(p.plain[i])
		if i < len(numbers) {
			n := uint16(len(numbers[i]))
			out.WriteByte(0) // a block that is not the last, and is not compressed (RFC 1951, 3.2.4)
			out.Write(binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, n), ^n))
			out.WriteString(numbers[i])
			sum, size = crc32.Update(sum, crc32.IEEETable, []byte(numbers[i])), size+len(numbers[i])
		}
	}
	out.Write(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, sum), uint32(size)))
}

// deflated ends at a whole byte, so that another part can follow it.
func deflated(part []byte, last bool) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression) // of a level that there is
	_, _ = w.Write(part)                                 // a buffer takes everything
	if last {
		_ = w.Close()
	} else {
		_ = w.Flush()
	}
	return out.Bytes()
}
