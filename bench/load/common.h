/* What the load programs share: options, sockets, and the window of time that is measured. */

#ifndef NETFORGE_BENCH_COMMON_H
#define NETFORGE_BENCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* The most bytes that one call receives or, in bulk, sends. */
#define BLOCK (256 * 1024)
/* How many events one turn takes from epoll, and how long it waits for the first of them, in milliseconds. */
#define EVENTS 512
#define PATIENCE 100

struct options {
    const char *mode;
    int port;           /* -p  of the server, on 127.0.0.1 */
    clockid_t server;   /* -c  given as its process id: the clock of the CPU time that it takes */
    int connections;    /* -n  how many at once */
    size_t size;        /* -s  bytes of a message */
    size_t answer;      /* -a  bytes of the answer to it; as many if not given */
    const char *path;   /* -u  what is asked for; "/" if not given */
    double rate;        /* -r  how many times a second, where the program does not go as fast as it can */
    double warmup;      /* -w  seconds before the window opens */
    double seconds;     /* -t  how long it is open */
};

/* Operations are whatever the program counts; those before the window opens are forgotten. */
struct meter {
    clockid_t server;
    double begin, end;
    bool open;
    double operations, seconds, cpu;
};

/* Print what went wrong, with the reason in errno if there is one, and exit with status 1. */
void fail(const char *what) __attribute__((noreturn));

struct options parse_options(int argc, char **argv);

struct meter start_meter(const struct options *options);
/* To be asked once a turn, whether to go on. */
bool running(struct meter *meter);
/* Print the one line of JSON that the runner reads. */
void print_meter(const struct meter *meter);

/* Print "ready", and wait for the end of the input. */
void hold(void);

double now(void);
void *allocate(size_t count, size_t size);

/* A TCP socket that is connected to the server, or, if it does not block, is about to be. */
int connect_stream(int port, int flags);
/* Send or receive without waiting: how many bytes, 0 if none can be now. Fails on errors and at the end of a stream. */
size_t put(int socket, const void *data, size_t size);
size_t get(int socket, void *data, size_t size);
/* As get, but the data go nowhere: the kernel need not copy them. */
size_t skip(int socket, size_t size);

int make_epoll(void);
/* Watch a socket from now to its close. The events are epoll's, the connection is what they give back. */
void watch(int epoll, int socket, unsigned events, void *connection);

#endif
