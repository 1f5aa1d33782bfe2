#ifndef TI_APISERVER_PROTOBUF_INTERNAL_H
#define TI_APISERVER_PROTOBUF_INTERNAL_H

/* Messages as tables. The types are those of Go, since they decide what the wire's zeros mean: a value that
 * is zero is as good as absent, a pointer to zero is a zero. */

enum protobuf_type {
    PB_STRING,
    PB_INT,
    PB_BOOL,
    PB_MESSAGE,
    PB_TIME,
    PB_MAP,          /* of strings */
    PB_BYTES_MAP,    /* of bytes, base64 in JSON */
    PB_QUANTITY_MAP, /* of quantities, strings in JSON */
    PB_INT_OR_STRING,
    PB_TYPES = 0x0f,
    PB_POINTER = 0x10, /* zero and empty are kept */
    PB_LIST = 0x20,
    PB_INLINE = 0x40, /* of a message: its fields are those of the one that it is in */
};

struct protobuf_field {
    unsigned number; /* 0 ends the table */
    const char *name;
    int type;
    const struct protobuf_field *message;
};

struct protobuf_kind {
    const char *api_version, *kind;
    const struct protobuf_field *message;
};

extern const struct protobuf_kind protobuf_kinds[]; /* ended by one without a kind */

#endif
