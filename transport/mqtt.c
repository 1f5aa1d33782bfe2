/*
 * The loop's side of MQTT: a state machine whose one timer is the wait before the next attempt, or the bound
 * on a running one. Items come up through the pipe and are delivered in slices, so that a flood of messages
 * does not keep the loop from its other work.
 *
 * The owner may destroy the transport inside any callback: memory lives on until libuv has closed the async
 * handle, and after each callback `closed` is looked at first. Where it was online the handle stays open, and
 * the loop is held, until goodbye is said.
 */
#include "transport/mqtt.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>
#include <uv.h>

#include "base/backoff.h"
#include "base/file.h"
#include "base/mem.h"
#include "transport/filter.h"
#include "transport/mqtt_session.h"

#define KEEPALIVE_S 30
#define INBOUND_BYTES ((size_t)16 << 20)
#define INBOUND_COUNT 10000
#define OUTBOUND_BYTES ((size_t)8 << 20)
#define OUTBOUND_COUNT 10000
#define RECONNECT_MIN_US (500 * LOOP_MS)
#define RECONNECT_MAX_US (30 * LOOP_SECOND)
#define RECONNECT_RESET_US (60 * LOOP_SECOND)
#define ATTEMPT_US (15 * LOOP_SECOND)
#define PAYLOAD_MAX_BEFORE_CONNACK ((size_t)128 << 10)
#define PASSWORD_MAX 4096
#define GOODBYE_US (2 * LOOP_SECOND)
#define BRIEF_US (10 * LOOP_SECOND) /* a session that is lost sooner was brief */
#define BRIEF_MAX 2
#define SLICE_US 500

enum mqtt_state {
    MQTT_IDLE,       /* not started */
    MQTT_WAITING,    /* timer: the next attempt */
    MQTT_CONNECTING, /* timer: the end of the attempt */
    MQTT_ONLINE,
    MQTT_LEAVING, /* destroyed; timer: the end of the goodbye */
};

struct subscription {
    struct subscription *next;
    char *filter; /* owned */
    int qos;
};

struct mqtt {
    struct transport transport; /* first */
    struct loop *loop;
    struct log *log;
    struct mqtt_config config; /* but for the password, which is read for each attempt */
    char *password_file;       /* owned, may be NULL */
    size_t inbound_count, outbound_bytes, outbound_count;
    int64_t attempt_us;
    struct backoff backoff;
    struct transport_callbacks callbacks;
    void *arg;
    enum mqtt_state state;
    struct timer timer;
    int64_t online_us; /* since when, at the last time */
    unsigned brief;    /* sessions in a row that soon were lost */
    uv_async_t async;
    struct mqtt_pipe *pipe; /* while connecting or online */
    struct mqtt_items inbox;
    struct subscription *subscriptions;
    size_t in_flight, in_flight_count; /* bytes and messages at QoS 1 */
    uint64_t landed;                   /* bytes that were */
    size_t sent_bytes, sent_count;     /* at both, and not yet released */
    size_t max_payload;
    bool closed;
};

/* -- sessions
 * ------------------------------------------------------------------------------------------------------- */

static void mqtt_wait(struct mqtt *mqtt)
{
    mqtt->state = MQTT_WAITING;
    timer_start(&mqtt->timer, backoff_next(&mqtt->backoff, mqtt->loop));
}

/* Ends the session, whatever it is doing. What was in flight is lost. */
static void mqtt_drop_session(struct mqtt *mqtt)
{
    timer_stop(&mqtt->timer);
    if (mqtt->pipe)
        mqtt_pipe_leave(mqtt->pipe);
    mqtt->pipe = NULL;
    mqtt->landed += mqtt->in_flight;
    mqtt->in_flight = mqtt->in_flight_count = mqtt->sent_bytes = mqtt->sent_count = 0;
}

static char *unique_id(struct mqtt *mqtt, const char *prefix, size_t len)
{
    return mem_printf("%.*s-%08llx", (int)len, prefix,
                      (unsigned long long)loop_random_below(mqtt->loop, UINT64_C(1) << 32));
}

/* A session that is lost again and again, soon after it was there, may be one that another client takes over:
 * by the protocol a client id is whoever's who came last. No state hangs on ours, so it may be another one.
 */
static void suspect_takeover(struct mqtt *mqtt)
{
    char *id = mqtt->config.client_id;
    bool brief = loop_now_us(mqtt->loop) - mqtt->online_us < BRIEF_US;
    mqtt->brief = brief ? mqtt->brief + 1 : 0;
    if (mqtt->brief < BRIEF_MAX)
        return;
    mqtt->config.client_id = unique_id(mqtt, id, (size_t)(strrchr(id, '-') - id));
    log_warn(mqtt->log, "mqtt",
             "broker %s: lost again within seconds: another client may have come under the same client id %s "
             "(the broker's log tells which); coming back as %s",
             mqtt->config.broker, id, mqtt->config.client_id);
    free(id);
    mqtt->brief = 0;
}

/* The last thing that its callers do. */
static void mqtt_disconnected(struct mqtt *mqtt, const char *reason)
{
    if (mqtt->state == MQTT_ONLINE)
        suspect_takeover(mqtt);
    mqtt_drop_session(mqtt);
    mqtt_items_clear(&mqtt->inbox);
    mqtt_wait(mqtt);
    if (mqtt->callbacks.disconnected)
        mqtt->callbacks.disconnected(mqtt->arg, reason);
}

static int read_password(struct mqtt *mqtt, char **password, char *reason, size_t size)
{
    *password = NULL;
    if (!mqtt->password_file)
        return 0;
    struct buf text = BUF_INIT(PASSWORD_MAX);
    int r = file_read(mqtt->password_file, &text);
    if (r == 0) {
        *password = buf_steal(&text);
        (*password)[strcspn(*password, "\r\n")] = '\0';
    } else {
        snprintf(reason, size, "broker %s: --password-file %s cannot be read: %s", mqtt->config.broker,
                 mqtt->password_file, r < 0 ? strerror(-r) : "it is no password, but longer than 4096 bytes");
    }
    buf_deinit(&text);
    return r;
}

static struct mqtt_item *subscribe_item(const struct subscription *subscription)
{
    struct mqtt_item *item = mqtt_item_create(MQTT_ITEM_SUBSCRIBE, subscription->filter, NULL, 0);
    item->qos = subscription->qos;
    return item;
}

static int session_begin(struct mqtt *mqtt, char *reason, size_t size)
{
    struct mqtt_config config = mqtt->config;
    int r = read_password(mqtt, &config.password, reason, size);
    if (r != 0)
        return r;
    mqtt->pipe = mqtt_pipe_create(&mqtt->async, config.inbound_bytes, mqtt->inbound_count);
    r = mqtt->pipe ? mqtt_session_start(&config, mqtt->pipe) : -errno;
    if (r != 0) {
        snprintf(reason, size, "broker %s: no thread or file descriptor is left for the connection: %s",
                 config.broker, strerror(-r));
        if (mqtt->pipe)
            mqtt_pipe_unref(mqtt->pipe); /* the one that the thread would have had */
    }
    if (config.password)
        explicit_bzero(config.password, strlen(config.password));
    free(config.password);
    return r;
}

static void mqtt_connect(struct mqtt *mqtt)
{
    char reason[700];
    if (session_begin(mqtt, reason, sizeof(reason)) != 0) {
        mqtt_disconnected(mqtt, reason);
        return;
    }
    struct subscription *subscription;
    LL_FOREACH(mqtt->subscriptions, subscription)
    mqtt_pipe_send(mqtt->pipe, subscribe_item(subscription));
    mqtt->state = MQTT_CONNECTING;
    timer_start(&mqtt->timer, mqtt->attempt_us);
}

static void on_async_closed(uv_handle_t *handle)
{
    struct mqtt *mqtt = handle->data;
    mqtt_config_deinit(&mqtt->config);
    free(mqtt->password_file);
    struct subscription *subscription, *next;
    LL_FOREACH_SAFE(mqtt->subscriptions, subscription, next)
    {
        free(subscription->filter);
        free(subscription);
    }
    free(mqtt);
}

/* Nothing more is to come of it. */
static void mqtt_left(struct mqtt *mqtt)
{
    timer_stop(&mqtt->timer);
    if (mqtt->pipe)
        mqtt_pipe_leave(mqtt->pipe);
    mqtt->pipe = NULL;
    loop_release(mqtt->loop);
    uv_close((uv_handle_t *)&mqtt->async, on_async_closed);
}

static void on_timer(void *arg)
{
    struct mqtt *mqtt = arg;
    if (mqtt->state == MQTT_LEAVING) {
        mqtt_left(mqtt);
        return;
    }
    if (mqtt->state == MQTT_WAITING) {
        mqtt_connect(mqtt);
        return;
    }
    char reason[400];
    snprintf(reason, sizeof(reason),
             "broker %.200s: no answer within %lld s; is --broker right, and does a firewall let it through?",
             mqtt->config.broker, (long long)(mqtt->attempt_us / LOOP_SECOND));
    mqtt_disconnected(mqtt, reason);
}

/* -- what comes up
 * -------------------------------------------------------------------------------------------------- */

static void on_session_connected(struct mqtt *mqtt, const struct mqtt_item *item)
{
    timer_stop(&mqtt->timer);
    mqtt->state = MQTT_ONLINE;
    mqtt->online_us = loop_now_us(mqtt->loop);
    mqtt->max_payload = item->max_payload;
    log_debug(mqtt->log, "mqtt", "broker %s: connected, %s", mqtt->config.broker, item->payload);
    if (mqtt->callbacks.connected)
        mqtt->callbacks.connected(mqtt->arg);
}

static void mqtt_deliver(struct mqtt *mqtt, const struct mqtt_item *item)
{
    switch (item->kind) {
    case MQTT_ITEM_SUBSCRIBE:
    case MQTT_ITEM_PUBLISH:
        break;
    case MQTT_ITEM_CONNECTED:
        on_session_connected(mqtt, item);
        break;
    case MQTT_ITEM_MESSAGE:
        if (mqtt->callbacks.message)
            mqtt->callbacks.message(mqtt->arg, item->topic, item->payload, item->len, item->retain);
        break;
    case MQTT_ITEM_NOTE:
        log_warn(mqtt->log, "mqtt", "%s", item->payload);
        break;
    case MQTT_ITEM_ENDED:
        mqtt_disconnected(mqtt, item->payload);
        break;
    }
}

/* Delivers for a slice of time. */
static void mqtt_work_off(struct mqtt *mqtt)
{
    int64_t end_us = loop_now_us(mqtt->loop) + SLICE_US;
    size_t count = 0, bytes = 0;
    struct mqtt_item *item;
    while (!mqtt->closed && (item = mqtt_items_shift(&mqtt->inbox))) {
        count++;
        bytes += item->len;
        mqtt_deliver(mqtt, item);
        free(item);
        if (loop_now_us(mqtt->loop) >= end_us)
            break;
    }
    if (mqtt->closed || !mqtt->pipe) /* the session has ended meanwhile */
        return;
    mqtt_pipe_worked_off(mqtt->pipe, count, bytes);
    if (mqtt->inbox.first)
        uv_async_send(&mqtt->async);
}

static void mqtt_release(struct mqtt *mqtt, const struct mqtt_released *released)
{
    if (released->count == 0)
        return;
    mqtt->landed += released->acknowledged_bytes;
    mqtt->in_flight -= released->acknowledged_bytes;
    mqtt->in_flight_count -= released->acknowledged_count;
    mqtt->sent_bytes -= released->bytes;
    mqtt->sent_count -= released->count;
    if (mqtt->callbacks.drained)
        mqtt->callbacks.drained(mqtt->arg);
}

/* Of what still comes up only the end counts, which is the last. */
static void await_goodbye(struct mqtt *mqtt)
{
    bool said = mqtt->inbox.last && mqtt->inbox.last->kind == MQTT_ITEM_ENDED;
    mqtt_items_clear(&mqtt->inbox);
    if (said)
        mqtt_left(mqtt);
}

static void on_async(uv_async_t *async)
{
    struct mqtt *mqtt = async->data;
    if (!mqtt->pipe) /* told by a session that has been dropped since */
        return;
    struct mqtt_released released = {0};
    mqtt_pipe_receive(mqtt->pipe, &mqtt->inbox, &released);
    if (mqtt->state == MQTT_LEAVING) {
        await_goodbye(mqtt);
        return;
    }
    mqtt_release(mqtt, &released);
    if (!mqtt->closed)
        mqtt_work_off(mqtt);
}

/* -- the transport
 * -------------------------------------------------------------------------------------------------- */

static struct mqtt *to_mqtt(struct transport *transport)
{
    return container_of(transport, struct mqtt, transport);
}

static void mqtt_start(struct transport *transport, const struct transport_callbacks *callbacks, void *arg)
{
    struct mqtt *mqtt = to_mqtt(transport);
    assert(mqtt->state == MQTT_IDLE);
    mqtt->callbacks = *callbacks;
    mqtt->arg = arg;
    mqtt->state = MQTT_WAITING;
    timer_start(&mqtt->timer, 0);
}

static void mqtt_subscribe(struct transport *transport, const char *filter, int qos)
{
    struct mqtt *mqtt = to_mqtt(transport);
    assert(topic_filter_valid(filter));
    struct subscription *subscription;
    LL_FOREACH(mqtt->subscriptions, subscription)
    if (strcmp(subscription->filter, filter) == 0)
        break;
    if (!subscription) {
        subscription = mem_zalloc(sizeof(*subscription));
        subscription->filter = mem_strdup(filter);
        LL_APPEND(mqtt->subscriptions, subscription);
    }
    subscription->qos = qos;
    if (mqtt->pipe)
        mqtt_pipe_send(mqtt->pipe, subscribe_item(subscription));
}

static int mqtt_publish(struct transport *transport, const char *topic, const void *payload, size_t len,
                        int qos, bool retain)
{
    struct mqtt *mqtt = to_mqtt(transport);
    if (len > mqtt->max_payload || strnlen(topic, TOPIC_MAX + 1) > TOPIC_MAX)
        return TRANSPORT_E_TOO_BIG;
    if (!topic_name_valid(topic))
        return -EINVAL;
    if (mqtt->state != MQTT_ONLINE)
        return TRANSPORT_E_OFFLINE;
    if (mqtt->sent_count &&
        (mqtt->sent_bytes + len > mqtt->outbound_bytes || mqtt->sent_count >= mqtt->outbound_count))
        return TRANSPORT_E_FULL;

    struct mqtt_item *item = mqtt_item_create(MQTT_ITEM_PUBLISH, topic, payload, len);
    item->qos = qos;
    item->retain = retain;
    mqtt_pipe_send(mqtt->pipe, item);
    mqtt->sent_bytes += len;
    mqtt->sent_count++;
    if (qos > 0) {
        mqtt->in_flight += len;
        mqtt->in_flight_count++;
    }
    return 0;
}

static size_t mqtt_in_flight(struct transport *transport)
{
    return to_mqtt(transport)->in_flight;
}

static uint64_t mqtt_landed(struct transport *transport)
{
    return to_mqtt(transport)->landed;
}

static size_t mqtt_in_flight_count(struct transport *transport)
{
    return to_mqtt(transport)->in_flight_count;
}

static size_t mqtt_max_payload(struct transport *transport)
{
    return to_mqtt(transport)->max_payload;
}

static void mqtt_destroy(struct transport *transport)
{
    struct mqtt *mqtt = to_mqtt(transport);
    bool online = mqtt->state == MQTT_ONLINE && mqtt->pipe;
    timer_stop(&mqtt->timer);
    mqtt_items_clear(&mqtt->inbox);
    mqtt->closed = true;
    mqtt->state = MQTT_LEAVING;
    loop_hold(mqtt->loop);
    if (!online) { /* the thread may hang in a lookup, and owes nobody a goodbye */
        mqtt_left(mqtt);
        return;
    }
    mqtt_pipe_goodbye(mqtt->pipe);
    timer_start(&mqtt->timer, GOODBYE_US);
}

static const struct transport_ops mqtt_ops = {
    .start = mqtt_start,
    .subscribe = mqtt_subscribe,
    .publish = mqtt_publish,
    .in_flight = mqtt_in_flight,
    .in_flight_count = mqtt_in_flight_count,
    .landed = mqtt_landed,
    .max_payload = mqtt_max_payload,
    .destroy = mqtt_destroy,
};

/* -- creation
 * ------------------------------------------------------------------------------------------------------- */

static size_t size_or(size_t value, size_t otherwise)
{
    return value ? value : otherwise;
}

static int64_t time_or(int64_t value_us, int64_t otherwise_us)
{
    return value_us ? value_us : otherwise_us;
}

static int options_check(const struct mqtt_options *options, const struct mqtt_url *url, struct error *err)
{
    if (!url->tls && (options->tls_ca || options->tls_cert || options->tls_key))
        return error_set(err, EX_USAGE,
                         "--tls-ca, --tls-cert, --tls-key: --broker %.200s has no TLS; use mqtts://",
                         options->broker);
    if (!options->tls_cert != !options->tls_key)
        return error_set(err, EX_USAGE, "--tls-cert and --tls-key belong together; give both or none");
    if (options->password_file && !options->username)
        return error_set(err, EX_USAGE, "--password-file needs --username");
    if (options->will_topic && !topic_name_valid(options->will_topic))
        return error_set(err, EX_SOFTWARE, "the will's topic '%.100s' is not valid", options->will_topic);
    return 0;
}

static void mqtt_configure(struct mqtt *mqtt, const struct mqtt_options *options, const struct mqtt_url *url)
{
    const char *prefix = options->client_id ? options->client_id : "ti";
    cleanup_free char *client_id = unique_id(mqtt, prefix, strlen(prefix));
    struct mqtt_config borrowed = {
        .url = *url,
        .broker = (char *)options->broker,
        .client_id = client_id,
        .username = (char *)options->username,
        .tls_ca = (char *)options->tls_ca,
        .tls_cert = (char *)options->tls_cert,
        .tls_key = (char *)options->tls_key,
        .will_topic = (char *)options->will_topic,
        .will_payload = (char *)options->will_payload,
        .will_len = options->will_len,
        .will_retain = options->will_retain,
        .keepalive_s = options->keepalive_s ? options->keepalive_s : KEEPALIVE_S,
        .inbound_bytes = size_or(options->inbound_bytes, INBOUND_BYTES),
    };
    mqtt_config_copy(&mqtt->config, &borrowed);
    mqtt->password_file = mem_strdup(options->password_file);
    mqtt->inbound_count = size_or(options->inbound_count, INBOUND_COUNT);
    mqtt->outbound_bytes = size_or(options->outbound_bytes, OUTBOUND_BYTES);
    mqtt->outbound_count = size_or(options->outbound_count, OUTBOUND_COUNT);
    mqtt->attempt_us = time_or(options->attempt_us, ATTEMPT_US);
    mqtt->max_payload = PAYLOAD_MAX_BEFORE_CONNACK;
    backoff_init(&mqtt->backoff, time_or(options->reconnect_min_us, RECONNECT_MIN_US),
                 time_or(options->reconnect_max_us, RECONNECT_MAX_US), RECONNECT_RESET_US, 1.0);
}

int mqtt_create(struct loop *loop, const struct mqtt_options *options, struct transport **out,
                struct error *err)
{
    struct mqtt_url url;
    int r = mqtt_url_parse(options->broker, &url, err);
    if (r == 0)
        r = options_check(options, &url, err);
    if (r != 0)
        return r;

    struct mqtt *mqtt = mem_zalloc(sizeof(*mqtt));
    mqtt->transport.ops = &mqtt_ops;
    mqtt->loop = loop;
    mqtt->log = options->log;
    r = uv_async_init(loop_uv(loop), &mqtt->async, on_async);
    if (r != 0) {
        free(mqtt);
        return error_set(err, EX_OSERR, "MQTT: no way to wake the loop: %s", uv_strerror(r));
    }
    mqtt->async.data = mqtt;
    timer_init(&mqtt->timer, loop, on_timer, mqtt);
    mqtt_configure(mqtt, options, &url);
    *out = &mqtt->transport;
    return 0;
}
