#ifndef TI_TRANSPORT_BROKER_OPTIONS_H
#define TI_TRANSPORT_BROKER_OPTIONS_H

/* The options that every program has for its broker: one table, and the struct that it fills. */

#include "base/options.h"
#include "transport/envelope.h"
#include "transport/topics.h"

struct broker_options {
    char *broker;    /* URL */
    char *client_id; /* the MQTT client id begins with it */
    char *signal;    /* topic prefixes, without a slash at the end */
    char *payload;
    char *username, *password_file; /* NULL where not given, as those below */
    char *tls_ca, *tls_cert, *tls_key;
    int64_t keepalive_us;
    int encoding; /* enum encoding */
};

struct option_group broker_option_group(struct broker_options *options); /* "Broker" */

/* What no table can say: the prefixes are what topics_init() takes (topics is filled), a certificate comes
 * with its key, a password with its user, and files can be read. 0, EX_USAGE, EX_NOINPUT. */
int broker_options_check(const struct broker_options *options, struct topics *topics, struct error *err);

#endif
