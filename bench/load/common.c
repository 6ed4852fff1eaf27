#define _GNU_SOURCE

#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connection that its client closed keeps its port for a minute, and an address has 28 000 of them. All of 127/8 is
   this machine: each connection comes from the next of so many addresses, beginning with this one. */
#define SOURCES 64
#define FIRST_SOURCE (INADDR_LOOPBACK + 1)

void fail(const char *what) {
    if (errno != 0)
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
    else
        fprintf(stderr, "%s\n", what);
    exit(1);
}

static double number(const char *text, double least) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || value < least) {
        fprintf(stderr, "%s: expected a number from %g up\n", text, least);
        exit(2);
    }
    return value;
}

struct options parse_options(int argc, char **argv) {
    struct options options = {.server = CLOCK_PROCESS_CPUTIME_ID, .connections = 1, .size = 64, .path = "/",
                              .rate = 1, .seconds = 2};
    int letter;
    while ((letter = getopt(argc, argv, "p:c:n:s:a:u:r:w:t:")) != -1) {
        switch (letter) {
        case 'p': options.port = (int)number(optarg, 1); break;
        case 'c':
            if (clock_getcpuclockid((pid_t)number(optarg, 1), &options.server) != 0)
                fail("there is no such server process");
            break;
        case 'n': options.connections = (int)number(optarg, 1); break;
        case 's': options.size = (size_t)number(optarg, 1); break;
        case 'a': options.answer = (size_t)number(optarg, 1); break;
        case 'u': options.path = optarg; break;
        case 'r': options.rate = number(optarg, 1); break;
        case 'w': options.warmup = number(optarg, 0); break;
        case 't': options.seconds = number(optarg, 0.001); break;
        default: exit(2);
        }
    }
    if (options.answer == 0)
        options.answer = options.size;
    if (options.port == 0 || optind != argc - 1) {
        fprintf(stderr, "usage: %s -p PORT [options] MODE\n", argv[0]);
        exit(2);
    }
    options.mode = argv[optind];
    return options;
}

static double seconds_on(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) != 0)
        fail("the server is gone");
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

double now(void) {
    return seconds_on(CLOCK_MONOTONIC);
}

struct meter start_meter(const struct options *options) {
    double begin = now() + options->warmup;
    return (struct meter){.server = options->server, .begin = begin, .end = begin + options->seconds};
}

bool running(struct meter *meter) {
    double moment = now();
    if (!meter->open && moment >= meter->begin) {
        meter->open = true;
        meter->operations = 0;
        meter->seconds = -moment;
        meter->cpu = -seconds_on(meter->server);
    }
    if (moment < meter->end)
        return true;
    meter->seconds += moment;
    meter->cpu += seconds_on(meter->server);
    return false;
}

void hold(void) {
    char ignored[64];
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, ignored, sizeof ignored) > 0)
        continue;
}

void print_meter(const struct meter *meter) {
    printf("{\"operations\": %.6f, \"seconds\": %.6f, \"cpu\": %.6f}\n", meter->operations, meter->seconds, meter->cpu);
}

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL)
        fail("calloc");
    return memory;
}

int connect_stream(int port, int flags) {
    static unsigned opened;
    int yes = 1;
    struct sockaddr_in source = {.sin_family = AF_INET};
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    source.sin_addr.s_addr = htonl(FIRST_SOURCE + opened++ % SOURCES);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    int stream = socket(AF_INET, SOCK_STREAM | flags, 0);
    if (stream < 0)
        fail("socket");
    if (setsockopt(stream, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0)
        fail("TCP_NODELAY");
    /* Otherwise bind would look for a port that no connection has, and not only none to this server. */
    if (setsockopt(stream, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes) != 0)
        fail("IP_BIND_ADDRESS_NO_PORT");
    if (bind(stream, (struct sockaddr *)&source, sizeof source) != 0)
        fail("bind");
    if (connect(stream, (struct sockaddr *)&server, sizeof server) != 0 && errno != EINPROGRESS)
        fail("connect");
    return stream;
}

static size_t transferred(ssize_t result, const char *what) {
    if (result >= 0)
        return (size_t)result;
    if (errno != EAGAIN && errno != EINTR)
        fail(what);
    return 0;
}

size_t put(int socket, const void *data, size_t size) {
    return transferred(send(socket, data, size, MSG_DONTWAIT | MSG_NOSIGNAL), "send");
}

static size_t receive(int socket, void *data, size_t size, int flags) {
    ssize_t result = recv(socket, data, size, MSG_DONTWAIT | flags);
    if (result == 0) {
        errno = 0;
        fail("the server closed the connection");
    }
    return transferred(result, "recv");
}

size_t get(int socket, void *data, size_t size) {
    return receive(socket, data, size, 0);
}

size_t skip(int socket, size_t size) {
    return receive(socket, NULL, size, MSG_TRUNC);
}

int make_epoll(void) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        fail("epoll_create1");
    return epoll;
}

void watch(int epoll, int socket, unsigned events, void *connection) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) != 0)
        fail("epoll_ctl");
}
