// Asks once with Go's net/http: ask URL LOWEST HIGHEST FOLDER SECONDS. Says what it saw as one JSON object.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

var versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func main() {
	address, folder := os.Args[1], os.Args[4]
	seconds, _ := strconv.ParseFloat(os.Args[5], 64)
	trusted := x509.NewCertPool()
	trust, err := os.ReadFile(filepath.Join(folder, "trust.pem"))
	if err != nil || !trusted.AppendCertsFromPEM(trust) {
		say(map[string]interface{}{"errors": []string{}, "text": "trust.pem cannot be read"})
		return
	}
	config := &tls.Config{RootCAs: trusted, MinVersion: versions[os.Args[2]], MaxVersion: versions[os.Args[3]]}
	chain, key := filepath.Join(folder, "chain.pem"), filepath.Join(folder, "key.pem")
	if _, err := os.Stat(chain); err == nil {
		pair, err := tls.LoadX509KeyPair(chain, key)
		if err != nil {
			fail(err, true)
			return
		}
		config.Certificates = []tls.Certificate{pair}
	}
	client := &http.Client{
		Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true},
		Timeout:   time.Duration(seconds * float64(time.Second)),
	}
	response, err := client.Get(address)
	if err != nil {
		fail(err, false)
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		fail(err, false)
		return
	}
	headers := [][2]string{}
	for name, values := range response.Header {
		for _, value := range values {
			headers = append(headers, [2]string{name, value})
		}
	}
	say(map[string]interface{}{"status": response.StatusCode, "headers": headers, "body": body})
}

func fail(err error, unloadable bool) {
	names, text := []string{}, ""
	for ; err != nil; err = errors.Unwrap(err) {
		name := strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
		if err == io.EOF {
			name = "io.EOF"
		}
		names, text = append(names, name), err.Error()
	}
	say(map[string]interface{}{"errors": names, "text": text, "unloadable": unloadable})
}

func say(what map[string]interface{}) {
	json.NewEncoder(os.Stdout).Encode(what)
}
