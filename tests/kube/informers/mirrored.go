package main

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

// bare is an object of a cluster, without what a hub or the API server itself adds, under a key that names the cluster.
func bare(object runtime.Object, cluster string) (string, runtime.Object) {
	object = object.DeepCopyObject()
	accessor, err := meta.Accessor(object)
	if err != nil {
		panic(err)
	}
	annotations := map[string]string{}
	for name, value := range accessor.GetAnnotations() {
		if !strings.HasPrefix(name, "cluster.transport-informer/") {
			annotations[name] = value
		}
	}
	accessor.SetAnnotations(annotations)
	if len(annotations) == 0 {
		accessor.SetAnnotations(nil)
	}
	accessor.SetNamespace(strings.TrimPrefix(accessor.GetNamespace(), cluster+":"))
	accessor.SetResourceVersion("")
	accessor.SetManagedFields(nil)
	return cluster + " " + keyOf(object), object
}

// mirrors holds what an informer before a hub has against what those before the clusters themselves have; "" where that is the same.
func (b *bench) mirrors(f *follower) string {
	if len(f.server.Of) == 0 {
		return ""
	}
	here, there := map[string]runtime.Object{}, map[string]runtime.Object{}
	for _, object := range f.cached() {
		accessor, _ := meta.Accessor(object)
		key, object := bare(object, accessor.GetAnnotations()[clusterAnnotation])
		here[key] = object
	}
	for cluster, server := range f.server.Of {
		for _, of := range b.of(server) {
			for _, object := range of.cached() {
				if of.resource == f.resource {
					key, object := bare(object, cluster)
					there[key] = object
				}
			}
		}
	}
	if why := differences(here, there); why != "" {
		return "the hub against its clusters: " + why
	}
	return ""
}
