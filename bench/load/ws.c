/* Load for WebSocket servers (RFC 6455), without extensions.

   echo    sends a binary message on every connection, and the next one there when the whole answer has come. Counts
           answers

   Connections are watched edge-triggered from their beginning to their end, so each step does all that can be done. */

#define _GNU_SOURCE

#include "common.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define HEAD 2048
#define MOST_SIZE 65535
/* The last frame of a message, which is binary; and that the sender masks it. */
#define BINARY 0x82
#define MASKED 0x80
#define LONG 126

struct connection {
    int socket;
    size_t sent, received;
};

static struct options options;
static unsigned char frame[MOST_SIZE + 8], received[BLOCK];
static size_t frame_size, answer_size;

/* The message as a client sends it, always with the same mask, and how long it is as a server does, without one. */
static void make_frame(void) {
    static const unsigned char mask[] = {0x12, 0x34, 0x56, 0x78};
    size_t size = options.size;
    if (size > MOST_SIZE)
        fail("the message is too long");
    frame[frame_size++] = BINARY;
    if (size < LONG) {
        frame[frame_size++] = (unsigned char)(MASKED | size);
    } else {
        frame[frame_size++] = MASKED | LONG;
        frame[frame_size++] = (unsigned char)(size >> 8);
        frame[frame_size++] = (unsigned char)size;
    }
    answer_size = frame_size + size;
    memcpy(frame + frame_size, mask, sizeof mask);
    frame_size += sizeof mask;
    for (size_t i = 0; i < size; i++)
        frame[frame_size++] = 'x' ^ mask[i % sizeof mask];
}

/* Connect, and have the server agree. */
static int shake_hands(void) {
    static const char request[] = "GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    char head[HEAD + 1] = "";
    size_t size = 0;
    int stream = connect_stream(options.port, 0);
    struct pollfd answer = {.fd = stream, .events = POLLIN};
    if (put(stream, request, sizeof request - 1) != sizeof request - 1)
        fail("the request does not fit");
    while (strstr(head, "\r\n\r\n") == NULL) {
        if (size == HEAD || poll(&answer, 1, 10000) != 1)
            fail("the server does not answer");
        size += get(stream, head + size, HEAD - size);
    }
    errno = 0;
    if (strncmp(head, "HTTP/1.1 101 ", 13) != 0)
        fail(head);
    return stream;
}

static void send_rest(struct connection *connection) {
    if (connection->sent < frame_size)
        connection->sent += put(connection->socket, frame + connection->sent, frame_size - connection->sent);
}

static double step_echo(struct connection *connection) {
    send_rest(connection);
    while (connection->received < answer_size) {
        size_t taken = get(connection->socket, received, answer_size - connection->received);
        if (taken == 0)
            return 0;
        if (connection->received == 0 && received[0] != BINARY)
            fail("the answer is no binary message in one frame");
        connection->received += taken;
    }
    connection->sent = connection->received = 0;
    send_rest(connection);
    return 1;
}

static void run_echo(void) {
    struct epoll_event events[EVENTS];
    int epoll = make_epoll();
    struct connection *all = allocate((size_t)options.connections, sizeof *all);
    for (int i = 0; i < options.connections; i++) {
        all[i].socket = shake_hands();
        watch(epoll, all[i].socket, EPOLLIN | EPOLLOUT | EPOLLET, &all[i]);
    }
    struct meter meter = start_meter(&options);
    while (running(&meter)) {
        int count = epoll_wait(epoll, events, EVENTS, PATIENCE);
        for (int i = 0; i < count; i++)
            meter.operations += step_echo(events[i].data.ptr);
    }
    print_meter(&meter);
}

int main(int argc, char **argv) {
    options = parse_options(argc, argv);
    make_frame();
    if (strcmp(options.mode, "echo") == 0)
        run_echo();
    else
        fail("the mode is echo");
    return 0;
}
