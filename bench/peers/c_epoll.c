/* The limit: a TCP echo server that does nothing else. One thread, epoll, no memory per connection beyond a struct.

   Prints its port on 127.0.0.1, and ends when its input does. */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK (64 * 1024)
#define BACKLOG 1024
#define EVENTS 512

/* What the peer has not yet taken of what it sent; while there is any, nothing more is read from it. */
struct connection {
    int socket;
    char *rest;
    size_t begin, end;
};

static int epoll;
static char block[BLOCK];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(struct connection *connection, int operation, unsigned events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(epoll, operation, connection->socket, &event) != 0)
        fail("epoll_ctl");
}

static struct connection *add(int socket) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        fail("calloc");
    connection->socket = socket;
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
    return connection;
}

static void drop(struct connection *connection) {
    close(connection->socket);
    free(connection->rest);
    free(connection);
}

static struct connection *listen_anywhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int port = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (port < 0 || bind(port, (struct sockaddr *)&address, sizeof address) != 0 || listen(port, BACKLOG) != 0 ||
        getsockname(port, (struct sockaddr *)&address, &size) != 0)
        fail("listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return add(port);
}

static void accept_all(struct connection *port) {
    int socket, yes = 1;
    while ((socket = accept4(port->socket, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        add(socket);
    }
}

static void keep(struct connection *connection, const char *data, size_t size) {
    connection->rest = malloc(size);
    if (connection->rest == NULL)
        fail("malloc");
    memcpy(connection->rest, data, size);
    connection->begin = 0;
    connection->end = size;
    watch(connection, EPOLL_CTL_MOD, EPOLLOUT);
}

/* How many bytes the peer takes now; -1 if it is gone. */
static ssize_t offer(int socket, const char *data, size_t size) {
    ssize_t sent = send(socket, data, size, MSG_NOSIGNAL);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

static void echo(struct connection *connection) {
    ssize_t size = recv(connection->socket, block, BLOCK, 0);
    if (size < 0 && errno == EAGAIN)
        return;
    ssize_t sent = size > 0 ? offer(connection->socket, block, (size_t)size) : -1;
    if (sent < 0)
        drop(connection);
    else if (sent < size)
        keep(connection, block + sent, (size_t)(size - sent));
}

static void send_rest(struct connection *connection) {
    ssize_t sent =
        offer(connection->socket, connection->rest + connection->begin, connection->end - connection->begin);
    if (sent < 0) {
        drop(connection);
        return;
    }
    connection->begin += (size_t)sent;
    if (connection->begin == connection->end) {
        free(connection->rest);
        connection->rest = NULL;
        watch(connection, EPOLL_CTL_MOD, EPOLLIN);
    }
}

int main(void) {
    struct epoll_event events[EVENTS];
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        fail("epoll_create1");
    struct connection *port = listen_anywhere();
    struct connection *input = add(STDIN_FILENO);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection == input)
                return 0;
            if (connection == port)
                accept_all(port);
            else if (connection->rest != NULL)
                send_rest(connection);
            else
                echo(connection);
        }
    }
}
