#include "transport/broker_options.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"

static const struct option_spec specs[] = {
    {.name = "broker",
     .type = OPTION_TEXT,
     .value = "URL",
     .fallback = "tcp://127.0.0.1:1883",
     .help = "the MQTT broker: tcp:// or mqtt://, with TLS ssl:// or mqtts://",
     .offset = offsetof(struct broker_options, broker)},
    {.name = "client-id",
     .type = OPTION_TEXT,
     .value = "ID",
     .fallback = "ti",
     .help = "what the MQTT client id begins with; the name and a random part follow",
     .offset = offsetof(struct broker_options, client_id)},
    {.name = "signal",
     .alias = "signal-topic",
     .type = OPTION_TEXT,
     .value = "PREFIX",
     .fallback = "ti/signal",
     .help = "prefix of the topics on which is asked",
     .offset = offsetof(struct broker_options, signal)},
    {.name = "payload",
     .alias = "payload-topic",
     .type = OPTION_TEXT,
     .value = "PREFIX",
     .fallback = "ti/payload",
     .help = "prefix of the topics on which is answered",
     .offset = offsetof(struct broker_options, payload)},
    {.name = "encoding",
     .type = OPTION_CHOICE,
     .value = "zstd|plain", /* in the order of enum encoding */
     .fallback = "zstd",
     .help = "of what this program sends; plain can be read with mosquitto_sub",
     .offset = offsetof(struct broker_options, encoding)},
    {.name = "username",
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "the user name at the broker",
     .offset = offsetof(struct broker_options, username)},
    {.name = "password-file",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "a file whose first line is the password",
     .offset = offsetof(struct broker_options, password_file)},
    {.name = "tls-ca",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "PEM file of the authorities to trust for the broker; without it, the system's",
     .offset = offsetof(struct broker_options, tls_ca)},
    {.name = "tls-cert",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "PEM file of the client's certificate",
     .offset = offsetof(struct broker_options, tls_cert)},
    {.name = "tls-key",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "PEM file of the key of --tls-cert",
     .offset = offsetof(struct broker_options, tls_key)},
    {.name = "keepalive",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "30s",
     .help =
         "how long the connection may be silent; after twice that a broker that is gone is found out, and "
         "so are we by the broker",
     .least = 5 * LOOP_SECOND,
     .most = 18 * 3600 * LOOP_SECOND, /* the protocol has 16 bits of seconds */
     .offset = offsetof(struct broker_options, keepalive_us)},
};

struct option_group broker_option_group(struct broker_options *options)
{
    return (struct option_group){"Broker", specs, array_size(specs), options};
}

/* A file that is not there now is refused now: later, when it is read for each connection, that would be a
 * reason to try again. */
static int check_file(const char *flag, const char *path, struct error *err)
{
    if (!path || access(path, R_OK) == 0)
        return 0;
    return error_set(err, EX_NOINPUT, "%s: %s cannot be read: %s", flag, path, strerror(errno));
}

static int check_files(const struct broker_options *options, struct error *err)
{
    int r = check_file("--password-file", options->password_file, err);
    if (r == 0)
        r = check_file("--tls-ca", options->tls_ca, err);
    if (r == 0)
        r = check_file("--tls-cert", options->tls_cert, err);
    if (r == 0)
        r = check_file("--tls-key", options->tls_key, err);
    return r;
}

int broker_options_check(const struct broker_options *options, struct topics *topics, struct error *err)
{
    if (!options->tls_cert != !options->tls_key)
        return error_set(err, EX_USAGE, "--tls-cert and --tls-key belong together: %s is missing",
                         options->tls_cert ? "--tls-key" : "--tls-cert");
    if (options->password_file && !options->username)
        return error_set(err, EX_USAGE, "--password-file needs --username");
    int r = topics_init(topics, options->signal, options->payload, err);
    return r == 0 ? check_files(options, err) : r;
}
