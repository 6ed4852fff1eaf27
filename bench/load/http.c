/* Load for HTTP/1.1 servers: GET, on connections that stay.

   bulk    asks again on every connection when the whole response has come. Counts MiB
   paced   asks so many times a second on all connections together. A request that has to wait for the response before
           it counts from when it was due. Counts responses, and says the median and the 99th percentile of their times
   idle    asks once on each connection, prints "ready", and holds them until its input ends

   The bytes of a response are counted, and not looked at. All of them have a Content-Length. */

#define _GNU_SOURCE

#include "common.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define MIB (1024.0 * 1024.0)
#define HEAD 2048

struct connection {
    int socket;
    bool waiting;
    double due;         /* for paced, when the next request is, or the one that waits was */
    size_t head_size;   /* how much of the head there is; once it is whole, how much the body lacks */
    bool in_body;
    size_t left;
    char head[HEAD + 1];
};

static struct options options;
static char request[HEAD];
static size_t request_size;

static void ask(struct connection *connection) {
    /* Nothing else is on its way, so there is room for it. */
    if (put(connection->socket, request, request_size) != request_size)
        fail("the request does not fit");
    connection->waiting = true;
    connection->in_body = false;
    connection->head_size = 0;
}

/* The head is whole: find how long the body is. */
static void begin_body(struct connection *connection, char *end) {
    static const char name[] = "\r\ncontent-length:";
    size_t taken = connection->head_size - (size_t)(end - connection->head);
    *end = '\0';
    const char *length = strcasestr(connection->head, name);
    errno = 0;
    if (strncmp(connection->head, "HTTP/1.1 200 ", 13) != 0 || length == NULL)
        fail(connection->head);
    size_t size = strtoull(length + sizeof name - 1, NULL, 10);
    if (taken > size)
        fail("the response is longer than it says");
    connection->left = size - taken;
    connection->in_body = true;
}

static size_t take_head(struct connection *connection) {
    if (connection->head_size == HEAD)
        fail("the head of the response is too long");
    size_t taken = get(connection->socket, connection->head + connection->head_size, HEAD - connection->head_size);
    connection->head_size += taken;
    char *end = memmem(connection->head, connection->head_size, "\r\n\r\n", 4);
    if (end != NULL)
        begin_body(connection, end + 4);
    return taken;
}

static size_t take_body(struct connection *connection) {
    size_t taken = skip(connection->socket, connection->left < BLOCK ? connection->left : BLOCK);
    connection->left -= taken;
    return taken;
}

/* Take what one call gives; how many bytes. The response is whole when nothing waits any more. */
static size_t take(struct connection *connection) {
    size_t taken = connection->in_body ? take_body(connection) : take_head(connection);
    connection->waiting = !connection->in_body || connection->left > 0;
    return taken;
}

static struct connection *open_all(int epoll) {
    struct connection *all = allocate((size_t)options.connections, sizeof *all);
    for (int i = 0; i < options.connections; i++) {
        all[i].socket = connect_stream(options.port, 0);
        /* Level-triggered: no connection keeps the others waiting. */
        watch(epoll, all[i].socket, EPOLLIN, &all[i]);
    }
    return all;
}

static void run_bulk(void) {
    struct epoll_event events[EVENTS];
    int epoll = make_epoll();
    struct connection *all = open_all(epoll);
    for (int i = 0; i < options.connections; i++)
        ask(&all[i]);
    struct meter meter = start_meter(&options);
    while (running(&meter)) {
        int count = epoll_wait(epoll, events, EVENTS, PATIENCE);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            meter.operations += (double)take(connection) / MIB;
            if (!connection->waiting)
                ask(connection);
        }
    }
    print_meter(&meter);
}

static int compare(const void *one, const void *other) {
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

static void print_paced(const struct meter *meter, double *latencies, size_t count) {
    if (count == 0)
        fail("not one response came");
    qsort(latencies, count, sizeof *latencies, compare);
    printf("{\"operations\": %zu, \"seconds\": %.6f, \"cpu\": %.6f, \"median\": %.9f, \"p99\": %.9f}\n", count,
           meter->seconds, meter->cpu, latencies[count / 2], latencies[count * 99 / 100]);
}

static void run_paced(void) {
    struct epoll_event events[EVENTS];
    int epoll = make_epoll();
    struct connection *all = open_all(epoll);
    double interval = options.connections / options.rate;
    /* Late ones may come together, those of before the window too. */
    size_t most = (size_t)(options.rate * (options.warmup + options.seconds)) + (size_t)options.connections;
    double *latencies = allocate(most, sizeof *latencies);
    size_t count = 0;
    struct meter meter = start_meter(&options);
    double begin = now();
    for (int i = 0; i < options.connections; i++)
        all[i].due = begin + interval * i / options.connections;
    /* Without ever waiting: the clock of epoll is too coarse, and the core is ours. */
    while (running(&meter)) {
        double moment = now();
        for (int i = 0; i < options.connections; i++)
            if (!all[i].waiting && all[i].due <= moment)
                ask(&all[i]);
        int ready = epoll_wait(epoll, events, EVENTS, 0);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            take(connection);
            if (connection->waiting)
                continue;
            if (meter.open && count < most)
                latencies[count++] = now() - connection->due;
            connection->due += interval;
        }
    }
    print_paced(&meter, latencies, count);
}

static void run_idle(void) {
    for (int i = 0; i < options.connections; i++) {
        struct connection connection = {.socket = connect_stream(options.port, 0)};
        struct pollfd answer = {.fd = connection.socket, .events = POLLIN};
        ask(&connection);
        while (connection.waiting)
            if (poll(&answer, 1, 10000) != 1)
                fail("the server does not answer");
            else
                take(&connection);
    }
    hold();
}

int main(int argc, char **argv) {
    options = parse_options(argc, argv);
    request_size = (size_t)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
                                    options.path, options.port);
    if (request_size >= sizeof request)
        fail("the path is too long");
    if (strcmp(options.mode, "bulk") == 0)
        run_bulk();
    else if (strcmp(options.mode, "paced") == 0)
        run_paced();
    else if (strcmp(options.mode, "idle") == 0)
        run_idle();
    else
        fail("the modes are bulk, paced and idle");
    return 0;
}
