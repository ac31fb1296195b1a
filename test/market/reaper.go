package market

import (
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
)

// atTheEnd cleans up after this test binary however it ends, also by a timeout or an interrupt, where no test's own
// cleanup runs: a shell reads from a pipe of ours, and when that closes it ends the processes that still run and removes
// the folders.
var atTheEnd reaper

type reaper struct {
	once sync.Once
	mu   sync.Mutex
	pipe io.Writer
	err  error
}

const reaperScript = `pids=" "; dirs=
while read what it; do
	case $what in
	started) pids="$pids$it " ;;
	ended) pids="${pids%% $it *} ${pids#* $it }" ;;
	remove) dirs="$dirs $it" ;;
	esac
done
for it in $pids; do kill -9 $it 2>/dev/null; done
rm -rf $dirs`

func (r *reaper) tell(what string, it any) error {
	r.once.Do(func() {
		shell := exec.Command("sh", "-c", reaperScript)
		shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if r.pipe, r.err = shell.StdinPipe(); r.err == nil {
			r.err = shell.Start()
		}
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	_, err := fmt.Fprintln(r.pipe, what, it)
	return err
}

func (r *reaper) remove(dir string) error   { return r.tell("remove", dir) }
func (r *reaper) started(process int) error { return r.tell("started", process) }
func (r *reaper) ended(process int) error   { return r.tell("ended", process) }
