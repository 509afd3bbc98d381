#ifndef CSPAWN_H
#define CSPAWN_H

#include <sys/types.h>

/// Starts `path` as a child in this process group. The child gets `death_signal` when this process ends, however it does
/// (0 for none), standard input from `input` (or from /dev/null when negative), and standard
/// output and error in `output` (or the parent's when negative); no other file of the parent. Signals are unblocked and at
/// their defaults. Returns the pid, or -errno.
pid_t cspawn(const char *path, char *const argv[], char *const envp[], int input, int output, int death_signal);

/// The same in a session and a process group of its own, whose number is the pid: it has no terminal, and it can be ended with
/// what it started. Standard input is /dev/null.
pid_t cspawn_session(const char *path, char *const argv[], char *const envp[], int output, int errors);

/// Opens a pipe that no other child gets an end of, whichever thread starts it. Returns 0 or -errno.
int cspawn_pipe(int ends[2]);

#endif
