#ifndef TI_KUBE_CURL_LIBRARY_H
#define TI_KUBE_CURL_LIBRARY_H

/* libcurl as a whole, and what comes with it. Calls may nest; loop thread only. */

void curl_library_init(void);
void curl_library_deinit(void);

#endif
