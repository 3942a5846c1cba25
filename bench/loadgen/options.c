#include "options.h"

#include "loadgen.h"
#include "meter.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "loadgen MODE --port N --certificate F --key F --authority F [OPTION...]\n"
    "modes: get        one request again and again (--path)\n"
    "       handshake  a full handshake a connection; resume: a resumed one\n"
    "       jobs       create, wait, output, delete; with --batch N created in batches\n"
    "       run        create and wait in one request (--job may have rm); with --batch N in batches\n"
    "       download   one reply a connection (--path, --bytes N expected of each)\n"
    "       put        creates a job again and again; flood: --batch N at once, refused or not\n"
    "       idle       holds connections until standard input ends\n"
    "       hold       holds --total running jobs until standard input ends, then deletes them\n"
    "       slow-handshake, slow-head, slow-body: go on byte by byte; deaf: asks for --path and does not "
    "read\n"
    "options: --host A --connections N --seconds S --warmup S --depth N --job JSON --pid P (CPU is "
    "measured)\n"
    "         --rate N   requests a second, begun on time whatever the server does; latency from the "
    "intended start\n";

static const struct option names[] = {
    {"host", 1, 0, 'h'},   {"port", 1, 0, 'p'},        {"path", 1, 0, 'u'},  {"job", 1, 0, 'j'},
    {"key", 1, 0, 'k'},    {"certificate", 1, 0, 'c'}, {"depth", 1, 0, 'd'}, {"authority", 1, 0, 'a'},
    {"batch", 1, 0, 'b'},  {"connections", 1, 0, 'n'}, {"rate", 1, 0, 'r'},  {"seconds", 1, 0, 's'},
    {"warmup", 1, 0, 'w'}, {"bytes", 1, 0, 'B'},       {"pid", 1, 0, 'P'},   {"total", 1, 0, 't'},
    {NULL, 0, NULL, 0},
};

static void take_text(struct options *o, int name, const char *value)
{
    switch (name) {
    case 'h':
        o->host = value;
        break;
    case 'u':
        o->path = value;
        break;
    case 'j':
        o->job = value;
        break;
    case 'k':
        o->key = value;
        break;
    case 'c':
        o->certificate = value;
        break;
    case 'a':
        o->authority = value;
        break;
    default:
        fail("%s", usage);
    }
}

static int take_number(struct options *o, int name, double value)
{
    switch (name) {
    case 'p':
        o->port = (int)value;
        return 1;
    case 'd':
        o->depth = (int)value;
        return 1;
    case 'b':
        o->batch = (int)value;
        return 1;
    case 'n':
        o->connections = (int)value;
        return 1;
    case 'r':
        o->rate = value;
        return 1;
    case 's':
        o->seconds = value;
        return 1;
    case 'w':
        o->warmup = value;
        return 1;
    case 'B':
        o->expected_bytes = (uint64_t)value;
        return 1;
    case 't':
        o->total = (uint64_t)value;
        return 1;
    case 'P':
        if (o->pid_count < MOST_PIDS)
            o->pids[o->pid_count++] = (pid_t)value;
        return 1;
    default:
        return 0;
    }
}

void options_parse(int count, char **arguments, struct options *o)
{
    *o = (struct options){
        .host = "127.0.0.1", .path = "/", .job = "{\"cmd\":\"/bin/true\"}", .connections = 1};
    o->depth = 1;
    o->seconds = 1;
    o->warmup = 0.2;
    if (count < 2 || arguments[1][0] == '-')
        fail("%s", usage);
    o->mode = arguments[1];
    int name;
    while ((name = getopt_long(count - 1, arguments + 1, "", names, NULL)) != -1) {
        if (name == '?')
            fail("%s", usage);
        if (!take_number(o, name, strtod(optarg, NULL)))
            take_text(o, name, optarg);
    }
    int wrong = o->port <= 0 || o->connections <= 0 || o->depth <= 0 || o->depth > MOST_DEPTH || o->batch < 0;
    if (wrong || o->certificate == NULL || o->key == NULL || o->authority == NULL || optind != count - 1)
        fail("%s", usage);
}
