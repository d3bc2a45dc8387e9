/* fetch_private: between fetch.c (transfers on the loop) and fetch_rules.c (what a
 * transfer may do). */
#ifndef MARE_FETCH_PRIVATE_H
#define MARE_FETCH_PRIVATE_H

#include <curl/curl.h>

#include "base/bytes.h"
#include "base/list.h"
#include "io/fetch.h"

struct fetcher {
    struct loop *loop;
    CURLM *multi;         /* NULL before the first transfer */
    struct timer timer;   /* curl's own deadline */
    struct link fetches;  /* those that are not finished */
    fetch_allows *allows; /* or NULL */
    void *allows_owner;
    bool has_proxy;
    struct proxy_url proxy;
    bool starved; /* one of them could not get a watch */
    bool busy;    /* inside drive */
};

struct fetch {
    struct link link;
    struct fetcher *fetcher;
    CURL *easy;
    char *host; /* for sentences: the whole URL may hold a passkey */
    fetch_done *done;
    void *owner;
    struct text body;
    size_t max_bytes, header_bytes;
    bool from_global; /* the first host was one of the open Internet */
    bool starved, finished;
    struct err err; /* why we ended it, when it was us */
    char words[CURL_ERROR_SIZE];
};

/* The host of an http or https URL, for curl_free; NULL with *e for any other. */
char *fetch_host(const char *url, struct err *e);
/* Tells curl about the request and its bounds. */
CURLcode fetch_set_options(struct fetch *t, const struct fetch_options *o);
/* Was it the proxy that could not be reached? */
bool fetch_proxy_failed(const struct fetch *t, CURLcode code);
/* Makes sure that t->err says why it failed. */
void fetch_explain(struct fetch *t, CURLcode code);

#endif
