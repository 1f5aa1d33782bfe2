#ifndef TI_KUBE_EXEC_RUN_H
#define TI_KUBE_EXEC_RUN_H

/*
 * One run of a credential plugin, without ever waiting for it: spawned on the loop, by argv, in a process
 * group of its own so that a timeout ends its children too. It gets no stdin; what it says on stderr goes
 * into the reason.
 */

#include <stdint.h>

#include "base/loop.h"
#include "kube/exec_credential.h"

struct exec_run;

/* credential is NULL where it failed, with a one-line reason; else it may be taken out of the struct. The run
 * is gone when this returns. */
typedef void exec_run_done(void *arg, struct exec_credential *credential, const char *reason);

/* exec is borrowed until the run ends. done is called once, never before this returns. */
struct exec_run *exec_run_start(struct loop *loop, const struct kubeconfig_exec *exec, int64_t timeout_ms,
                                exec_run_done *done, void *arg);
void exec_run_cancel(struct exec_run *run); /* ends the process; done is not called. Accepts NULL */

#endif
