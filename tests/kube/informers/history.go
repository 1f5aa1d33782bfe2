package main

import (
	"fmt"
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

// history is the store of a Reflector that remembers what each key held at which resourceVersion. So a list of version
// V is compared with the very state that the watch has led to at V, whatever has happened since.
//
// It also holds the server to what a watch is: versions grow; what is added was not there, and what is modified or
// deleted was.
type history struct {
	mutex    sync.Mutex
	versions map[string][]version
	base     int64 // what was before this is not known
	progress int64
	faults   faults
}

type version struct {
	version int64
	object  runtime.Object // nil: there is none
}

// faults keeps the first few of them, and how many there were.
type faults struct {
	Count int      `json:"count"`
	First []string `json:"first,omitempty"`
}

func (f *faults) add(format string, arguments ...any) {
	f.Count++
	if len(f.First) < 5 {
		f.First = append(f.First, fmt.Sprintf(format, arguments...))
	}
}

func parseVersion(text string) int64 {
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return -1
	}
	return value
}

func versionOf(object any) int64 {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return -1
	}
	return parseVersion(accessor.GetResourceVersion())
}

// at is what the key held at that version; nil for nothing.
func (h *history) at(key string, at int64) runtime.Object {
	versions := h.versions[key]
	for i := len(versions) - 1; i >= 0; i-- {
		if versions[i].version <= at {
			return versions[i].object
		}
	}
	return nil
}

func (h *history) take(verb string, object any, thereBefore, thereAfter bool) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	key, at := keyOf(object), versionOf(object)
	if at <= h.progress {
		h.faults.add("%s of %s at %d, after %d", verb, key, at, h.progress)
	}
	if is := h.at(key, at) != nil; is != thereBefore {
		h.faults.add("%s of %s at %d, which was there: %v", verb, key, at, is)
	}
	next := version{version: at}
	if thereAfter {
		next.object = object.(runtime.Object)
	}
	h.versions[key] = append(h.versions[key], next)
	h.progress = at
	return nil
}

func (h *history) Add(object any) error    { return h.take("ADDED", object, false, true) }
func (h *history) Update(object any) error { return h.take("MODIFIED", object, true, true) }
func (h *history) Delete(object any) error { return h.take("DELETED", object, true, false) }
func (h *history) Resync() error           { return nil }

func (h *history) Replace(objects []any, text string) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.base = parseVersion(text)
	h.progress = h.base
	h.versions = make(map[string][]version, len(objects))
	for _, object := range objects {
		key, at := keyOf(object), versionOf(object)
		if at > h.base {
			h.faults.add("%s at %d in a list of %d", key, at, h.base)
		}
		h.versions[key] = []version{{at, object.(runtime.Object)}}
	}
	return nil
}

func (h *history) Bookmark(text string) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	at := parseVersion(text)
	if at < h.progress {
		h.faults.add("bookmark of %d after %d", at, h.progress)
	}
	h.progress = at
	return nil
}

// state is everything there was at that version. known: it is remembered; reached: it is not to come.
func (h *history) state(at int64) (state map[string]runtime.Object, known, reached bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if at < h.base || at > h.progress {
		return nil, at >= h.base, at <= h.progress
	}
	state = make(map[string]runtime.Object)
	for key := range h.versions {
		if object := h.at(key, at); object != nil {
			state[key] = object
		}
	}
	return state, true, true
}
