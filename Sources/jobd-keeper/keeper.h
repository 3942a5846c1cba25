#ifndef KEEPER_H
#define KEEPER_H

#include <keeper/link.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

// jobd-keeper: the process that jobd becomes, and that must never die. It starts the supervisor, and another
// when that one dies, hangs or asks for a successor; it is the parent of the jobs whose supervisor died, and
// holds what the next one needs to go on with them. It allocates nothing after its start, reads nothing but
// its supervisor's records, and knows nothing of jobs, configurations or clients.

/// Most descriptors that are held; the limit of open files may allow fewer.
#define MOST_HELD 65536

// held.c: descriptors under names, and pids whose zombies are not to be reaped.

struct held {
    char name[JK_NAME_SIZE];
    int descriptor;
    pid_t pid; ///< 0: none
};

struct table {
    struct held *entries;
    size_t count, most;
};

/// Makes room for `most`. 0 or a negative errno.
int table_make(struct table *table, size_t most);
/// Takes over the descriptor, in place of what is held under the name; -ENOSPC: it is the caller's.
int table_hold(struct table *table, const char *name, pid_t pid, int descriptor);
/// Closes what is held. The pid it had, 0 when nothing is held under that name.
pid_t table_release(struct table *table, const char *name);
bool table_has(const struct table *table, pid_t pid);

// notify.c: the service manager.

struct notify {
    int socket; ///< -1: there is none
    struct sockaddr_un address;
    socklen_t size;
    int64_t watchdog_ms; ///< between two signs of life for it; 0: none are wanted
};

/// Takes NOTIFY_SOCKET and WATCHDOG_USEC out of the environment.
void notify_begin(struct notify *notify);
void notify_send(const struct notify *notify, const char *text);

struct keeper {
    struct table table;
    struct notify notify;
    pid_t supervisor; ///< 0: none lives
    int link;
    uint64_t starts;
    bool was_ready; ///< one of the supervisors was
    bool is_ready, has_migrated;
    enum jk_cause cause;      ///< of the supervisor that lives or is to be started
    pid_t predecessor;        ///< the one whose end `end` tells
    char end[JK_TEXT_SIZE];   ///< how that one ended
    char blame[JK_TEXT_SIZE]; ///< why the one that lives was killed by the keeper; empty: it was not
    uint32_t leave;           ///< enum jk_leave; 0: it did not say so
    int program;              ///< of the supervisor that was ready last; -1: none
    int candidate;            ///< of one that is not ready yet; -1: none
    uint32_t signals;         ///< that no supervisor lives for, a bit each
    bool is_asked_to_end;
    unsigned end_tries; ///< supervisors that were to be started since then
    unsigned failures;  ///< supervisors that died young, one after the other
    int64_t restart_ms, ready_ms, silent_ms, ready_by_ms, watchdog_ms; ///< monotonic; 0: not
    int64_t patience_ms;                                               ///< of silence
};

// starter.c: a thread of its own, which is not confined, starts processes and replaces the keeper's program.

struct start {
    enum { START_PATH, START_DESCRIPTOR, REPLACE } what;
    int program;                 ///< START_DESCRIPTOR: the one to start
    const struct keeper *keeper; ///< REPLACE
};

struct started {
    int error; ///< an errno; 0: started
    pid_t pid;
    int link;    ///< the keeper's end of the channel
    int program; ///< the descriptor of the program's file
};

/// `arguments`: the path of the supervisor's program and its options.
int starter_begin(char **arguments);
struct started starter_start(struct start start);

// reap.c

int reap_begin(void);
/// Reaps all orphans that have ended, but those of which something is held.
void reap_orphans(const struct table *table);

// listen.c

/// Holds the sockets that LISTEN_FDS speaks of (sd_listen_fds(3)), as listener.0, ...
void listen_take(struct table *table);

// state.c: what one keeper's program leaves to the next in the same process.

/// Whether what the state speaks of stays open across exec.
void state_pass(const struct keeper *keeper, bool passes);
/// A memory file; -1 with errno.
int state_write(const struct keeper *keeper);
/// False when nothing can be made of it.
bool state_read(struct keeper *keeper, int descriptor);

// confine.c

/// Leaves the calling thread the system calls that the keeper needs.
int confine(void);

int64_t now_ms(void);

#endif
