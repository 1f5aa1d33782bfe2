#ifndef TI_HUB_STORE_COMMAND_H
#define TI_HUB_STORE_COMMAND_H

/*
 *     hub store check FILE               is what a hub has kept there as it was written?
 *     hub store forget FILE CLUSTER      removes a cluster that will not come back
 *
 * While no hub runs on that file.
 */

/* argv[0] is "store". Gives the exit code. */
int store_command(int argc, char **argv);

#endif
