/* Load for TCP servers.

   echo    sends a message on every connection, and the next one there when the whole answer has come. Counts answers
   accept  connects, exchanges one message, closes, on so many connections at once. Counts connections
   bulk    sends without end on every connection. Counts MiB
   idle    connects, exchanges one message on each connection, prints "ready", and holds them until its input ends

   Connections are watched edge-triggered from their beginning to their end, so each step does all that can be done. */

#define _GNU_SOURCE

#include "common.h"

#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB (1024.0 * 1024.0)

struct connection {
    int socket;
    size_t sent, received;
};

static struct options options;
static int epoll;
static char *message;
static char received[BLOCK];

static void open_connection(struct connection *connection, unsigned events) {
    *connection = (struct connection){.socket = connect_stream(options.port, SOCK_NONBLOCK)};
    watch(epoll, connection->socket, events, connection);
}

static struct connection *open_all(unsigned events) {
    struct connection *all = allocate((size_t)options.connections, sizeof *all);
    for (int i = 0; i < options.connections; i++)
        open_connection(&all[i], events);
    return all;
}

static void send_rest(struct connection *connection) {
    if (connection->sent < options.size)
        connection->sent += put(connection->socket, message + connection->sent, options.size - connection->sent);
}

/* Send what is left of the message and take what has come of the answer: whether that makes it whole. */
static bool exchanged(struct connection *connection) {
    send_rest(connection);
    while (connection->received < options.answer) {
        size_t rest = options.answer - connection->received;
        size_t taken = get(connection->socket, received, rest < BLOCK ? rest : BLOCK);
        if (taken == 0)
            return false;
        connection->received += taken;
    }
    return true;
}

static double step_echo(struct connection *connection) {
    if (!exchanged(connection))
        return 0;
    connection->sent = connection->received = 0;
    send_rest(connection);
    return 1;
}

static double step_accept(struct connection *connection) {
    if (!exchanged(connection))
        return 0;
    close(connection->socket);
    open_connection(connection, EPOLLIN | EPOLLOUT | EPOLLET);
    return 1;
}

static double step_bulk(struct connection *connection) {
    return (double)put(connection->socket, message, BLOCK) / MIB;
}

static void run(double (*step)(struct connection *), unsigned how) {
    struct epoll_event events[EVENTS];
    open_all(how);
    struct meter meter = start_meter(&options);
    while (running(&meter)) {
        int count = epoll_wait(epoll, events, EVENTS, PATIENCE);
        for (int i = 0; i < count; i++)
            meter.operations += step(events[i].data.ptr);
    }
    print_meter(&meter);
}

static void hold_all(void) {
    for (int i = 0; i < options.connections; i++) {
        struct connection connection = {.socket = connect_stream(options.port, 0)};
        struct pollfd answer = {.fd = connection.socket, .events = POLLIN};
        while (!exchanged(&connection))
            if (poll(&answer, 1, 10000) != 1)
                fail("the server does not answer");
    }
    hold();
}

int main(int argc, char **argv) {
    options = parse_options(argc, argv);
    epoll = make_epoll();
    message = allocate(1, options.size > BLOCK ? options.size : BLOCK);
    memset(message, 'x', options.size);
    if (strcmp(options.mode, "echo") == 0)
        run(step_echo, EPOLLIN | EPOLLOUT | EPOLLET);
    else if (strcmp(options.mode, "accept") == 0)
        run(step_accept, EPOLLIN | EPOLLOUT | EPOLLET);
    else if (strcmp(options.mode, "bulk") == 0)
        run(step_bulk, EPOLLOUT); /* Level-triggered: a fast server must not keep one connection sending for ever. */
    else if (strcmp(options.mode, "idle") == 0)
        hold_all();
    else
        fail("the modes are echo, accept, bulk and idle");
    return 0;
}
