package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// source is one resource at one server, by one of client-go's clients.
type source struct {
	listWatch *cache.ListWatch
	client    any
	example   runtime.Object
}

func dynamicSource(config *rest.Config, of resource) source {
	client := dynamic.NewForConfigOrDie(config)
	example := &unstructured.Unstructured{}
	example.SetGroupVersionKind(of.gvr.GroupVersion().WithKind(of.kind))
	at := client.Resource(of.gvr)
	return source{client: client, example: example, listWatch: &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return at.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return at.Watch(ctx, options)
		},
	}}
}

// typedSource is how controllers see a built-in resource. A client is typed only for those.
func typedSource(config *rest.Config, of resource) (source, bool) {
	client := corev1client.NewForConfigOrDie(config)
	switch of.kind {
	case "Pod":
		pods := client.Pods("")
		return source{listWatch: typedListWatch(pods.List, pods.Watch), client: client, example: &corev1.Pod{}}, true
	case "ConfigMap":
		maps := client.ConfigMaps("")
		return source{listWatch: typedListWatch(maps.List, maps.Watch), client: client, example: &corev1.ConfigMap{}}, true
	default:
		return source{}, false
	}
}

func typedListWatch[List runtime.Object](list func(context.Context, metav1.ListOptions) (List, error),
	follow func(context.Context, metav1.ListOptions) (watch.Interface, error)) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return list(ctx, options)
		},
		WatchFuncWithContext: follow,
	}
}
