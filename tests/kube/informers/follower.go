package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
)

// follower is one resource at one server, seen three ways: by a Reflector that lists and watches and whose store remembers
// all versions, by a SharedIndexInformer as controllers have them, whose watch begins with what there is, and by fresh
// lists, which both are held against.
type follower struct {
	name          string
	server        server
	resource      resource
	ctx           context.Context // ends when it leaves
	cancel        context.CancelFunc
	fresh         *cache.ListWatch
	freshInformed *cache.ListWatch // by the client of the informer
	history       *history
	reflected     counters
	informed      counters
	compared      counters
	informer      cache.SharedIndexInformer
	mutex         sync.Mutex
	lists         map[string]int // compared, by how they were asked for
	passed        int            // lists that were not compared, as a relist came between
	mismatches    faults
}

// newFollower begins to follow: the Reflector by the dynamic client, the SharedIndexInformer by another one, which may be typed.
func newFollower(server server, of resource, dynamic, informed source) *follower {
	f := &follower{name: server.Name + " " + of.gvr.Resource, server: server, resource: of,
		history: &history{versions: map[string][]version{}}, lists: map[string]int{}}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	fleet := server.Fleet
	f.fresh = listWatch(dynamic.listWatch, fleet, &f.compared)
	f.freshInformed = listWatch(informed.listWatch, fleet, &f.compared)
	streams := cache.ToListWatcherWithWatchListSemantics(listWatch(informed.listWatch, fleet, &f.informed), informed.client)
	f.informer = cache.NewSharedIndexInformer(streams, informed.example, 0, cache.Indexers{
		cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	_, _ = f.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{UpdateFunc: f.updated})
	pages := cache.ToListWatcherWithWatchListSemantics(listWatch(dynamic.listWatch, fleet, &f.reflected), pagesOnly{})
	reflector := cache.NewReflectorWithOptions(pages, dynamic.example, f.history, cache.ReflectorOptions{Name: f.name,
		Backoff: &wait.Backoff{Duration: 200 * time.Millisecond, Factor: 1.2, Cap: time.Second, Steps: 10}})
	go reflector.RunWithContext(f.ctx)
	go f.informer.RunWithContext(f.ctx)
	return f
}

// leave waits until nothing is followed any more; false where that does not come.
func (f *follower) leave(patience time.Duration) bool {
	f.cancel()
	for end := time.Now().Add(patience); !f.informer.IsStopped(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// updated holds handlers' view to what controllers rely on: an object is told of again only with a later version.
// A server that was replaced by another one counts anew, and its objects have other uids or come with a relist.
func (f *follower) updated(old, new any) {
	if before, after := versionOf(old), versionOf(new); after < before {
		f.mutex.Lock()
		f.mismatches.add("%s: handlers are told of %s at %d after %d", f.name, keyOf(new), after, before)
		f.mutex.Unlock()
	}
}

func (f *follower) synced() bool {
	f.history.mutex.Lock()
	defer f.history.mutex.Unlock()
	return f.history.base > 0 && f.informer.HasSynced()
}

// ---- lists ----

type listed struct {
	version int64
	objects map[string]runtime.Object
}

func (l *listed) append(list runtime.Object) (next string, err error) {
	accessor, err := meta.ListAccessor(list)
	if err != nil {
		return "", err
	}
	if at := parseVersion(accessor.GetResourceVersion()); l.version == 0 {
		l.version = at
	} else if at != l.version {
		return "", fmt.Errorf("a page of %d follows one of %d", at, l.version)
	}
	err = meta.EachListItem(list, func(object runtime.Object) error {
		if _, twice := l.objects[keyOf(object)]; twice {
			return fmt.Errorf("%s is there twice", keyOf(object))
		}
		l.objects[keyOf(object)] = object
		return nil
	})
	return accessor.GetContinue(), err
}

// list asks page by page, where options have a limit.
func list(ctx context.Context, from *cache.ListWatch, options metav1.ListOptions) (*listed, error) {
	result := &listed{objects: map[string]runtime.Object{}}
	for {
		list, err := from.ListWithContext(ctx, options)
		if err != nil {
			return nil, err
		}
		next, err := result.append(list)
		if err != nil || next == "" {
			return result, err
		}
		options = metav1.ListOptions{Limit: options.Limit, Continue: next}
	}
}

// way is one of those to ask for a list.
func (f *follower) way() (string, metav1.ListOptions) {
	f.history.mutex.Lock()
	progress := strconv.FormatInt(f.history.progress, 10)
	f.history.mutex.Unlock()
	switch rand.Intn(5) {
	case 0:
		return "any", metav1.ListOptions{ResourceVersion: "0"}
	case 1:
		return "not older", metav1.ListOptions{ResourceVersion: progress, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan}
	case 2:
		return "exact", metav1.ListOptions{ResourceVersion: progress, ResourceVersionMatch: metav1.ResourceVersionMatchExact}
	case 3:
		return "pages", metav1.ListOptions{Limit: int64(7 + rand.Intn(40))}
	default:
		return "newest", metav1.ListOptions{}
	}
}

// ---- comparing ----

func difference(left, right runtime.Object) string {
	first, _ := json.Marshal(left)
	second, _ := json.Marshal(right)
	return fmt.Sprintf("followed %.1500s, listed %.1500s", first, second)
}

// differences between what was followed and what was listed: "" if there are none.
func differences(followed, listed map[string]runtime.Object) string {
	for key, object := range listed {
		if mine := followed[key]; mine == nil {
			return key + " was not told of"
		} else if !equality.Semantic.DeepEqual(mine, object) {
			return key + " differs: " + difference(mine, object)
		}
	}
	for key := range followed {
		if listed[key] == nil {
			return key + " is followed but not listed"
		}
	}
	return ""
}

// compare holds one fresh list against what the Reflector's events have led to at the list's version.
func (f *follower) compare(ctx context.Context) {
	name, options := f.way()
	list, err := list(ctx, f.fresh, options)
	if err != nil {
		if _, answered := err.(errors.APIStatus); answered && !errors.IsResourceExpired(err) && !errors.IsTimeout(err) {
			f.fault("%s: list, %s: %v", f.name, name, err)
		}
		return
	}
	for ctx.Err() == nil {
		followed, known, reached := f.history.state(list.version)
		if !known {
			f.mutex.Lock()
			f.passed++
			f.mutex.Unlock()
			return
		}
		if reached {
			f.note(name, list.version, differences(followed, list.objects))
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (f *follower) fault(format string, arguments ...any) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.mismatches.add(format, arguments...)
}

func (f *follower) note(name string, at int64, difference string) {
	if difference != "" {
		f.fault("%s: list, %s, of %d: %s", f.name, name, at, difference)
	}
	f.mutex.Lock()
	f.lists[name]++
	f.mutex.Unlock()
}

// cached is what the SharedIndexInformer has.
func (f *follower) cached() map[string]runtime.Object {
	state := map[string]runtime.Object{}
	for _, object := range f.informer.GetStore().List() {
		state[keyOf(object)] = object.(runtime.Object)
	}
	return state
}

// differs is what keeps the Reflector's history and the informer's cache from being what lists have now; "" if nothing does.
func (f *follower) differs(ctx context.Context) string {
	now, err := list(ctx, f.fresh, metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	followed, known, reached := f.history.state(now.version)
	if !known || !reached {
		return fmt.Sprintf("the Reflector is not where the list is, at %d", now.version)
	}
	if why := differences(followed, now.objects); why != "" {
		return "Reflector: " + why
	}
	if now, err = list(ctx, f.freshInformed, metav1.ListOptions{}); err != nil {
		return err.Error()
	}
	if why := differences(f.cached(), now.objects); why != "" {
		return "SharedIndexInformer: " + why
	}
	return ""
}

// atRest waits until nothing differs; "" once that is so.
func (b *bench) atRest(ctx context.Context, f *follower) string {
	for {
		why := f.differs(ctx)
		if why == "" {
			why = b.mirrors(f)
		}
		if why == "" {
			return ""
		}
		select {
		case <-ctx.Done():
			return f.name + ": " + why
		case <-time.After(100 * time.Millisecond):
		}
	}
}
