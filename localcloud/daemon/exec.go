package daemon

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// execProtocol is what a connection speaks that a command is run over: frames, each of a stream's number, a length of four bytes, and the
// stream's next bytes.
const execProtocol = "localcloud-exec"

// The streams. One of a command's own ends with an empty frame.
const (
	execStdin = iota // of the daemon, it has an empty frame for each frame of the input that the command has been given
	execStdout
	execStderr
	execCode  // the exit code in decimals, which ends the connection
	execError // why there is none, which ends it too
)

// maxFrame bounds a frame.
const maxFrame = 32 << 10

// execWindow is how many frames of input a client may be ahead of the command. So the daemon has room for all that a client sends, reads on
// when the command does not, and sees the client go.
const execWindow = 4

// frames writes frames, from any goroutine.
type frames struct {
	mu sync.Mutex
	w  io.Writer
}

func (f *frames) send(stream byte, content []byte) error {
	const length = 4
	b := make([]byte, 1, 1+length+len(content))
	b[0] = stream
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(content))), content...) //nolint:gosec // no more than maxFrame
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.w.Write(b)
	return err
}

// copy sends what r has, until its end.
func (f *frames) copy(stream byte, r io.Reader) {
	b := make([]byte, maxFrame)
	for {
		n, err := r.Read(b)
		if n > 0 && f.send(stream, b[:n]) != nil {
			return
		}
		if err != nil {
			_ = f.send(stream, nil) // or the other side is gone
			return
		}
	}
}

var errFrame = errors.New("malformed frame")

func readFrame(r io.Reader) (stream byte, content []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, errFrame
	}
	content = make([]byte, n)
	_, err = io.ReadFull(r, content)
	return head[0], content, err
}

// exec runs a command in a task over the connection of the request.
func (d *daemon) exec(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.Header.Get("Upgrade") != execProtocol || len(q["arg"]) == 0 {
		http.Error(w, "want a command, over the protocol "+execProtocol, http.StatusBadRequest)
		return
	}
	name := d.taskCalled(q.Get("task"))
	if _, err := d.services.Scheduler.InterfaceOf(name); err != nil {
		answer(w, err)
		return
	}
	serveExec(w, func(ctx context.Context, stdin, stdout, stderr *os.File) (int, error) {
		return d.services.Scheduler.Exec(ctx, name, q.Get("container"), q["arg"], stdin, stdout, stderr)
	})
}

// running runs a command with these files.
type running func(ctx context.Context, stdin, stdout, stderr *os.File) (code int, err error)

// serveExec makes the request's connection that of a command.
func serveExec(w http.ResponseWriter, run running) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+execProtocol+"\r\n\r\n"); err != nil {
		return
	}
	out := &frames{w: conn}
	code, err := runIn(out, buffered, run)
	if err != nil {
		_ = out.send(execError, []byte(err.Error())) // or the client is gone
		return
	}
	_ = out.send(execCode, []byte(strconv.Itoa(code)))
}

// outputGrace is how long more output of a command that has ended is waited for, should something that it started have it still.
const outputGrace = time.Second

// runIn runs a command whose streams are frames. It ends the command if the frames of its input end without a word.
func runIn(out *frames, in io.Reader, run running) (code int, err error) {
	var ours, theirs [3]*os.File
	defer func() {
		for _, f := range append(ours[:], theirs[:]...) {
			_ = f.Close() // also of one that could not be opened
		}
	}()
	for i := range ours {
		r, w, err := os.Pipe()
		if err != nil {
			return 0, err
		}
		if ours[i], theirs[i] = r, w; i == execStdin {
			ours[i], theirs[i] = w, r
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel()
		feed(out, in, ours[execStdin])
	}()
	var copying sync.WaitGroup
	outputs := map[byte]*output{execStdout: {file: ours[execStdout]}, execStderr: {file: ours[execStderr]}}
	for stream, o := range outputs {
		copying.Go(func() { out.copy(stream, o) })
	}
	code, err = run(ctx, theirs[execStdin], theirs[execStdout], theirs[execStderr])
	for stream, o := range outputs {
		_ = theirs[stream].Close()
		o.end()
	}
	copying.Wait()
	return code, err
}

// feed gives a command its input, and returns when the frames of it end without a word.
func feed(out *frames, in io.Reader, stdin io.WriteCloser) {
	queue := make(chan []byte, execWindow+1) // the input's end has room too
	defer close(queue)
	go func() {
		for content := range queue {
			if len(content) == 0 {
				_ = stdin.Close()
				continue
			}
			_, _ = stdin.Write(content)  // the command need not read it
			_ = out.send(execStdin, nil) // or the client is gone
		}
	}()
	for {
		stream, content, err := readFrame(in)
		if err != nil || stream != execStdin {
			return
		}
		select {
		case queue <- content:
		default:
			return // the client is further ahead than it may be
		}
	}
}

// output is what a command writes.
type output struct {
	file  *os.File
	ended atomic.Bool
}

// end says that the command has ended.
func (o *output) end() {
	o.ended.Store(true)
	_ = o.file.SetReadDeadline(time.Now().Add(outputGrace))
}

// Read waits no longer than the grace for more output of a command that has ended. The time that a slow client took for what came before does
// not count.
func (o *output) Read(b []byte) (int, error) {
	if o.ended.Load() {
		_ = o.file.SetReadDeadline(time.Now().Add(outputGrace))
	}
	return o.file.Read(b)
}

// Exec runs a command in a container of a task, which is given by its id, or by a name of its service, whose oldest it is then. Without a name,
// the container is the first essential one. It returns the command's exit code.
func (c Client) Exec(ctx context.Context, task, container string, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int, err error) {
	fail := func(err error) (int, error) { return 0, fmt.Errorf("run %q in task %s: %w", args, task, err) }
	conn, err := c.upgrade(ctx, "/exec", url.Values{"task": {task}, "container": {container}, "arg": args}, execProtocol)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in := &paced{stdin, ctx.Done(), make(chan struct{}, execWindow)}
	go (&frames{w: conn}).copy(execStdin, in)
	for {
		stream, content, err := readFrame(conn)
		switch {
		case ctx.Err() != nil:
			return fail(ctx.Err())
		case err != nil:
			return fail(fmt.Errorf("the local cloud has ended the connection: %w", err))
		case stream == execStdin:
			in.taken()
		case stream == execStdout:
			_, err = stdout.Write(content)
		case stream == execStderr:
			_, err = stderr.Write(content)
		case stream == execError:
			return 0, errors.New(string(content)) // it names the operation
		case stream == execCode:
			return strconv.Atoi(string(content))
		}
		if err != nil {
			return fail(err)
		}
	}
}

// paced is input that is read no faster than the command takes it.
type paced struct {
	io.Reader
	done  <-chan struct{}
	ahead chan struct{} // one for each frame that the command has not been given yet
}

func (p *paced) Read(b []byte) (int, error) {
	select {
	case p.ahead <- struct{}{}:
	case <-p.done:
		return 0, io.ErrClosedPipe
	}
	n, err := p.Reader.Read(b)
	if n == 0 {
		p.taken() // no frame
	}
	return n, err
}

// taken says that the command has been given a frame.
func (p *paced) taken() {
	select {
	case <-p.ahead:
	default: // nobody asked
	}
}

// upgrade calls the control API for a connection that speaks another protocol.
func (c Client) upgrade(ctx context.Context, path string, query url.Values, protocol string) (io.ReadWriteCloser, error) {
	req, err := c.request(ctx, http.MethodPost, path, query, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", protocol)
	body, err := send(req)
	if err != nil {
		return nil, err
	}
	conn, ok := body.(io.ReadWriteCloser)
	if !ok {
		_ = body.Close()
		return nil, errors.New("the local cloud does not speak " + protocol)
	}
	return conn, nil
}
