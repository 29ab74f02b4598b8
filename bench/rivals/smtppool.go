// smtppool, the pool that listmonk sends with: smtppool PORT CONNECTIONS LETTERS mime [FILE]
//
// LETTERS and FILE are those of nodemailer.cjs. smtppool builds each message. Prints what it measured of itself.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/knadh/smtppool/v2"
)

type letter struct{ To, Subject, Text, HTML string }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func seconds(of syscall.Timeval) float64 { return float64(of.Sec) + float64(of.Usec)/1e6 }

func used() float64 {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func send(pool *smtppool.Pool, one letter, file []byte) {
	message := smtppool.Email{From: "jana@rights.example", To: []string{one.To}, Subject: one.Subject, Text: []byte(one.Text), HTML: []byte(one.HTML)}
	if file != nil {
		_, err := message.Attach(bytes.NewReader(file), "briefing.pdf", "application/pdf")
		must(err)
	}
	must(pool.Send(message))
}

func main() {
	port, err := strconv.Atoi(os.Args[1])
	must(err)
	connections, err := strconv.Atoi(os.Args[2])
	must(err)
	var file []byte
	if len(os.Args) > 5 {
		file, err = os.ReadFile(os.Args[5])
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
	pool, err := smtppool.New(smtppool.Opt{Host: "127.0.0.1", Port: port, HelloHostname: "rights.example", MaxConns: connections,
		IdleTimeout: time.Minute, PoolWaitTimeout: time.Minute})
	must(err)
	letters := make(chan letter)
	begun, before := time.Now(), used()
	var lanes sync.WaitGroup
	for i := 0; i < connections; i++ {
		lanes.Add(1)
		go func() {
			defer lanes.Done()
			for one := range letters {
				send(pool, one, file)
			}
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
