/* The fields of the kinds that kubectl's generators make, and of its questions, numbered as in the .proto
 * files of k8s.io/api. */

#include <stddef.h>

#include "apiserver/protobuf_internal.h"

#define END                                                                                                  \
    {                                                                                                        \
        0, NULL, 0, NULL                                                                                     \
    }
#define TEXT(number, name)                                                                                   \
    {                                                                                                        \
        number, name, PB_STRING, NULL                                                                        \
    }
#define TEXT_POINTER(number, name)                                                                           \
    {                                                                                                        \
        number, name, PB_STRING | PB_POINTER, NULL                                                           \
    }
#define TEXTS(number, name)                                                                                  \
    {                                                                                                        \
        number, name, PB_STRING | PB_LIST, NULL                                                              \
    }
#define INT(number, name)                                                                                    \
    {                                                                                                        \
        number, name, PB_INT, NULL                                                                           \
    }
#define INT_POINTER(number, name)                                                                            \
    {                                                                                                        \
        number, name, PB_INT | PB_POINTER, NULL                                                              \
    }
#define BOOL(number, name)                                                                                   \
    {                                                                                                        \
        number, name, PB_BOOL, NULL                                                                          \
    }
#define BOOL_POINTER(number, name)                                                                           \
    {                                                                                                        \
        number, name, PB_BOOL | PB_POINTER, NULL                                                             \
    }
#define TIME(number, name)                                                                                   \
    {                                                                                                        \
        number, name, PB_TIME, NULL                                                                          \
    }
#define MAP(number, name)                                                                                    \
    {                                                                                                        \
        number, name, PB_MAP, NULL                                                                           \
    }
#define BYTES_MAP(number, name)                                                                              \
    {                                                                                                        \
        number, name, PB_BYTES_MAP, NULL                                                                     \
    }
#define QUANTITIES(number, name)                                                                             \
    {                                                                                                        \
        number, name, PB_QUANTITY_MAP, NULL                                                                  \
    }
#define INT_OR_STRING(number, name)                                                                          \
    {                                                                                                        \
        number, name, PB_INT_OR_STRING, NULL                                                                 \
    }
#define MESSAGE(number, name, type)                                                                          \
    {                                                                                                        \
        number, name, PB_MESSAGE, type                                                                       \
    }
#define MESSAGE_POINTER(number, name, type)                                                                  \
    {                                                                                                        \
        number, name, PB_MESSAGE | PB_POINTER, type                                                          \
    }
#define MESSAGE_INLINE(number, type)                                                                         \
    {                                                                                                        \
        number, "", PB_MESSAGE | PB_INLINE, type                                                             \
    }
#define MESSAGES(number, name, type)                                                                         \
    {                                                                                                        \
        number, name, PB_MESSAGE | PB_LIST, type                                                             \
    }

static const struct protobuf_field owner_reference[] = {TEXT(1, "kind"),
                                                        TEXT(3, "name"),
                                                        TEXT(4, "uid"),
                                                        TEXT(5, "apiVersion"),
                                                        BOOL_POINTER(6, "controller"),
                                                        BOOL_POINTER(7, "blockOwnerDeletion"),
                                                        END};

static const struct protobuf_field object_meta[] = {TEXT(1, "name"),
                                                    TEXT(2, "generateName"),
                                                    TEXT(3, "namespace"),
                                                    TEXT(4, "selfLink"),
                                                    TEXT(5, "uid"),
                                                    TEXT(6, "resourceVersion"),
                                                    INT(7, "generation"),
                                                    TIME(8, "creationTimestamp"),
                                                    TIME(9, "deletionTimestamp"),
                                                    INT_POINTER(10, "deletionGracePeriodSeconds"),
                                                    MAP(11, "labels"),
                                                    MAP(12, "annotations"),
                                                    MESSAGES(13, "ownerReferences", owner_reference),
                                                    TEXTS(14, "finalizers"),
                                                    END};

static const struct protobuf_field requirement[] = {TEXT(1, "key"), TEXT(2, "operator"), TEXTS(3, "values"),
                                                    END};
static const struct protobuf_field label_selector[] = {MAP(1, "matchLabels"),
                                                       MESSAGES(2, "matchExpressions", requirement), END};
static const struct protobuf_field local_reference[] = {TEXT(1, "name"), END};
static const struct protobuf_field no_fields[] = {END};

static const struct protobuf_field container_port[] = {TEXT(1, "name"),         INT(2, "hostPort"),
                                                       INT(3, "containerPort"), TEXT(4, "protocol"),
                                                       TEXT(5, "hostIP"),       END};
static const struct protobuf_field env_var[] = {TEXT(1, "name"), TEXT(2, "value"), END};
static const struct protobuf_field resources[] = {QUANTITIES(1, "limits"), QUANTITIES(2, "requests"), END};
static const struct protobuf_field volume_mount[] = {TEXT(1, "name"), BOOL(2, "readOnly"),
                                                     TEXT(3, "mountPath"), TEXT(4, "subPath"), END};

static const struct protobuf_field container[] = {TEXT(1, "name"),
                                                  TEXT(2, "image"),
                                                  TEXTS(3, "command"),
                                                  TEXTS(4, "args"),
                                                  TEXT(5, "workingDir"),
                                                  MESSAGES(6, "ports", container_port),
                                                  MESSAGES(7, "env", env_var),
                                                  MESSAGE(8, "resources", resources),
                                                  MESSAGES(9, "volumeMounts", volume_mount),
                                                  TEXT(13, "terminationMessagePath"),
                                                  TEXT(14, "imagePullPolicy"),
                                                  BOOL(16, "stdin"),
                                                  BOOL(17, "stdinOnce"),
                                                  BOOL(18, "tty"),
                                                  TEXT(20, "terminationMessagePolicy"),
                                                  END};

static const struct protobuf_field toleration[] = {TEXT(1, "key"),
                                                   TEXT(2, "operator"),
                                                   TEXT(3, "value"),
                                                   TEXT(4, "effect"),
                                                   INT_POINTER(5, "tolerationSeconds"),
                                                   END};

static const struct protobuf_field pod_spec[] = {MESSAGES(2, "containers", container),
                                                 TEXT(3, "restartPolicy"),
                                                 INT_POINTER(4, "terminationGracePeriodSeconds"),
                                                 INT_POINTER(5, "activeDeadlineSeconds"),
                                                 TEXT(6, "dnsPolicy"),
                                                 MAP(7, "nodeSelector"),
                                                 TEXT(8, "serviceAccountName"),
                                                 TEXT(9, "serviceAccount"),
                                                 TEXT(10, "nodeName"),
                                                 BOOL(11, "hostNetwork"),
                                                 BOOL(12, "hostPID"),
                                                 BOOL(13, "hostIPC"),
                                                 MESSAGE_POINTER(14, "securityContext", no_fields),
                                                 MESSAGES(15, "imagePullSecrets", local_reference),
                                                 TEXT(16, "hostname"),
                                                 TEXT(17, "subdomain"),
                                                 TEXT(19, "schedulerName"),
                                                 MESSAGES(20, "initContainers", container),
                                                 BOOL_POINTER(21, "automountServiceAccountToken"),
                                                 MESSAGES(22, "tolerations", toleration),
                                                 TEXT(24, "priorityClassName"),
                                                 INT_POINTER(25, "priority"),
                                                 BOOL_POINTER(30, "enableServiceLinks"),
                                                 END};

static const struct protobuf_field pod_template[] = {MESSAGE(1, "metadata", object_meta),
                                                     MESSAGE(2, "spec", pod_spec), END};

static const struct protobuf_field rolling_update[] = {INT_OR_STRING(1, "maxUnavailable"),
                                                       INT_OR_STRING(2, "maxSurge"), END};
static const struct protobuf_field strategy[] = {TEXT(1, "type"),
                                                 MESSAGE_POINTER(2, "rollingUpdate", rolling_update), END};
static const struct protobuf_field deployment_spec[] = {INT_POINTER(1, "replicas"),
                                                        MESSAGE_POINTER(2, "selector", label_selector),
                                                        MESSAGE(3, "template", pod_template),
                                                        MESSAGE(4, "strategy", strategy),
                                                        INT(5, "minReadySeconds"),
                                                        INT_POINTER(6, "revisionHistoryLimit"),
                                                        BOOL(7, "paused"),
                                                        INT_POINTER(9, "progressDeadlineSeconds"),
                                                        END};

static const struct protobuf_field job_spec[] = {INT_POINTER(1, "parallelism"),
                                                 INT_POINTER(2, "completions"),
                                                 INT_POINTER(3, "activeDeadlineSeconds"),
                                                 MESSAGE_POINTER(4, "selector", label_selector),
                                                 BOOL_POINTER(5, "manualSelector"),
                                                 MESSAGE(6, "template", pod_template),
                                                 INT_POINTER(7, "backoffLimit"),
                                                 INT_POINTER(8, "ttlSecondsAfterFinished"),
                                                 TEXT_POINTER(9, "completionMode"),
                                                 BOOL_POINTER(10, "suspend"),
                                                 END};
static const struct protobuf_field job_template[] = {MESSAGE(1, "metadata", object_meta),
                                                     MESSAGE(2, "spec", job_spec), END};
static const struct protobuf_field cron_job_spec[] = {TEXT(1, "schedule"),
                                                      INT_POINTER(2, "startingDeadlineSeconds"),
                                                      TEXT(3, "concurrencyPolicy"),
                                                      BOOL_POINTER(4, "suspend"),
                                                      MESSAGE(5, "jobTemplate", job_template),
                                                      INT_POINTER(6, "successfulJobsHistoryLimit"),
                                                      INT_POINTER(7, "failedJobsHistoryLimit"),
                                                      TEXT_POINTER(8, "timeZone"),
                                                      END};

static const struct protobuf_field service_port[] = {TEXT(1, "name"),
                                                     TEXT(2, "protocol"),
                                                     INT(3, "port"),
                                                     INT_OR_STRING(4, "targetPort"),
                                                     INT(5, "nodePort"),
                                                     TEXT_POINTER(6, "appProtocol"),
                                                     END};
static const struct protobuf_field service_spec[] = {MESSAGES(1, "ports", service_port),
                                                     MAP(2, "selector"),
                                                     TEXT(3, "clusterIP"),
                                                     TEXT(4, "type"),
                                                     TEXTS(5, "externalIPs"),
                                                     TEXT(7, "sessionAffinity"),
                                                     TEXT(8, "loadBalancerIP"),
                                                     TEXTS(9, "loadBalancerSourceRanges"),
                                                     TEXT(10, "externalName"),
                                                     TEXT(11, "externalTrafficPolicy"),
                                                     INT(12, "healthCheckNodePort"),
                                                     BOOL(13, "publishNotReadyAddresses"),
                                                     TEXT_POINTER(17, "ipFamilyPolicy"),
                                                     TEXTS(18, "clusterIPs"),
                                                     TEXTS(19, "ipFamilies"),
                                                     TEXT_POINTER(22, "internalTrafficPolicy"),
                                                     END};

static const struct protobuf_field policy_rule[] = {TEXTS(1, "verbs"),           TEXTS(2, "apiGroups"),
                                                    TEXTS(3, "resources"),       TEXTS(4, "resourceNames"),
                                                    TEXTS(5, "nonResourceURLs"), END};
static const struct protobuf_field subject[] = {TEXT(1, "kind"), TEXT(2, "apiGroup"), TEXT(3, "name"),
                                                TEXT(4, "namespace"), END};
static const struct protobuf_field role_reference[] = {TEXT(1, "apiGroup"), TEXT(2, "kind"), TEXT(3, "name"),
                                                       END};

static const struct protobuf_field namespace_spec[] = {TEXTS(1, "finalizers"), END};

static const struct protobuf_field namespace_[] = {MESSAGE(1, "metadata", object_meta),
                                                   MESSAGE(2, "spec", namespace_spec), END};
static const struct protobuf_field config_map[] = {MESSAGE(1, "metadata", object_meta), MAP(2, "data"),
                                                   BYTES_MAP(3, "binaryData"), BOOL_POINTER(4, "immutable"),
                                                   END};
static const struct protobuf_field secret[] = {MESSAGE(1, "metadata", object_meta),
                                               BYTES_MAP(2, "data"),
                                               TEXT(3, "type"),
                                               MAP(4, "stringData"),
                                               BOOL_POINTER(5, "immutable"),
                                               END};
static const struct protobuf_field service_account[] = {
    MESSAGE(1, "metadata", object_meta), MESSAGES(3, "imagePullSecrets", local_reference), END};
static const struct protobuf_field service[] = {MESSAGE(1, "metadata", object_meta),
                                                MESSAGE(2, "spec", service_spec), END};
static const struct protobuf_field preconditions[] = {TEXT_POINTER(1, "uid"),
                                                      TEXT_POINTER(2, "resourceVersion"), END};
static const struct protobuf_field delete_options[] = {INT_POINTER(1, "gracePeriodSeconds"),
                                                       MESSAGE_POINTER(2, "preconditions", preconditions),
                                                       BOOL_POINTER(3, "orphanDependents"),
                                                       TEXT_POINTER(4, "propagationPolicy"),
                                                       TEXTS(5, "dryRun"),
                                                       END};
static const struct protobuf_field eviction[] = {MESSAGE(1, "metadata", object_meta),
                                                 MESSAGE_POINTER(2, "deleteOptions", delete_options), END};
static const struct protobuf_field budget_spec[] = {INT_OR_STRING(1, "minAvailable"),
                                                    MESSAGE_POINTER(2, "selector", label_selector),
                                                    INT_OR_STRING(3, "maxUnavailable"),
                                                    TEXT_POINTER(4, "unhealthyPodEvictionPolicy"), END};
static const struct protobuf_field budget[] = {MESSAGE(1, "metadata", object_meta),
                                               MESSAGE(2, "spec", budget_spec), END};
static const struct protobuf_field bound_object[] = {TEXT(1, "kind"), TEXT(2, "apiVersion"), TEXT(3, "name"),
                                                     TEXT(4, "uid"), END};
static const struct protobuf_field token_spec[] = {TEXTS(1, "audiences"),
                                                   MESSAGE_POINTER(3, "boundObjectRef", bound_object),
                                                   INT_POINTER(4, "expirationSeconds"), END};
static const struct protobuf_field token_request[] = {MESSAGE(1, "metadata", object_meta),
                                                      MESSAGE(2, "spec", token_spec), END};
static const struct protobuf_field scale_target[] = {TEXT(1, "kind"), TEXT(2, "name"), TEXT(3, "apiVersion"),
                                                     END};
static const struct protobuf_field metric_target[] = {TEXT(1, "type"), INT_POINTER(4, "averageUtilization"),
                                                      END};
static const struct protobuf_field resource_metric[] = {TEXT(1, "name"), MESSAGE(2, "target", metric_target),
                                                        END};
static const struct protobuf_field metric[] = {TEXT(1, "type"),
                                               MESSAGE_POINTER(4, "resource", resource_metric), END};
static const struct protobuf_field autoscaler_spec[] = {MESSAGE(1, "scaleTargetRef", scale_target),
                                                        INT_POINTER(2, "minReplicas"), INT(3, "maxReplicas"),
                                                        MESSAGES(4, "metrics", metric), END};
static const struct protobuf_field autoscaler[] = {MESSAGE(1, "metadata", object_meta),
                                                   MESSAGE(2, "spec", autoscaler_spec), END};
static const struct protobuf_field priority_class[] = {MESSAGE(1, "metadata", object_meta),
                                                       INT(2, "value"),
                                                       BOOL(3, "globalDefault"),
                                                       TEXT(4, "description"),
                                                       TEXT_POINTER(5, "preemptionPolicy"),
                                                       END};
static const struct protobuf_field quota_spec[] = {QUANTITIES(1, "hard"), TEXTS(2, "scopes"), END};
static const struct protobuf_field quota[] = {MESSAGE(1, "metadata", object_meta),
                                              MESSAGE(2, "spec", quota_spec), END};
static const struct protobuf_field pod[] = {MESSAGE(1, "metadata", object_meta), MESSAGE(2, "spec", pod_spec),
                                            END};
static const struct protobuf_field deployment[] = {MESSAGE(1, "metadata", object_meta),
                                                   MESSAGE(2, "spec", deployment_spec), END};
static const struct protobuf_field job[] = {MESSAGE(1, "metadata", object_meta), MESSAGE(2, "spec", job_spec),
                                            END};
static const struct protobuf_field cron_job[] = {MESSAGE(1, "metadata", object_meta),
                                                 MESSAGE(2, "spec", cron_job_spec), END};
static const struct protobuf_field role[] = {MESSAGE(1, "metadata", object_meta),
                                             MESSAGES(2, "rules", policy_rule), END};
static const struct protobuf_field binding[] = {MESSAGE(1, "metadata", object_meta),
                                                MESSAGES(2, "subjects", subject),
                                                MESSAGE(3, "roleRef", role_reference), END};

static const struct protobuf_field backend_port[] = {TEXT(1, "name"), INT(2, "number"), END};
static const struct protobuf_field backend_service[] = {TEXT(1, "name"), MESSAGE(2, "port", backend_port),
                                                        END};
static const struct protobuf_field backend_resource[] = {TEXT_POINTER(1, "apiGroup"), TEXT(2, "kind"),
                                                         TEXT(3, "name"), END};
static const struct protobuf_field ingress_backend[] = {MESSAGE_POINTER(3, "resource", backend_resource),
                                                        MESSAGE_POINTER(4, "service", backend_service), END};
static const struct protobuf_field ingress_path[] = {TEXT(1, "path"), MESSAGE(2, "backend", ingress_backend),
                                                     TEXT_POINTER(3, "pathType"), END};
static const struct protobuf_field ingress_http[] = {MESSAGES(1, "paths", ingress_path), END};
static const struct protobuf_field ingress_rule_value[] = {MESSAGE_POINTER(1, "http", ingress_http), END};
static const struct protobuf_field ingress_rule[] = {TEXT(1, "host"), MESSAGE_INLINE(2, ingress_rule_value),
                                                     END};
static const struct protobuf_field ingress_tls[] = {TEXTS(1, "hosts"), TEXT(2, "secretName"), END};
static const struct protobuf_field ingress_spec[] = {MESSAGE_POINTER(1, "defaultBackend", ingress_backend),
                                                     MESSAGES(2, "tls", ingress_tls),
                                                     MESSAGES(3, "rules", ingress_rule),
                                                     TEXT_POINTER(4, "ingressClassName"), END};
static const struct protobuf_field ingress[] = {MESSAGE(1, "metadata", object_meta),
                                                MESSAGE(2, "spec", ingress_spec), END};

/* What kubectl auth asks; the status is empty in a question. */
static const struct protobuf_field resource_attributes[] = {TEXT(1, "namespace"), TEXT(2, "verb"),
                                                            TEXT(3, "group"),     TEXT(4, "version"),
                                                            TEXT(5, "resource"),  TEXT(6, "subresource"),
                                                            TEXT(7, "name"),      END};
static const struct protobuf_field path_attributes[] = {TEXT(1, "path"), TEXT(2, "verb"), END};
static const struct protobuf_field access_spec[] = {
    MESSAGE_POINTER(1, "resourceAttributes", resource_attributes),
    MESSAGE_POINTER(2, "nonResourceAttributes", path_attributes), END};
static const struct protobuf_field access_status[] = {BOOL(1, "allowed"), TEXT(2, "reason"),
                                                      TEXT(3, "evaluationError"), BOOL(4, "denied"), END};
static const struct protobuf_field access_review[] = {MESSAGE(1, "metadata", object_meta),
                                                      MESSAGE(2, "spec", access_spec),
                                                      MESSAGE(3, "status", access_status), END};
static const struct protobuf_field rules_spec[] = {TEXT(1, "namespace"), END};
static const struct protobuf_field rules_status[] = {BOOL(3, "incomplete"), TEXT(4, "evaluationError"), END};
static const struct protobuf_field rules_review[] = {MESSAGE(1, "metadata", object_meta),
                                                     MESSAGE(2, "spec", rules_spec),
                                                     MESSAGE(3, "status", rules_status), END};
static const struct protobuf_field user_info[] = {TEXT(1, "username"), TEXT(2, "uid"), END};
static const struct protobuf_field self_status[] = {MESSAGE(1, "userInfo", user_info), END};
static const struct protobuf_field self_review[] = {MESSAGE(1, "metadata", object_meta),
                                                    MESSAGE(2, "status", self_status), END};

const struct protobuf_kind protobuf_kinds[] = {
    {"authentication.k8s.io/v1", "SelfSubjectReview", self_review},
    {"authorization.k8s.io/v1", "SelfSubjectAccessReview", access_review},
    {"authorization.k8s.io/v1", "SelfSubjectRulesReview", rules_review},
    {"v1", "Namespace", namespace_},
    {"v1", "ConfigMap", config_map},
    {"v1", "Secret", secret},
    {"v1", "ServiceAccount", service_account},
    {"v1", "Service", service},
    {"v1", "Pod", pod},
    {"apps/v1", "Deployment", deployment},
    {"v1", "ResourceQuota", quota},
    {"v1", "DeleteOptions", delete_options},
    {"meta.k8s.io/v1", "DeleteOptions", delete_options},
    {"policy/v1", "Eviction", eviction},
    {"policy/v1", "PodDisruptionBudget", budget},
    {"authentication.k8s.io/v1", "TokenRequest", token_request},
    {"autoscaling/v2", "HorizontalPodAutoscaler", autoscaler},
    {"scheduling.k8s.io/v1", "PriorityClass", priority_class},
    {"networking.k8s.io/v1", "Ingress", ingress},
    {"batch/v1", "Job", job},
    {"batch/v1", "CronJob", cron_job},
    {"rbac.authorization.k8s.io/v1", "Role", role},
    {"rbac.authorization.k8s.io/v1", "ClusterRole", role},
    {"rbac.authorization.k8s.io/v1", "RoleBinding", binding},
    {"rbac.authorization.k8s.io/v1", "ClusterRoleBinding", binding},
    {"", "", NULL},
};
