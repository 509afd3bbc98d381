#define _GNU_SOURCE
#include "CSpawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Only async-signal-safe calls between fork and exec: other threads of the parent may hold any lock.
static void child(const char *path, char *const argv[], char *const envp[], int input, int output, int errors,
                  int death_signal, int own_session, pid_t parent, int report) {
  sigset_t all;
  sigemptyset(&all);
  sigprocmask(SIG_SETMASK, &all, 0);
  for (int signal_number = 1; signal_number < 32; signal_number++) signal(signal_number, SIG_DFL);
  if (death_signal && prctl(PR_SET_PDEATHSIG, death_signal) != 0) goto failed;
  if (getppid() != parent) _exit(127);  // the parent died before the line above
  if (input < 0 || fcntl(input, F_GETFD) < 0) input = open("/dev/null", O_RDONLY);
  if (input < 0 || dup2(input, 0) < 0) goto failed;
  if (output >= 0 && dup2(output, 1) < 0) goto failed;
  if (errors >= 0 && dup2(errors, 2) < 0) goto failed;
  if (own_session && setsid() < 0) goto failed;
#ifdef SYS_close_range
  // Whatever this process has open is not the child's, also what was opened without O_CLOEXEC.
  syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
#endif
  execve(path, argv, envp);
failed:;
  int error = errno;
  ssize_t ignored = write(report, &error, sizeof error);
  (void)ignored;
  _exit(127);
}

static pid_t start(const char *path, char *const argv[], char *const envp[], int input, int output, int errors,
                   int death_signal, int own_session) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return -errno;
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0)
    child(path, argv, envp, input, output, errors, death_signal, own_session, parent, report[1]);
  int error = pid < 0 ? errno : 0;
  close(report[1]);
  if (pid > 0) {
    ssize_t count;
    do count = read(report[0], &error, sizeof error);
    while (count < 0 && errno == EINTR);
    if (count == (ssize_t)sizeof error) {
      waitpid(pid, 0, 0);
    } else {
      error = 0;
    }
  }
  close(report[0]);
  return error ? -error : pid;
}

// The kernel sends a death signal when the THREAD that made the child ends, and threads of pools end when they idle. So
// children with one are made by a thread that lives as long as the process.
struct request {
  const char *path;
  char *const *argv;
  char *const *envp;
  int input, output, death_signal;
  pid_t result;
  int is_done;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct request *wanted;  // the one whose turn it is
static int has_maker;

static void *make_children(void *unused) {
  (void)unused;
  pthread_mutex_lock(&lock);
  for (;;) {
    while (!wanted || wanted->is_done) pthread_cond_wait(&changed, &lock);
    struct request *now = wanted;
    pthread_mutex_unlock(&lock);
    now->result = start(now->path, now->argv, now->envp, now->input, now->output, now->output, now->death_signal, 0);
    pthread_mutex_lock(&lock);
    now->is_done = 1;
    pthread_cond_broadcast(&changed);
  }
  return 0;
}

static int begin_maker(void) {
  sigset_t all, before;
  pthread_t maker;
  // Signals are for the other threads.
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&maker, 0, make_children, 0);
  pthread_sigmask(SIG_SETMASK, &before, 0);
  if (error == 0) pthread_detach(maker);
  return error;
}

pid_t cspawn(const char *path, char *const argv[], char *const envp[], int input, int output, int death_signal) {
  if (!death_signal) return start(path, argv, envp, input, output, output, 0, 0);
  struct request mine = {path, argv, envp, input, output, death_signal, 0, 0};
  pthread_mutex_lock(&lock);
  if (!has_maker) {
    int error = begin_maker();
    if (error) {
      pthread_mutex_unlock(&lock);
      return -error;
    }
    has_maker = 1;
  }
  while (wanted) pthread_cond_wait(&changed, &lock);
  wanted = &mine;
  pthread_cond_broadcast(&changed);
  while (!mine.is_done) pthread_cond_wait(&changed, &lock);
  wanted = 0;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  return mine.result;
}

pid_t cspawn_session(const char *path, char *const argv[], char *const envp[], int output, int errors) {
  return start(path, argv, envp, -1, output, errors, 0, 1);
}

int cspawn_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) == 0 ? 0 : -errno; }
