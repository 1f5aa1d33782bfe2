#!/bin/bash
# What kubectl does against a cluster API, checked from the outside:
#
#     tests/kube/kubectl_suite.sh KUBECONFIG
#
# It runs unchanged against a real kube-apiserver with its controller manager and against minicluster: whatever
# minicluster offers is held to what the real one does. Neither may have to have a kubelet: where pods must be ready, the
# suite says so itself (make_ready), on both; it never looks at what only a scheduler or kubelet would bring about.
#
# Works in a namespace of its own, prints a line `ok NAME` or `FAIL NAME: why` for each check, and closes with
# "N passed, N failed". Environment: KUBECTL, the kubectl to use.
set -uo pipefail

[ $# -eq 1 ] || { echo "usage: $0 KUBECONFIG" >&2; exit 64; }
export KUBECONFIG=$1
kubectl=${KUBECTL:-kubectl}
namespace=suite-$$
work=$(mktemp -d)
export KUBECACHEDIR=$work/cache
timeout_s=${SUITE_TIMEOUT_S:-30}
passed=0
failed=0
out=
watchers=()

finish() {
	local pid
	for pid in "${watchers[@]}"; do
		kill "$pid" 2>/dev/null
	done
	k delete namespace "$namespace" --wait=false >/dev/null 2>&1
	k delete crd "gears.suite$$.example.com" --wait=false >/dev/null 2>&1
	rm -rf "$work"
}
trap finish EXIT

k() {
	timeout 60 "$kubectl" "$@"
}

kn() {
	timeout 60 "$kubectl" -n "$namespace" "$@"
}

# The outcome of one check: `verdict NAME STATUS [WHY]`.
verdict() {
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok $1"
	else
		failed=$((failed + 1))
		echo "FAIL $1: $(printf '%s' "${3:-}" | tr '\n' '|' | cut -c1-600)"
	fi
}

# `succeeds NAME PATTERN COMMAND…`: it exits with 0, and its output matches the extended regular expression.
succeeds() {
	local name=$1 pattern=$2 status
	shift 2
	out=$("$@" 2>&1)
	status=$?
	if [ $status -ne 0 ]; then
		verdict "$name" 1 "exit $status: $out"
	elif ! grep -Eq -- "$pattern" <<<"$out"; then
		verdict "$name" 1 "no /$pattern/ in: $out"
	else
		verdict "$name" 0
	fi
}

# `refuses NAME PATTERN COMMAND…`: it exits with other than 0, and says so.
refuses() {
	local name=$1 pattern=$2
	shift 2
	if out=$("$@" 2>&1); then
		verdict "$name" 1 "it succeeds: $out"
	else
		grep -Eq -- "$pattern" <<<"$out"
		verdict "$name" $? "no /$pattern/ in: $out"
	fi
}

# `equals NAME EXPECTED COMMAND…`: its output is exactly this.
equals() {
	local name=$1 expected=$2
	shift 2
	out=$("$@" 2>&1)
	[ "$out" = "$expected" ]
	verdict "$name" $? "is '$out', not '$expected'"
}

# `becomes NAME EXPECTED COMMAND…`: its output is exactly this within timeout_s.
becomes() {
	local name=$1 expected=$2 end=$((SECONDS + timeout_s))
	shift 2
	while out=$("$@" 2>&1); [ "$out" != "$expected" ] && [ $SECONDS -lt $end ]; do
		sleep 0.2
	done
	[ "$out" = "$expected" ]
	verdict "$name" $? "is '$out' after $timeout_s s, not '$expected'"
}

# `patch_status KIND NAME PATCH`: a merge patch of pods' or deployments' status alone. kubectl before 1.24 has no --subresource: it
# puts the whole object there.
patch_status() {
	local base=/api/v1
	[ "$1" != deployments ] || base=/apis/apps/v1
	if k patch --help | grep -q -e --subresource; then
		kn patch "$1" "$2" --subresource=status --type=merge -p "$3"
	else
		kn get "$1" "$2" -o json | python3 -c 'import json, sys
def merge(into, patch):
    for name, value in patch.items():
        into[name] = merge(into.get(name) or {}, value) if isinstance(value, dict) else value
    return into
print(json.dumps(merge(json.load(sys.stdin), json.loads(sys.argv[1]))))' "$3" |
			k replace --raw "$base/namespaces/$namespace/$1/$2/status" -f -
	fi
}

# Does a kubelet's part for all pods of app $1 that are not ready yet.
make_ready() {
	local pod
	for pod in $(kn get pods -l "app=$1" -o name); do
		patch_status pods "${pod#*/}" '{"status":{"phase":"Running","conditions":[
			{"type":"Ready","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}' >/dev/null 2>&1
	done
}

count() {
	kn get "$@" -o name | grep -c .
}

items() {
	kn get "$@" -o 'jsonpath={.items[*].metadata.name}'
}

configmap() {
	cat <<-EOF
		apiVersion: v1
		kind: ConfigMap
		metadata:
		  name: $1
		  labels: {app: $2}
		data:
		  color: '$3'
	EOF
}

deployment() {
	cat <<-EOF
		apiVersion: apps/v1
		kind: Deployment
		metadata:
		  name: web
		  labels: {app: web}
		spec:
		  replicas: 2
		  selector:
		    matchLabels: {app: web}
		  template:
		    metadata:
		      labels: {app: web}
		    spec:
		      containers:
		      - name: main
		        image: $1
		        ports: [{containerPort: 80}]
	EOF
}

test_discovery() {
	succeeds 'version' 'Server Version: (v1\.|.*GitVersion:"v1\.)' k version
	succeeds 'api-resources: pods' '^pods +po +v1 +true +Pod' k api-resources
	succeeds 'api-resources: deployments' '^deployments +deploy +apps/v1 +true +Deployment' k api-resources
	refuses 'an unknown resource type' "doesn't have a resource type" k get nonsense
	succeeds 'create a namespace' "namespace/$namespace created" \
		k create -f - <<<"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"$namespace\"}}"
	succeeds 'get namespace' "$namespace +Active" k get namespace "$namespace"
}

test_create_and_get() {
	succeeds 'create -f -' 'configmap/one created' kn create -f - < <(configmap one none red)
	succeeds 'create another' 'configmap/two created' kn create -f - < <(configmap two blue 'ü<&>"')
	refuses 'create what exists' 'AlreadyExists' kn create -f - < <(configmap one none red)
	refuses 'get what does not exist' 'NotFound' kn get configmap none
	refuses 'create without a name' 'name' k create --raw "/api/v1/namespaces/$namespace/configmaps" -f - <<<'{"metadata":{}}'
	equals 'get -o jsonpath' red kn get configmap one -o 'jsonpath={.data.color}'
	equals 'text that JSON escapes' 'ü<&>"' kn get configmap two -o 'jsonpath={.data.color}'
	succeeds 'get -o yaml' '^kind: ConfigMap' kn get configmap one -o yaml
	succeeds 'get -o json has uid and resourceVersion' '"uid": "[0-9a-f]{8}-' kn get configmap one -o json
	succeeds 'get by short name' 'one +1 ' kn get cm one
	succeeds 'get -A' "^$namespace +one " k get configmaps -A
	succeeds 'get -A -o wide' "^NAMESPACE +NAME +DATA +AGE" k get configmaps -A -o wide
	succeeds 'get -A -o json' '"kind": "List"' k get configmaps -A -o json
	succeeds 'get -A -o yaml' '^kind: List' k get configmaps -A -o yaml
	succeeds 'get two kinds' 'configmap/one' kn get configmaps,pods -o name
	succeeds 'generateName' '^configmap/gen-[a-z0-9]{5} created' kn create -f - \
		<<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"gen-","labels":{"app":"gen"}}}'
}

test_selectors() {
	kn label configmap one app=red --overwrite >/dev/null
	equals 'label, and -l =' one items configmaps -l app=red
	equals '-l !=' two items configmaps -l 'app!=red,app!=gen,app'
	equals '-l in' 'one two' items configmaps -l 'app in (red, blue)'
	equals '-l notin' two items configmaps -l 'app notin (red, gen),app'
	equals '-l ! does not exist' 0 count configmaps -l '!app,app'
	equals 'field selector by name' two items configmaps --field-selector metadata.name=two
	equals 'annotate' yes bash -c "'$kubectl' -n $namespace annotate cm one note=yes >/dev/null &&
		'$kubectl' -n $namespace get cm one -o 'jsonpath={.metadata.annotations.note}'"
}

test_paging() {
	local number
	for number in 1 2 3 4 5; do
		configmap "page-$number" page x
		echo ---
	done | kn create -f - >/dev/null
	equals 'chunks make one list' 'page-1 page-2 page-3 page-4 page-5' items configmaps -l app=page --chunk-size=2
	succeeds 'a page names the next one' '"continue":"[^"]' \
		k get --raw "/api/v1/namespaces/$namespace/configmaps?limit=2&labelSelector=app%3Dpage"
	succeeds 'delete -l' 'configmap "page-5" deleted' kn delete configmaps -l app=page
	equals 'nothing is left of them' 0 count configmaps -l app=page
}

test_patch() {
	succeeds 'patch --type=merge' patched kn patch cm one --type=merge -p '{"data":{"color":null,"size":"9"}}'
	equals 'merge patch: null removes' '{"size":"9"}' kn get cm one -o 'jsonpath={.data}'
	succeeds 'patch --type=json' patched kn patch cm one --type=json \
		-p '[{"op":"test","path":"/data/size","value":"9"},{"op":"add","path":"/metadata/annotations/example.com~1b","value":"c"}]'
	equals 'json patch: escaped path' c kn get cm one -o 'jsonpath={.metadata.annotations.example\.com/b}'
	refuses 'json patch: a failing test changes nothing' 'test|422|Invalid|invalid' kn patch cm one --type=json \
		-p '[{"op":"remove","path":"/data/size"},{"op":"test","path":"/metadata/annotations/example.com~1b","value":"other"}]'
	equals 'json patch: all or nothing' 9 kn get cm one -o 'jsonpath={.data.size}'
	refuses 'patch what does not exist' NotFound kn patch cm none --type=merge -p '{"data":{}}'
	succeeds 'a patch that changes nothing' 'no change' kn patch cm one --type=merge -p '{"data":{"size":"9"}}'

	kn get cm one -o json >"$work/stale.json"
	kn patch cm one --type=merge -p '{"data":{"size":"10"}}' >/dev/null
	refuses 'replace with a stale resourceVersion' 'Conflict|conflict' kn replace -f "$work/stale.json"
	kn get cm one -o json | sed 's/"size": "10"/"size": "11"/' >"$work/fresh.json"
	succeeds 'replace with the current one' 'configmap/one replaced' kn replace -f "$work/fresh.json"
	equals 'replaced' 11 kn get cm one -o 'jsonpath={.data.size}'
}

test_apply() {
	succeeds 'apply creates' 'configmap/applied created' kn apply -f - < <(configmap applied blue 1)
	succeeds 'apply again: unchanged' 'configmap/applied unchanged' kn apply -f - < <(configmap applied blue 1)
	succeeds 'apply a change: configured' 'configmap/applied configured' kn apply -f - < <(configmap applied blue 2)
	equals 'applied' 2 kn get cm applied -o 'jsonpath={.data.color}'
	succeeds 'apply --server-side creates' 'serverside-applied' \
		kn apply --server-side -f - < <(configmap serverside blue 1)
	succeeds 'apply --server-side changes' 'serverside-applied' \
		kn apply --server-side -f - < <(configmap serverside blue 2)
	equals 'applied by the server' 2 kn get cm serverside -o 'jsonpath={.data.color}'
}

# Three changes seen by a running watch, in order, each with its type.
test_watch() {
	configmap watched w 1 | kn create -f - >/dev/null
	"$kubectl" -n "$namespace" get configmaps -l app=w -w --output-watch-events \
		-o 'jsonpath={.type} {.object.metadata.name} {.object.data.color}{"\n"}' >"$work/watch" 2>&1 &
	watchers+=($!)
	becomes 'get -w shows what is there' 'ADDED watched 1' cat "$work/watch"
	kn patch cm watched --type=merge -p '{"data":{"color":"2"}}' >/dev/null
	configmap other w 1 | kn create -f - >/dev/null
	kn delete cm watched >/dev/null
	becomes 'get -w shows changes in order' "$(printf '%s\n' 'ADDED watched 1' 'MODIFIED watched 2' 'ADDED other 1' \
		'DELETED watched 2')" cat "$work/watch"
	kn label cm other app=elsewhere --overwrite >/dev/null
	becomes 'leaving the selector is a deletion' 'DELETED other 1' tail -n 1 "$work/watch"
	kill "${watchers[-1]}" 2>/dev/null

	"$kubectl" -n "$namespace" get configmap one -w -o name >"$work/watch-one" 2>&1 &
	watchers+=($!)
	becomes 'get NAME -w' configmap/one cat "$work/watch-one"
	kn annotate cm two other=1 >/dev/null
	kn annotate cm one own=1 >/dev/null
	becomes 'get NAME -w shows only this one' "$(printf 'configmap/one\nconfigmap/one')" cat "$work/watch-one"
	kill "${watchers[-1]}" 2>/dev/null

	"$kubectl" -n "$namespace" get pods -w >"$work/watch-table" 2>&1 &
	watchers+=($!)
	test_deployment
	succeeds 'get -w prints a table' '^web-[a-z0-9]+-[a-z0-9]+ +[01]/1 ' cat "$work/watch-table"
	kill "${watchers[-1]}" 2>/dev/null
}

test_deployment() {
	local replica_set
	succeeds 'create a deployment' 'deployment.apps/web created' kn apply -f - < <(deployment nginx:1)
	becomes 'it has its replica set' 1 count replicasets -l app=web
	becomes 'it has its pods' 2 count pods -l app=web
	make_ready web
	becomes 'ready replicas are counted' '2 2 2 2' kn get deployment web \
		-o 'jsonpath={.status.replicas} {.status.updatedReplicas} {.status.readyReplicas} {.status.availableReplicas}'
	succeeds 'wait --for=condition' 'condition met' kn wait deployment/web --for=condition=Available --timeout=20s
	succeeds 'rollout status' 'successfully rolled out' kn rollout status deployment/web --timeout=20s
	succeeds 'the table of deployments' '^NAME +READY +UP-TO-DATE +AVAILABLE +AGE$' kn get deployments
	succeeds 'its row' '^web +2/2 +2 +2 +[0-9]+[sm]' kn get deployments
	succeeds 'the wide table' 'CONTAINERS +IMAGES +SELECTOR$' kn get deployments -o wide
	succeeds 'its wide row' '^web +2/2 +2 +2 +[0-9ms]+ +main +nginx:1 +app=web$' kn get deployments -o wide
	succeeds 'the table of pods' '^NAME +READY +STATUS +RESTARTS +AGE$' kn get pods
	succeeds 'its rows' '^web-[a-z0-9]+-[a-z0-9]{5} +[01]/1 +[A-Z][A-Za-z]+ +0 +[0-9]+[sm]' kn get pods
	succeeds 'the wide table of pods' 'IP +NODE +NOMINATED NODE +READINESS GATES$' kn get pods -o wide
	succeeds 'the table over all namespaces' "^$namespace +web-" k get pods -A
	replica_set=$(kn get replicasets -l app=web -o 'jsonpath={.items[0].metadata.name}')
	equals 'a replica set is owned' 'Deployment web true' kn get replicaset "$replica_set" -o \
		'jsonpath={.metadata.ownerReferences[0].kind} {.metadata.ownerReferences[0].name} {.metadata.ownerReferences[0].controller}'
	equals 'pods are owned' "$replica_set $replica_set" kn get pods -l app=web \
		-o 'jsonpath={.items[*].metadata.ownerReferences[0].name}'
	equals 'defaults are filled in' '25% RollingUpdate' kn get deployment web \
		-o 'jsonpath={.spec.strategy.rollingUpdate.maxSurge} {.spec.strategy.type}'
	test_deployment_changes
}

test_deployment_changes() {
	local pod
	succeeds 'scale' 'deployment.apps/web scaled' kn scale deployment web --replicas=3
	becomes 'scaled up' 3 count pods -l app=web
	make_ready web
	pod=$(kn get pods -l app=web -o 'jsonpath={.items[0].metadata.name}')
	kn delete pod "$pod" --wait=false --grace-period=0 --force >/dev/null 2>&1
	becomes 'a deleted pod is replaced' 3 count pods -l app=web
	refuses 'by another' NotFound kn get pod "$pod"
	succeeds 'scale down' scaled kn scale deployment web --replicas=1
	becomes 'scaled down' 1 count pods -l app=web
	succeeds 'apply another image' configured kn apply -f - < <(deployment nginx:2)
	becomes 'a second replica set' 2 count replicasets -l app=web
	roll_out
	becomes 'all pods have the new image' 'nginx:2 nginx:2' kn get pods -l app=web \
		-o 'jsonpath={.items[*].spec.containers[0].image}'
	becomes 'observedGeneration follows' same kn get deployment web -o \
		'go-template={{if eq .metadata.generation .status.observedGeneration}}same{{else}}not yet{{end}}'
	succeeds 'delete a deployment' 'deployment.apps "web" deleted' kn delete deployment web
	becomes 'its replica sets and pods go with it' 0 count replicasets,pods -l app=web
}

# New pods must be ready before the old ones go.
roll_out() {
	local end=$((SECONDS + timeout_s))
	while make_ready web; [ $SECONDS -lt $end ]; do
		[ "$(kn get pods -l app=web -o 'jsonpath={.items[*].spec.containers[0].image}')" != 'nginx:2 nginx:2' ] || break
		sleep 0.2
	done
}

# kubectl's own generators speak protobuf.
test_generators() {
	succeeds 'create configmap' 'configmap/generated created' kn create configmap generated --from-literal=color=green
	equals 'created as told' green kn get configmap generated -o 'jsonpath={.data.color}'
	succeeds 'create namespace' "namespace/$namespace-generated created" k create namespace "$namespace-generated"
	succeeds 'delete namespace' "namespace \"$namespace-generated\" deleted" k delete namespace "$namespace-generated" \
		--wait=false
	succeeds 'create deployment' 'deployment.apps/generated created' \
		kn create deployment generated --image=nginx:3 --replicas=2 --port=80
	becomes 'it has pods' 'nginx:3 nginx:3' kn get pods -l app=generated \
		-o 'jsonpath={.items[*].spec.containers[0].image}'
}

test_subresources() {
	deployment nginx:1 | sed 's/\bweb\b/gen/; s/replicas: 2/replicas: 1/' | kn create -f - >/dev/null
	becomes 'the deployment has a pod' 1 count pods -l app=gen
	refuses 'delete with another uid' 'Conflict|conflict|Precondition' k delete \
		--raw "/apis/apps/v1/namespaces/$namespace/deployments/gen" \
		-f - <<<'{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"00000000-0000-0000-0000-000000000000"}}'
	succeeds 'status is a subresource of its own' '' patch_status deployments gen \
		'{"spec":{"replicas":9},"status":{"collisionCount":1}}'
	equals 'a status write leaves the spec' 1 kn get deployment gen -o 'jsonpath={.spec.replicas}'
	succeeds 'a write leaves the status' '' kn patch deployment gen --type=merge -p '{"status":{"collisionCount":7}}'
	equals 'the status stays' 1 kn get deployment gen -o 'jsonpath={.status.collisionCount}'
	succeeds 'delete several kinds' 'deployment.apps "gen" deleted' kn delete deployment/gen configmap/two
}

definition() {
	cat <<-EOF
		apiVersion: apiextensions.k8s.io/v1
		kind: CustomResourceDefinition
		metadata:
		  name: $1s.suite$$.example.com
		spec:
		  group: suite$$.example.com
		  scope: Namespaced
		  names: {plural: $1s, singular: $1, kind: Gear, shortNames: [gr$$]}
		  versions:
		  - name: v1
		    served: true
		    storage: true
		    schema:
		      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
	EOF
}

gear() {
	cat <<-EOF
		apiVersion: suite$$.example.com/v1
		kind: Gear
		metadata:
		  name: first
		spec:
		  teeth: $1
		  beyondDouble: 9007199254740993
	EOF
}

test_custom_resources() {
	succeeds 'create a definition' 'customresourcedefinition.apiextensions.k8s.io/gears' k create -f - < <(definition gear)
	succeeds 'it is established' 'condition met' \
		k wait "crd/gears.suite$$.example.com" --for=condition=Established --timeout=20s
	becomes 'it is discovered' "gears.suite$$.example.com" k api-resources --api-group="suite$$.example.com" -o name
	succeeds 'create a custom resource' "gear.suite$$.example.com/first created" kn create -f - < <(gear 12)
	equals 'its numbers are kept' '12 9007199254740993' kn get gears first \
		-o 'jsonpath={.spec.teeth} {.spec.beyondDouble}'
	succeeds 'get by its short name' '^first +[0-9]+[sm]' kn get "gr$$"
	succeeds 'apply a custom resource' 'first (configured|serverside-applied)' kn apply -f - < <(gear 13)
	succeeds 'patch a custom resource' patched kn patch gear first --type=merge -p '{"spec":{"teeth":14}}'
	equals 'patched' 14 kn get gear first -o 'jsonpath={.spec.teeth}'
	succeeds 'delete a definition' 'deleted' k delete crd "gears.suite$$.example.com"
	refuses 'its resource is gone' "doesn't have a resource type|NotFound|could not find" kn get gears
}

test_rights() {
	equals 'may I' yes kn auth can-i delete pods
	succeeds 'what may I' '\*\.\* .*\[\*\]' kn auth can-i --list
	succeeds 'who am I' 'Username +[a-z]' k auth whoami
}

test_discovery
test_rights
test_create_and_get
test_selectors
test_paging
test_patch
test_apply
test_watch
test_subresources
test_generators
test_custom_resources
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
