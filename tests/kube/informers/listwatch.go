package main

import (
	"context"
	"math/rand"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

const (
	clusterAnnotation = "cluster.transport-informer/name"
	staleAnnotation   = "cluster.transport-informer/stale-since"
)

// counters of what went between one follower and the server.
type counters struct {
	Lists     atomic.Int64
	Watches   atomic.Int64
	Streamed  atomic.Int64 // watches that began with the initial events
	Events    atomic.Int64
	Bookmarks atomic.Int64
	Expired   atomic.Int64 // 410, as an answer or as an event
	Errors    atomic.Int64 // other errors of a server that answered
}

func (c *counters) note(err error) {
	if errors.IsResourceExpired(err) || errors.IsGone(err) {
		c.Expired.Add(1)
	} else if _, answered := err.(errors.APIStatus); answered {
		c.Errors.Add(1)
	}
}

// withCluster makes keys of a fleet's objects unique: caches have one object under a key of namespace and name, which
// several clusters may have. So the namespace becomes CLUSTER:NAMESPACE.
func withCluster(object runtime.Object) runtime.Object {
	if accessor, err := meta.Accessor(object); err == nil {
		if cluster := accessor.GetAnnotations()[clusterAnnotation]; cluster != "" {
			accessor.SetNamespace(cluster + ":" + accessor.GetNamespace())
		}
	}
	return object
}

// withoutStale takes away what may change about an object without an event.
func withoutStale(object runtime.Object) runtime.Object {
	if accessor, err := meta.Accessor(object); err == nil {
		annotations := accessor.GetAnnotations()
		if _, stale := annotations[staleAnnotation]; stale {
			delete(annotations, staleAnnotation)
			accessor.SetAnnotations(annotations)
		}
	}
	return object
}

// listWatch counts what goes through it, has watches end after seconds rather than minutes, and, on a fleet, gives each
// object a key of its own.
func listWatch(from *cache.ListWatch, fleet bool, count *counters) *cache.ListWatch {
	each := func(object runtime.Object) runtime.Object {
		if fleet {
			object = withCluster(object)
		}
		return withoutStale(object)
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			count.Lists.Add(1)
			list, err := from.ListWithContext(ctx, options)
			if err != nil {
				count.note(err)
				return nil, err
			}
			return list, meta.EachListItem(list, func(object runtime.Object) error {
				each(object)
				return nil
			})
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			seconds := int64(3 + rand.Intn(6))
			options.TimeoutSeconds = &seconds
			count.Watches.Add(1)
			if options.SendInitialEvents != nil && *options.SendInitialEvents {
				count.Streamed.Add(1)
			}
			stream, err := from.WatchWithContext(ctx, options)
			if err != nil {
				count.note(err)
				return nil, err
			}
			return watch.Filter(stream, func(event watch.Event) (watch.Event, bool) {
				switch event.Type {
				case watch.Bookmark:
					count.Bookmarks.Add(1)
				case watch.Error:
					count.note(errors.FromObject(event.Object))
				default:
					count.Events.Add(1)
					each(event.Object)
				}
				return event, true
			}), nil
		},
	}
}

// pagesOnly is a client that lists and then watches; others have a watch bring what there is.
type pagesOnly struct{}

func (pagesOnly) IsWatchListSemanticsUnSupported() bool { return true }

// keyOf is CLUSTER:NAMESPACE/NAME on a fleet, else NAMESPACE/NAME.
func keyOf(object any) string {
	key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object)
	if err != nil {
		panic(err)
	}
	return key
}
