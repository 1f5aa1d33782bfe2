// informers follows the same resources at several API servers with client-go, while it changes them, and holds what its
// caches have against fresh lists again and again: under churn at the very resourceVersion of the list, and at rest.
//
//	informers CONFIG
//
// CONFIG is a JSON file: see config. Commands come on stdin, a line each; each is answered by a line of JSON on stdout:
//
//	tell          what was seen so far
//	check         the churn rests until every cache is equal to a list, and what a hub mirrors to what its clusters have; then it
//	              goes on. {"rested": …, "why": […]}
//	join SERVER   begins to follow one that is late: {"joined": …}
//	leave SERVER  ends that; what was wrong with it stays in the verdict
//	stop          check, then the verdict; exit code 0 only if nothing was wrong
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	restSeconds = 45 // for all to be equal; a SharedIndexInformer may wait half of it before it tries again
	joinSeconds = 30
)

type server struct {
	Name       string            `json:"name"`
	Kubeconfig string            `json:"kubeconfig"`
	Server     string            `json:"server"` // in the place of the kubeconfig's; may be a proxy's, may have a path
	Fleet      bool              `json:"fleet"`  // objects of several clusters, which may have the same names
	Of         map[string]string `json:"of"`     // of a hub: the clusters that it has there, each with the server that it is
	Late       bool              `json:"late"`   // followed from "join" on
}

type config struct {
	Servers   []server `json:"servers"`
	Resources []struct {
		Group    string `json:"group"`
		Version  string `json:"version"`
		Resource string `json:"resource"`
		Kind     string `json:"kind"`
	} `json:"resources"`
	Churn []struct {
		Kubeconfig string `json:"kubeconfig"`
		PerSecond  int    `json:"perSecond"`
	} `json:"churn"`
}

type resource struct {
	gvr  schema.GroupVersionResource
	kind string
}

type bench struct {
	servers   []server
	resources []resource
	followers []*follower
	left      []*follower
	churns    []*churn
}

func fail(err error) {
	fmt.Fprintf(os.Stderr, "informers: %v\n", err)
	os.Exit(2)
}

func clientConfig(kubeconfig, server string) *rest.Config {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		fail(err)
	}
	if server != "" {
		config.Host = server
	}
	config.QPS = -1
	return config
}

func newBench(c *config) *bench {
	b := &bench{servers: c.Servers}
	for _, each := range c.Resources {
		b.resources = append(b.resources, resource{schema.GroupVersionResource{
			Group: each.Group, Version: each.Version, Resource: each.Resource}, each.Kind})
	}
	for _, each := range c.Churn {
		client := dynamic.NewForConfigOrDie(clientConfig(each.Kubeconfig, ""))
		churn := &churn{client: client, resources: b.resources, perSecond: each.PerSecond}
		if err := churn.prepare(context.Background()); err != nil {
			fail(err)
		}
		b.churns = append(b.churns, churn)
	}
	for _, each := range c.Servers {
		if !each.Late {
			b.follow(each)
		}
	}
	return b
}

func (b *bench) follow(of server) {
	for _, resource := range b.resources {
		b.followers = append(b.followers, follow(of, resource))
	}
}

// ---- commands ----

type told struct {
	Lists      int64          `json:"lists"`
	Watches    int64          `json:"watches"`
	Streamed   int64          `json:"streamed"`
	Events     int64          `json:"events"`
	Bookmarks  int64          `json:"bookmarks"`
	Expired    int64          `json:"expired"`
	Errors     int64          `json:"errors"`
	Compared   map[string]int `json:"compared"`
	Passed     int            `json:"passed"`
	Faults     faults         `json:"faults"`
	Mismatches faults         `json:"mismatches"`
}

func (f *follower) tell() told {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.history.mutex.Lock()
	defer f.history.mutex.Unlock()
	compared := map[string]int{}
	for way, count := range f.lists {
		compared[way] = count
	}
	sum := func(of func(*counters) int64) int64 { return of(&f.reflected) + of(&f.informed) }
	return told{
		Lists:     sum(func(c *counters) int64 { return c.Lists.Load() }),
		Watches:   sum(func(c *counters) int64 { return c.Watches.Load() }),
		Streamed:  sum(func(c *counters) int64 { return c.Streamed.Load() }),
		Events:    sum(func(c *counters) int64 { return c.Events.Load() }),
		Bookmarks: sum(func(c *counters) int64 { return c.Bookmarks.Load() }),
		Expired:   sum(func(c *counters) int64 { return c.Expired.Load() }),
		Errors:    sum(func(c *counters) int64 { return c.Errors.Load() }),
		Compared:  compared, Passed: f.passed, Faults: f.history.faults, Mismatches: f.mismatches,
	}
}

func (b *bench) tell() map[string]any {
	followers, changes := map[string]told{}, int64(0)
	for _, follower := range slices.Concat(b.left, b.followers) {
		followers[follower.name] = follower.tell()
	}
	for _, churn := range b.churns {
		changes += churn.done.Load()
	}
	return map[string]any{"followers": followers, "changes": changes}
}

func (b *bench) check() map[string]any {
	for _, churn := range b.churns {
		churn.running.Lock()
		defer churn.running.Unlock()
	}
	ctx, cancel := context.WithTimeout(context.Background(), restSeconds*time.Second)
	defer cancel()
	var wait sync.WaitGroup
	whys := make([]string, len(b.followers))
	for i, follower := range b.followers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			whys[i] = b.atRest(ctx, follower)
		}()
	}
	wait.Wait()
	wrong := []string{}
	for _, why := range whys {
		if why != "" {
			wrong = append(wrong, why)
		}
	}
	return map[string]any{"rested": len(wrong) == 0, "why": wrong}
}

// join begins to follow a server that is late; false where its caches are not there in time.
func (b *bench) join(name string) bool {
	for _, each := range b.servers {
		if each.Name == name {
			b.follow(each)
		}
	}
	deadline := time.Now().Add(joinSeconds * time.Second)
	for _, follower := range b.of(name) {
		for !follower.synced() {
			if time.Now().After(deadline) {
				return false
			}
			time.Sleep(20 * time.Millisecond)
		}
		go compareForever(follower)
	}
	return true
}

// of is who follows that server.
func (b *bench) of(name string) (followers []*follower) {
	for _, follower := range b.followers {
		if follower.server.Name == name {
			followers = append(followers, follower)
		}
	}
	return followers
}

// leave ends whoever follows a server; false where an informer does not end.
func (b *bench) leave(name string) bool {
	leaving, staying := b.of(name), []*follower{}
	for _, follower := range b.followers {
		if follower.server.Name != name {
			staying = append(staying, follower)
		}
	}
	b.followers = staying
	for _, follower := range leaving {
		if !follower.leave(joinSeconds * time.Second) {
			return false
		}
		follower.name = fmt.Sprintf("%s, who left as number %d", follower.name, len(b.left)+1)
		b.left = append(b.left, follower)
	}
	return len(leaving) > 0
}

// sound is whether nothing was wrong, ever.
func (b *bench) sound() bool {
	for _, follower := range slices.Concat(b.left, b.followers) {
		if told := follower.tell(); told.Faults.Count > 0 || told.Mismatches.Count > 0 {
			return false
		}
	}
	return true
}

func print(value any) {
	line, err := json.Marshal(value)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(line))
}

// obey returns the exit code.
func (b *bench) obey() int {
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		command, name, _ := strings.Cut(commands.Text(), " ")
		switch command {
		case "join":
			print(map[string]any{"joined": b.join(name)})
		case "leave":
			print(map[string]any{"left": b.leave(name)})
		case "tell":
			print(b.tell())
		case "check":
			print(b.check())
		case "stop":
			verdict := b.check()
			for key, value := range b.tell() {
				verdict[key] = value
			}
			sound := verdict["rested"] == true && b.sound()
			verdict["sound"] = sound
			print(verdict)
			if sound {
				return 0
			}
			return 1
		}
	}
	return 2
}

// ---- life ----

func follow(server server, of resource) *follower {
	config := clientConfig(server.Kubeconfig, server.Server)
	dynamic := dynamicSource(config, of)
	informed, typed := typedSource(config, of)
	if !typed {
		informed = dynamic
	}
	return newFollower(server, of, dynamic, informed)
}

func compareForever(f *follower) {
	for f.ctx.Err() == nil {
		round, cancel := context.WithTimeout(f.ctx, 20*time.Second)
		f.compare(round)
		cancel()
		time.Sleep(300 * time.Millisecond)
	}
}

func main() {
	flag.Parse()
	text, err := os.ReadFile(flag.Arg(0))
	if err != nil {
		fail(err)
	}
	var c config
	if err := json.Unmarshal(text, &c); err != nil {
		fail(err)
	}
	b := newBench(&c)
	for _, follower := range b.followers {
		for !follower.synced() {
			time.Sleep(20 * time.Millisecond)
		}
		go compareForever(follower)
	}
	for _, churn := range b.churns {
		churn.run(context.Background())
	}
	os.Exit(b.obey())
}
