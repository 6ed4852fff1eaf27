/* Load for TLS servers: TLS 1.3, X25519, AES-128-GCM, no resumption. The certificate is not verified.

   echo       sends a message on every connection, and the next one there when the whole answer has come. Counts answers
   handshake  connects, shakes hands in full, exchanges one message, closes, on so many at once. Counts connections

   Connections are watched edge-triggered from their beginning to their end, so each step does all that can be done. */

#define _GNU_SOURCE

#include "common.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    int socket;
    SSL *tls;
    bool sent;
    size_t received;
};

static struct options options;
static int epoll;
static SSL_CTX *context;
static char *message;
static char received[BLOCK];

static void fail_tls(const char *what) {
    ERR_print_errors_fp(stderr);
    fail(what);
}

static SSL_CTX *make_context(void) {
    SSL_CTX *made = SSL_CTX_new(TLS_client_method());
    if (made == NULL || SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(made, "TLS_AES_128_GCM_SHA256") != 1 || SSL_CTX_set1_groups_list(made, "X25519") != 1)
        fail_tls("context");
    SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    return made;
}

static void open_connection(struct connection *connection) {
    *connection = (struct connection){.socket = connect_stream(options.port, SOCK_NONBLOCK), .tls = SSL_new(context)};
    if (connection->tls == NULL || SSL_set_fd(connection->tls, connection->socket) != 1)
        fail_tls("connection");
    SSL_set_connect_state(connection->tls);
    watch(epoll, connection->socket, EPOLLIN | EPOLLOUT | EPOLLET, connection);
}

static void close_connection(struct connection *connection) {
    SSL_shutdown(connection->tls);
    SSL_free(connection->tls);
    ERR_clear_error();
    close(connection->socket);
}

/* Whether a call of OpenSSL's did its work. If not, the socket has to become ready; anything else is fatal. */
static bool done(struct connection *connection, int result, const char *what) {
    if (result > 0)
        return true;
    switch (SSL_get_error(connection->tls, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return false;
    default: fail_tls(what); return false;
    }
}

/* Without SSL_MODE_ENABLE_PARTIAL_WRITE a message is written whole or not at all. OpenSSL shakes hands by itself. */
static void send_message(struct connection *connection) {
    int result = SSL_write(connection->tls, message, (int)options.size);
    connection->sent = done(connection, result, "write");
}

static bool exchanged(struct connection *connection) {
    if (!connection->sent)
        send_message(connection);
    while (connection->sent && connection->received < options.answer) {
        size_t rest = options.answer - connection->received;
        int result = SSL_read(connection->tls, received, (int)(rest < BLOCK ? rest : BLOCK));
        if (!done(connection, result, "read"))
            return false;
        connection->received += (size_t)result;
    }
    return connection->sent;
}

static void step_echo(struct connection *connection) {
    connection->sent = false;
    connection->received = 0;
    send_message(connection);
}

static void step_handshake(struct connection *connection) {
    close_connection(connection);
    open_connection(connection);
}

static void run(void (*step)(struct connection *)) {
    struct epoll_event events[EVENTS];
    struct connection *all = allocate((size_t)options.connections, sizeof *all);
    for (int i = 0; i < options.connections; i++)
        open_connection(&all[i]);
    struct meter meter = start_meter(&options);
    while (running(&meter)) {
        int count = epoll_wait(epoll, events, EVENTS, PATIENCE);
        for (int i = 0; i < count; i++) {
            if (exchanged(events[i].data.ptr)) {
                meter.operations++;
                step(events[i].data.ptr);
            }
        }
    }
    print_meter(&meter);
}

int main(int argc, char **argv) {
    options = parse_options(argc, argv);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to a closed connection as if to a pipe. */
    epoll = make_epoll();
    context = make_context();
    message = allocate(1, options.size);
    memset(message, 'x', options.size);
    if (strcmp(options.mode, "echo") == 0)
        run(step_echo);
    else if (strcmp(options.mode, "handshake") == 0)
        run(step_handshake);
    else
        fail("the modes are echo and handshake");
    return 0;
}
