package main

import (
	"context"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

const (
	namespaces = 3
	names      = 25 // of each resource in each namespace
)

// churn creates, changes and deletes objects of the resources in one cluster, as fast as it is told.
type churn struct {
	client    dynamic.Interface
	resources []resource
	perSecond int
	done      atomic.Int64
	running   sync.RWMutex // held for writing while there is to be rest
}

func namespaceName(i int) string { return fmt.Sprintf("churn-%d", i) }

func (c *churn) prepare(ctx context.Context) error {
	for i := 0; i < namespaces; i++ {
		namespace := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespaceName(i)}}}
		_, err := c.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Create(ctx, namespace, metav1.CreateOptions{})
		if err != nil {
			return err
		}
	}
	return nil
}

// object is a new one, with something in it that takes room and something that is awkward.
func (c *churn) object(of resource, name string) *unstructured.Unstructured {
	object := map[string]any{
		"apiVersion": of.gvr.GroupVersion().String(), "kind": of.kind,
		"metadata": map[string]any{"name": name, "labels": map[string]any{"round": fmt.Sprint(rand.Intn(4))}},
	}
	switch of.kind {
	case "Pod":
		object["spec"] = map[string]any{"terminationGracePeriodSeconds": int64(0), "containers": []any{
			map[string]any{"name": "main", "image": "nginx:1"}}}
	case "ConfigMap":
		object["data"] = map[string]any{"text": strings.Repeat("ä\n\"<>&", rand.Intn(40)), "empty": ""}
	default:
		object["spec"] = map[string]any{"big": int64(9007199254740993), "some": 0.5, "none": nil, "list": []any{}}
	}
	return &unstructured.Unstructured{Object: object}
}

// step is one request. Most of those that fail do so because the object is there already, or not there.
func (c *churn) step(ctx context.Context) {
	of := c.resources[rand.Intn(len(c.resources))]
	client := c.client.Resource(of.gvr).Namespace(namespaceName(rand.Intn(namespaces)))
	name := fmt.Sprintf("object-%d", rand.Intn(names))
	var err error
	switch rand.Intn(10) {
	case 0, 1, 2:
		_, err = client.Create(ctx, c.object(of, name), metav1.CreateOptions{})
	case 3:
		err = client.Delete(ctx, name, metav1.DeleteOptions{})
	default:
		patch := fmt.Sprintf(`{"metadata":{"labels":{"round":"%d"},"annotations":{"count":"%d"}}}`, rand.Intn(4), c.done.Load())
		_, err = client.Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	}
	if err == nil {
		c.done.Add(1)
	}
}

func (c *churn) run(ctx context.Context) {
	for workers := 0; workers < 4; workers++ {
		go func() {
			ticks := time.Tick(4 * time.Second / time.Duration(c.perSecond))
			for range ticks {
				c.running.RLock()
				c.step(ctx)
				c.running.RUnlock()
			}
		}()
	}
}
