/* Redis with appendfsync always, over a Unix socket; a connection and a list per client and session. */
#define _GNU_SOURCE
#include "peer.h"

#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const peer_name = "redis";
const int peer_takes_batches = 0;

static redisContext **connections;

static void start(const char *folder, const char *socket) {
    peer_server = fork();
    if (peer_server < 0) peer_fail("fork");
    if (peer_server > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket, "--dir", folder, "--appendonly", "yes",
           "--appendfsync", "always", "--save", "", "--maxclients", "4096", "--daemonize", "no", "--logfile",
           "/dev/null", (char *)NULL);
    _exit(127);
}

/* Whether the server answers: not while it reads what it has. */
static int is_ready(redisContext *connection) {
    redisReply *reply = redisCommand(connection, "PING");
    int is_ready = reply != NULL && reply->type != REDIS_REPLY_ERROR;
    freeReplyObject(reply);
    return is_ready;
}

static redisContext *connect_to(const char *socket) {
    for (int attempt = 0; attempt < 2000; attempt++) {
        redisContext *connection = redisConnectUnix(socket);
        if (connection && !connection->err && is_ready(connection)) return connection;
        if (connection) redisFree(connection);
        usleep(10000);
    }
    peer_fail("redis-server does not answer");
    return NULL;
}

void peer_open(const char *folder, int client_count) {
    char socket[4096];
    snprintf(socket, sizeof socket, "%s/socket", folder);
    start(folder, socket);
    connections = calloc((size_t)client_count, sizeof *connections);
    for (int client = 0; client < client_count; client++) connections[client] = connect_to(socket);
}

void peer_append(int client, const peer_record *records, int count) {
    (void)count;
    redisReply *reply = redisCommand(connections[client], "RPUSH s%llu %b", (unsigned long long)records->session,
                                     records->bytes, records->byte_count);
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) peer_fail(reply ? reply->str : "no reply");
    freeReplyObject(reply);
}

void peer_close(void) {
    kill(peer_server, SIGTERM);
    waitpid(peer_server, NULL, 0);
}
