/* Load for UDP servers.

   echo    sends a datagram from every socket, and the next one from there when the answer has come. Counts answers

   A datagram that is not answered in time is taken for lost, and sent again. */

#define _GNU_SOURCE

#include "common.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* Seconds until a datagram is taken for lost. */
#define LOST 0.5

struct client {
    int socket;
    double sent;
};

static struct options options;
static char datagram[65536];

static void send_datagram(struct client *client, double moment) {
    client->sent = moment;
    put(client->socket, datagram, options.size);
}

static struct client *open_all(int epoll) {
    struct client *all = allocate((size_t)options.connections, sizeof *all);
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < options.connections; i++) {
        all[i].socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (all[i].socket < 0 || connect(all[i].socket, (struct sockaddr *)&server, sizeof server) != 0)
            fail("connect");
        watch(epoll, all[i].socket, EPOLLIN, &all[i]);
    }
    return all;
}

static void send_again(struct client *all, double moment) {
    for (int i = 0; i < options.connections; i++)
        if (moment - all[i].sent >= LOST)
            send_datagram(&all[i], moment);
}

int main(int argc, char **argv) {
    struct epoll_event events[EVENTS];
    char answer[sizeof datagram];
    options = parse_options(argc, argv);
    if (strcmp(options.mode, "echo") != 0)
        fail("the only mode is echo");
    if (options.size > sizeof datagram)
        fail("a datagram has at most 65536 bytes");
    memset(datagram, 'x', options.size);

    int epoll = make_epoll();
    struct client *all = open_all(epoll);
    struct meter meter = start_meter(&options);
    for (double looked = 0; running(&meter);) {
        double moment = now();
        if (moment - looked >= LOST / 5) {
            looked = moment;
            send_again(all, moment);
        }
        int count = epoll_wait(epoll, events, EVENTS, PATIENCE);
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            if (get(client->socket, answer, sizeof answer) == options.answer) {
                meter.operations++;
                send_datagram(client, moment);
            }
        }
    }
    print_meter(&meter);
    return 0;
}
