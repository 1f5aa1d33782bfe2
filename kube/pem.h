#ifndef TI_KUBE_PEM_H
#define TI_KUBE_PEM_H

/*
 * A certificate or key in PEM, either given inside a kubeconfig or standing in a file of its own. Files are
 * re-read when they change, because whoever issues certificates to edge machines replaces them in place.
 */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/error.h"

#define PEM_SIZE_MAX ((size_t)4 << 20) /* a bundle of all public authorities is 0.2 MB */

struct pem {
    char *path; /* owned; NULL where the bytes came with the kubeconfig */
    struct buf data;
    struct timespec mtime;
};

void pem_init(struct pem *pem);
void pem_deinit(struct pem *pem);
bool pem_given(const struct pem *pem);

/* field: how the kubeconfig calls it, for err. 0, EX_NOINPUT, EX_CONFIG. */
int pem_from_base64(struct pem *pem, const char *text, const char *field, struct error *err);
int pem_from_text(struct pem *pem, const char *text, const char *field, struct error *err);
int pem_from_file(struct pem *pem, const char *path, const char *field, struct error *err);

/* Reads the file again if it has changed and still holds PEM. True where the bytes are other ones than
 * before. */
bool pem_refresh(struct pem *pem);

/* When the first certificate ceases to be valid, in seconds since 1970. 0, or 1 where that cannot be told. */
int pem_not_after(const char *data, size_t len, int64_t *not_after);

#endif
