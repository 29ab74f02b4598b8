// Go's own net/smtp on several connections, which is what smtppool stands on: netsmtp PORT CONNECTIONS LETTERS raw|mime [FILE ENCODED]
//
// LETTERS, FILE and ENCODED are those of nodemailer.cjs. As smtppool does, every connection is reset after each letter,
// and "mime" builds each message of its own. Prints what it measured of itself.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

const from = "jana@rights.example"

type letter struct{ To, Raw, Subject, Text, HTML string }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func part(to *multipart.Writer, kind, text string) {
	header := textproto.MIMEHeader{"Content-Type": {kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}}
	into, err := to.CreatePart(header)
	must(err)
	quoted := quotedprintable.NewWriter(into)
	quoted.Write([]byte(text))
	must(quoted.Close())
}

func build(one letter, file []byte) []byte {
	var all, alternatives bytes.Buffer
	mixed, both := multipart.NewWriter(&all), multipart.NewWriter(&alternatives)
	fmt.Fprintf(&all, "From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%d@rights.example>\r\nMIME-Version: 1.0\r\n", from,
		one.To, mime.QEncoding.Encode("utf-8", one.Subject), time.Now().Format(time.RFC1123Z), time.Now().UnixNano())
	part(both, "text/plain", one.Text)
	part(both, "text/html", one.HTML)
	must(both.Close())
	if file == nil {
		fmt.Fprintf(&all, "Content-Type: multipart/alternative; boundary=%q\r\n\r\n", both.Boundary())
		all.Write(alternatives.Bytes())
		return all.Bytes()
	}
	fmt.Fprintf(&all, "Content-Type: multipart/mixed; boundary=%q\r\n\r\n", mixed.Boundary())
	into, err := mixed.CreatePart(textproto.MIMEHeader{"Content-Type": {"multipart/alternative; boundary=" + both.Boundary()}})
	must(err)
	into.Write(alternatives.Bytes())
	into, err = mixed.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/pdf"}, "Content-Transfer-Encoding": {"base64"},
		"Content-Disposition": {`attachment; filename="briefing.pdf"`}})
	must(err)
	line := make([]byte, 78)
	for start := 0; start < len(file); start += 57 {
		chunk := file[start:min(start+57, len(file))]
		base64.StdEncoding.Encode(line, chunk)
		length := base64.StdEncoding.EncodedLen(len(chunk))
		copy(line[length:], "\r\n")
		into.Write(line[:length+2])
	}
	must(mixed.Close())
	return all.Bytes()
}

func send(port string, letters <-chan letter, raw bool, file, encoded []byte) {
	socket, err := net.Dial("tcp", "127.0.0.1:"+port)
	must(err)
	client, err := smtp.NewClient(socket, "127.0.0.1")
	must(err)
	must(client.Hello("rights.example"))
	for one := range letters {
		must(client.Mail(from))
		must(client.Rcpt(one.To))
		body, err := client.Data()
		must(err)
		if raw {
			_, err = body.Write([]byte(one.Raw))
			must(err)
			_, err = body.Write(encoded)
		} else {
			_, err = body.Write(build(one, file))
		}
		must(err)
		must(body.Close())
		must(client.Reset())
	}
	client.Quit()
}

func seconds(of syscall.Timeval) float64 { return float64(of.Sec) + float64(of.Usec)/1e6 }

func used() float64 {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func main() {
	var connections int
	fmt.Sscan(os.Args[2], &connections)
	var file, encoded []byte
	if len(os.Args) > 5 {
		var err error
		file, err = os.ReadFile(os.Args[5])
		must(err)
		encoded, err = os.ReadFile(os.Args[6])
		must(err)
	}
	source, err := os.Open(os.Args[3])
	must(err)
	var all []letter
	lines := bufio.NewScanner(source)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var one letter
		must(json.Unmarshal(lines.Bytes(), &one))
		all = append(all, one)
	}
	letters := make(chan letter)
	begun, before := time.Now(), used()
	var lanes sync.WaitGroup
	for i := 0; i < connections; i++ {
		lanes.Add(1)
		go func() {
			defer lanes.Done()
			send(os.Args[1], letters, os.Args[4] == "raw", file, encoded)
		}()
	}
	for _, one := range all {
		letters <- one
	}
	close(letters)
	lanes.Wait()
	took, cpu := time.Since(begun).Seconds(), used()-before
	var peak float64
	status, _ := os.ReadFile("/proc/self/status")
	if _, after, found := strings.Cut(string(status), "VmHWM:"); found {
		fmt.Sscan(after, &peak)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{"number": len(all), "seconds": took, "cpu": cpu, "peak": peak / 1024})
}
