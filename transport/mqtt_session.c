/*
 * The network thread. A turn takes what came down, hands it to libmosquitto, reports what came up, and waits
 * in poll(). The library's own loop is not used: it selects (no file descriptor beyond 1023), sleeps between
 * attempts, resends what the last connection left, and never pauses reading.
 *
 * Only so many messages are handed to the library at a time: it walks a list of them for every message that
 * is sent or acknowledged. What is handed over stands in a ring until the library says that it is
 * acknowledged, or written.
 *
 * An attempt begins with MQTT 5 and is repeated with 3.1.1 where the broker refuses the version, or closes
 * the connection without an answer, as old ones do.
 */
#include "transport/mqtt_session.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "transport/filter.h"
#include "transport/mqtt_handle.h"

#define HANDED_MAX 128
#define READS_PER_TURN 32
#define TICK_MS 1000
#define HANDSHAKE_TICK_MS 50
#define HANGUPS_MAX 8 /* before CONNACK: TLS inside the library may overlook that the other end is gone */

#define PAYLOAD_MAX_DEFAULT ((size_t)128 << 10) /* where the broker does not say */
#define PAYLOAD_MAX ((size_t)1 << 20)           /* however much the broker says: longer ones hold up others */
#define PACKET_OVERHEAD (TOPIC_MAX + 32)

struct handed {
    int mid;
    int qos;
    size_t len;
    bool done;
    char topic[TOPIC_MAX + 1];
};

struct session {
    struct mqtt_config config;
    struct mqtt_pipe *pipe;
    struct mosquitto *mosq;
    struct mqtt_failure failure;
    enum mqtt_version version;
    enum mqtt_wish wish;
    bool online;    /* CONNACK has come */
    bool announced; /* and the loop has been told */
    bool leaving;   /* DISCONNECT is sent */
    bool over;
    bool refusal_noted;
    int hangups;
    size_t max_payload;
    struct mqtt_items todo, up;
    struct mqtt_items early;         /* messages that came before the session was announced */
    struct mqtt_items subscriptions; /* sent and not acknowledged; qos is the packet's id */
    struct mqtt_released released;
    struct handed handed[HANDED_MAX];
    unsigned head, tail; /* of the ring; counts that wrap */
};

/* -- configuration
 * -------------------------------------------------------------------------------------------------- */

void mqtt_config_copy(struct mqtt_config *to, const struct mqtt_config *from)
{
    *to = *from;
    to->broker = mem_strdup(from->broker);
    to->client_id = mem_strdup(from->client_id);
    to->username = mem_strdup(from->username);
    to->password = mem_strdup(from->password);
    to->tls_ca = mem_strdup(from->tls_ca);
    to->tls_cert = mem_strdup(from->tls_cert);
    to->tls_key = mem_strdup(from->tls_key);
    to->will_topic = mem_strdup(from->will_topic);
    to->will_payload = mem_dup(from->will_payload, from->will_len);
}

void mqtt_config_deinit(struct mqtt_config *config)
{
    if (config->password)
        explicit_bzero(config->password, strlen(config->password));
    char *texts[] = {config->broker,   config->client_id,  config->username,
                     config->password, config->tls_ca,     config->tls_cert,
                     config->tls_key,  config->will_topic, config->will_payload};
    for (size_t i = 0; i < array_size(texts); i++)
        free(texts[i]);
    *config = (struct mqtt_config){0};
}

/* -- what is handed to the library
 * ---------------------------------------------------------------------------------- */

static unsigned handed_count(const struct session *session)
{
    return session->tail - session->head;
}

static struct handed *handed_add(struct session *session, const struct mqtt_item *item)
{
    struct handed *handed = &session->handed[session->tail++ % HANDED_MAX];
    handed->mid = 0;
    handed->qos = item->qos;
    handed->len = item->len;
    handed->done = false;
    snprintf(handed->topic, sizeof(handed->topic), "%s", item->topic);
    return handed;
}

static void handed_release(struct session *session, struct handed *handed)
{
    handed->done = true;
    session->released.count++;
    session->released.bytes += handed->len;
    if (handed->qos > 0) {
        session->released.acknowledged_count++;
        session->released.acknowledged_bytes += handed->len;
    }
    while (session->head != session->tail && session->handed[session->head % HANDED_MAX].done)
        session->head++;
}

static struct handed *handed_find(struct session *session, int mid)
{
    for (unsigned i = session->head; i != session->tail; i++) {
        struct handed *handed = &session->handed[i % HANDED_MAX];
        if (handed->mid == mid && !handed->done)
            return handed;
    }
    return NULL;
}

/* -- what goes up
 * --------------------------------------------------------------------------------------------------- */

static void session_note(struct session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void session_note(struct session *session, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    mqtt_items_append(&session->up, mqtt_item_create(MQTT_ITEM_NOTE, "", text, strlen(text)));
}

static void session_fail(struct session *session, int rc, int system)
{
    if (session->over)
        return;
    session->over = true;
    /* The library has no error of its own for an end in the middle of a packet. */
    session->failure.rc = rc == MOSQ_ERR_ERRNO && system == 0 ? MOSQ_ERR_CONN_LOST : rc;
    session->failure.system = system;
    const char *fault = mqtt_handle_certificate_fault(session->mosq);
    if (fault && !session->online)
        snprintf(session->failure.tls, sizeof(session->failure.tls), "%s", fault);
}

static void session_announce(struct session *session)
{
    const char *protocol = session->version == MQTT_VERSION_5 ? "MQTT 5" : "MQTT 3.1.1";
    struct mqtt_item *item = mqtt_item_create(MQTT_ITEM_CONNECTED, "", protocol, strlen(protocol));
    item->max_payload = session->max_payload;
    mqtt_items_append(&session->up, item);
    session->announced = true;
    while ((item = mqtt_items_shift(&session->early)))
        mqtt_items_append(&session->up, item);
}

/* Once the broker has acknowledged the subscriptions: what others publish from now on arrives. */
static bool session_ready(const struct session *session)
{
    return session->online && !session->announced && !session->over &&
           (!session->subscriptions.first || session->early.bytes >= session->config.inbound_bytes);
}

/* -- the library's callbacks
 * ---------------------------------------------------------------------------------------- */

static size_t max_payload(const mosquitto_property *properties)
{
    uint32_t packet = 0;
    if (!mosquitto_property_read_int32(properties, MQTT_PROP_MAXIMUM_PACKET_SIZE, &packet, false))
        return PAYLOAD_MAX_DEFAULT;
    size_t payload = packet > 2 * PACKET_OVERHEAD ? packet - PACKET_OVERHEAD : packet / 2;
    return payload < PAYLOAD_MAX ? payload : PAYLOAD_MAX;
}

static void note_lacks(struct session *session, const mosquitto_property *properties)
{
    uint8_t value = 1;
    if (mosquitto_property_read_byte(properties, MQTT_PROP_RETAIN_AVAILABLE, &value, false) && value == 0)
        session_note(session,
                     "broker %s keeps no retained messages: who comes late hears of others by asking only",
                     session->config.broker);
    value = 1;
    if (mosquitto_property_read_byte(properties, MQTT_PROP_WILDCARD_SUB_AVAILABLE, &value, false) &&
        value == 0)
        session_note(
            session,
            "broker %s refuses wildcards in subscriptions, without which nothing arrives; change its "
            "configuration",
            session->config.broker);
}

static void on_connect(struct mosquitto *mosq, void *user, int code, int flags,
                       const mosquitto_property *properties)
{
    struct session *session = user;
    (void)flags;
    session->failure.answered = true;
    session->failure.connack = code;
    if (code != 0)
        return;
    session->online = true;
    session->failure.tls[0] = '\0';
    session->max_payload = max_payload(properties);
    note_lacks(session, properties);
    mosquitto_log_callback_set(mosq, NULL); /* it would format a line for every packet */
}

static void on_disconnect(struct mosquitto *mosq, void *user, int code, const mosquitto_property *properties)
{
    struct session *session = user;
    (void)mosq;
    (void)properties;
    if (code >= MQTT_RC_UNSPECIFIED)
        session->failure.disconnect = code;
}

static void on_publish(struct mosquitto *mosq, void *user, int mid, int code,
                       const mosquitto_property *properties)
{
    struct session *session = user;
    (void)mosq;
    (void)properties;
    struct handed *handed = handed_find(session, mid);
    if (!handed)
        return;
    if (code >= MQTT_RC_UNSPECIFIED && !session->refusal_noted) {
        session->refusal_noted = true;
        session_note(
            session,
            "broker %s: a message on %s was refused: %s; check the broker's access rules (others of this "
            "connection are not reported)",
            session->config.broker, handed->topic, mosquitto_reason_string(code));
    }
    handed_release(session, handed);
}

static void on_message(struct mosquitto *mosq, void *user, const struct mosquitto_message *message,
                       const mosquitto_property *properties)
{
    struct session *session = user;
    (void)mosq;
    (void)properties;
    size_t len = (size_t)message->payloadlen;
    if (session->wish != MQTT_WISH_STAY)
        return;
    if (len > session->config.inbound_bytes) {
        session_note(session, "broker %s: a message of %zu bytes on %.255s was dropped: the limit is %zu",
                     session->config.broker, len, message->topic, session->config.inbound_bytes);
        return;
    }
    struct mqtt_item *item = mqtt_item_create(MQTT_ITEM_MESSAGE, message->topic, message->payload, len);
    item->retain = message->retain;
    mqtt_items_append(session->announced ? &session->up : &session->early, item);
}

static void on_subscribe(struct mosquitto *mosq, void *user, int mid, int count, const int *granted,
                         const mosquitto_property *properties)
{
    struct session *session = user;
    (void)mosq;
    (void)properties;
    for (size_t left = session->subscriptions.count; left > 0; left--) {
        struct mqtt_item *item = mqtt_items_shift(&session->subscriptions);
        if (item->qos != mid) {
            mqtt_items_append(&session->subscriptions, item);
            continue;
        }
        if (count > 0 && granted[0] >= MQTT_RC_UNSPECIFIED)
            session_note(
                session, "broker %s: the subscription to %s was refused: %s; check the broker's access rules",
                session->config.broker, item->topic,
                granted[0] == MQTT_RC_UNSPECIFIED ? "no reason given" : mosquitto_reason_string(granted[0]));
        free(item);
    }
}

/* Without the library's own words in front. */
static const char *log_core(const char *text)
{
    const char *last = strrchr(text, ':');
    if (strncmp(text, "OpenSSL Error", strlen("OpenSSL Error")) == 0 && last)
        return last + 1;
    return strncmp(text, "Error: ", strlen("Error: ")) == 0 ? text + strlen("Error: ") : text;
}

/* Keeps what TLS says first: what follows is less to the point. */
static void on_log(struct mosquitto *mosq, void *user, int level, const char *text)
{
    struct session *session = user;
    (void)mosq;
    if (level == MOSQ_LOG_ERR && !session->failure.tls[0])
        snprintf(session->failure.tls, sizeof(session->failure.tls), "%s", log_core(text));
}

static void set_callbacks(struct mosquitto *mosq)
{
    mosquitto_connect_v5_callback_set(mosq, on_connect);
    mosquitto_disconnect_v5_callback_set(mosq, on_disconnect);
    mosquitto_publish_v5_callback_set(mosq, on_publish);
    mosquitto_message_v5_callback_set(mosq, on_message);
    mosquitto_subscribe_v5_callback_set(mosq, on_subscribe);
    mosquitto_log_callback_set(mosq, on_log);
}

/* -- a turn
 * ---------------------------------------------------------------------------------------------------------
 */

static void send_subscribe(struct session *session, struct mqtt_item *item)
{
    errno = 0;
    int rc = mosquitto_subscribe_v5(session->mosq, &item->qos, item->topic, item->qos, 0, NULL);
    mqtt_items_append(&session->subscriptions, item);
    if (rc != 0)
        session_fail(session, rc, errno);
}

static void send_publish(struct session *session, struct mqtt_item *item)
{
    struct handed *handed = handed_add(session, item);
    errno = 0; /* the library may call on_publish() before it returns; it sets the id first */
    int rc = mosquitto_publish_v5(session->mosq, &handed->mid, item->topic, (int)item->len, item->payload,
                                  item->qos, item->retain, NULL);
    if (rc != 0)
        session_fail(session, rc, errno);
    free(item);
}

static void session_send(struct session *session)
{
    while (!session->over && session->todo.first && handed_count(session) < HANDED_MAX) {
        struct mqtt_item *item = mqtt_items_shift(&session->todo);
        if (item->kind == MQTT_ITEM_SUBSCRIBE)
            send_subscribe(session, item);
        else
            send_publish(session, item);
    }
    if (session_ready(session))
        session_announce(session);
}

/* Once all is sent and acknowledged. A session that is not online has nothing to say goodbye to. */
static void session_goodbye(struct session *session)
{
    if (!session->online) {
        session->over = true;
    } else if (!session->leaving && !session->todo.first && handed_count(session) == 0) {
        session->leaving = true;
        if (mosquitto_disconnect(session->mosq) != 0)
            session->over = true;
    }
}

static void session_read(struct session *session)
{
    for (int i = 0; i < READS_PER_TURN && !session->over; i++) {
        errno = 0;
        int rc = mosquitto_loop_read(session->mosq, 1);
        int system = errno;
        if (rc != 0)
            session_fail(session, rc, system);
        else if (system == EAGAIN)
            return;
        if (mosquitto_socket(session->mosq) < 0)
            session_fail(session, MOSQ_ERR_CONN_LOST, 0);
    }
}

static void session_write(struct session *session)
{
    errno = 0;
    int rc = session->over ? 0 : mosquitto_loop_write(session->mosq, 1);
    if (rc != 0)
        session_fail(session, rc, errno);
}

static void session_misc(struct session *session)
{
    int rc = session->over ? 0 : mosquitto_loop_misc(session->mosq);
    if (rc != 0)
        session_fail(session, rc, 0);
}

/* Until CONNACK has come the library may be inside a TLS handshake, and does not say what it waits for: it is
 * asked to go on at short intervals. */
static void session_handshake(struct session *session, short events)
{
    session_read(session);
    if (!session->online)
        session_write(session);
    if (!session->online && (events & (POLLHUP | POLLERR | POLLRDHUP)) && ++session->hangups > HANGUPS_MAX)
        session_fail(session, MOSQ_ERR_CONN_LOST, 0);
}

static void session_wait(struct session *session, bool full)
{
    short events = full ? 0 : POLLIN;
    if (!session->online)
        events |= POLLRDHUP;
    else if (mosquitto_want_write(session->mosq))
        events |= POLLOUT;
    struct pollfd fds[] = {{.fd = mosquitto_socket(session->mosq), .events = events},
                           {.fd = mqtt_pipe_wake_fd(session->pipe), .events = POLLIN}};
    int tick_ms = session->online ? TICK_MS : HANDSHAKE_TICK_MS;
    int ready = poll(fds, array_size(fds), mqtt_pipe_sleep(session->pipe) ? tick_ms : 0);
    mqtt_pipe_awake(session->pipe);
    short happened = ready > 0 ? fds[0].revents : 0;

    if (!session->online) {
        session_handshake(session, happened);
    } else {
        if (happened & POLLOUT)
            session_write(session);
        if (happened & (POLLIN | POLLHUP | POLLERR))
            session_read(session);
    }
    session_misc(session);
}

static void session_turn(struct session *session)
{
    bool full = false;
    session->wish = mqtt_pipe_take(session->pipe, &session->todo, &full);
    if (session->wish == MQTT_WISH_VANISH)
        session->over = true;
    else if (session->online)
        session_send(session);
    if (session->wish == MQTT_WISH_GOODBYE)
        session_goodbye(session);
    mqtt_pipe_report(session->pipe, &session->up, &session->released);
    if (mosquitto_socket(session->mosq) < 0)
        session_fail(session, MOSQ_ERR_CONN_LOST, 0);
    if (!session->over)
        session_wait(session, full);
}

/* -- attempts
 * ------------------------------------------------------------------------------------------------------- */

static void session_attempt(struct session *session, enum mqtt_version version)
{
    session->failure = (struct mqtt_failure){.mqtt5 = version == MQTT_VERSION_5};
    session->version = version;
    session->over = false;
    session->hangups = 0;
    session->mosq = mqtt_handle_create(&session->config, version, session, &session->failure);
    if (!session->mosq)
        return;
    set_callbacks(session->mosq);
    int system;
    int rc = mqtt_handle_connect(session->mosq, &session->config, version, &system);
    if (rc != 0)
        session_fail(session, rc, system);
    while (!session->over)
        session_turn(session);
    mosquitto_destroy(session->mosq);
    session->mosq = NULL;
}

/* Whether the broker may be one that does not know MQTT 5. */
static bool wants_older(const struct session *session)
{
    const struct mqtt_failure *failure = &session->failure;
    if (session->wish != MQTT_WISH_STAY || session->online || failure->tls[0])
        return false;
    if (failure->answered)
        return failure->connack == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION || failure->connack == 1;
    return failure->rc == MOSQ_ERR_CONN_LOST || failure->rc == MOSQ_ERR_PROTOCOL ||
           failure->rc == MOSQ_ERR_MALFORMED_PACKET ||
           (failure->rc == MOSQ_ERR_ERRNO && (failure->system == ECONNRESET || failure->system == EPIPE));
}

static void session_end(struct session *session)
{
    char reason[700];
    mqtt_reason(&session->config, &session->failure, reason, sizeof(reason));
    mqtt_items_append(&session->up, mqtt_item_create(MQTT_ITEM_ENDED, "", reason, strlen(reason)));
    mqtt_pipe_report(session->pipe, &session->up, &session->released);
    mqtt_items_clear(&session->todo);
    mqtt_items_clear(&session->early);
    mqtt_items_clear(&session->subscriptions);
    mqtt_config_deinit(&session->config);
    mqtt_pipe_unref(session->pipe);
    free(session);
}

static void *session_main(void *arg)
{
    struct session *session = arg;
    session_attempt(session, MQTT_VERSION_5);
    if (wants_older(session))
        session_attempt(session, MQTT_VERSION_311);
    session_end(session);
    return NULL;
}

int mqtt_session_start(const struct mqtt_config *config, struct mqtt_pipe *pipe)
{
    struct session *session = mem_zalloc(sizeof(*session));
    mqtt_config_copy(&session->config, config);
    session->pipe = pipe;

    /* Signals are the loop thread's; and a write to a closed socket is an error here, not the end of the
     * process. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int r = pthread_create(&thread, NULL, session_main, session);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0) {
        mqtt_config_deinit(&session->config);
        free(session);
        return -r;
    }
    pthread_detach(thread);
    return 0;
}
