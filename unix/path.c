/*
 * path.c -- where a Unix socket may lie, and whose it is.
 *
 * Layer: transport (system).
 */
#include "path.h"
#include "sock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SWEEP_NAMES = 4096,      /* read */
       SWEEP = 64,              /* of these named as ours, and looked at */
       SWEEP_AGE = 60 };        /* s: a younger one may be about to listen */

/* ---- Trust --------------------------------------------------------------- */

/* Can nobody but us and root change what a name in this directory means? */
static bool kept_by_us(const struct stat *s, bool only_ours)
{
    struct stat top;            /* root may look like nobody in a namespace */
    bool ours = s->st_uid == geteuid();
    if (!ours && !only_ours) {
        ours = stat("/", &top) == 0 && s->st_uid == top.st_uid;
    }
    bool shared = s->st_mode & (S_IWGRP | S_IWOTH);
    return S_ISDIR(s->st_mode) && ours && (!shared || (s->st_mode & S_ISVTX));
}

bool clu_path_kept(const char *directory, bool ours)
{
    char path[PATH_MAX];
    if (!realpath(directory, path)) {
        return false;
    }
    struct stat s;
    for (;; ours = false) {
        if (lstat(path, &s) != 0 || !kept_by_us(&s, ours)) {
            return false;
        }
        char *slash = strrchr(path, '/');
        if (path[1] == '\0') {
            return true;
        }
        slash[slash == path ? 1 : 0] = '\0';
    }
}

static bool trusted_directory(const char *directory)
{
    return clu_path_kept(directory, true);
}

/* What stands before this slash, the root's own as well. */
static void copy_directory(const char *path, const char *slash,
                           char out[PATH_MAX])
{
    size_t n = slash == path ? 1 : (size_t)(slash - path);
    memcpy(out, path, n);
    out[n] = '\0';
}

/* The directory of an absolute path; false when that has none. */
static bool directory_of(const char *path, char out[PATH_MAX])
{
    if (path[0] != '/') {
        return false;
    }
    const char *slash = strrchr(path, '/');
    if (slash[1] == '\0' || slash - path >= PATH_MAX) {
        return false;
    }
    copy_directory(path, slash, out);
    return true;
}

static bool socket_of_ours(const char *path, struct stat *s)
{
    return lstat(path, s) == 0 && S_ISSOCK(s->st_mode)
        && s->st_uid == geteuid();
}

clu_err clu_path_trusted(const char *path)
{
    char directory[PATH_MAX];
    struct stat s;
    if (!directory_of(path, directory)) {
        return CLU_VALUE;
    }
    if (lstat(path, &s) != 0) {
        return CLU_UNREACHABLE;
    }
    return trusted_directory(directory) && socket_of_ours(path, &s)
        ? CLU_OK : CLU_VALUE;
}

bool clu_path_peer_is_ours(int fd)
{
#ifdef SO_PEERCRED
    struct ucred peer;
    socklen_t n = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0
        && peer.uid == geteuid();
#else
    uid_t uid;
    gid_t gid;
    return getpeereid(fd, &uid, &gid) == 0 && uid == geteuid();
#endif
}

/* ---- Our own place ------------------------------------------------------- */

static clu_err print(clu_path *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out->text, sizeof out->text, format, args);
    va_end(args);
    return (size_t)n < sizeof out->text ? CLU_OK : CLU_VALUE;
}

/* Makes what is missing of a path, private to us. */
static clu_err make_directories(const char directory[PATH_MAX])
{
    char path[PATH_MAX];
    memcpy(path, directory, strlen(directory) + 1);
    for (char *p = path + 1; *p; p++) {
        if (*p == '/') {
            *p = '\0';
            if (mkdir(path, 0700) != 0 && errno != EEXIST) {
                return CLU_SYSTEM;
            }
            *p = '/';
        }
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST ? CLU_OK : CLU_SYSTEM;
}

static clu_err choose_asked(const char *asked, const char *sid, clu_path *out)
{
    char directory[PATH_MAX];
    if (!directory_of(asked, directory)) {
        return CLU_VALUE;
    }
    const char *name = strrchr(asked, '/') + 1;
    const char *dot = strrchr(name, '.');
    int stem = (int)(dot ? dot - asked : (ptrdiff_t)strlen(asked));
    clu_err err = print(out, "%.*s-%s%s", stem, asked, sid, dot ? dot : "");
    out->sid_at = (size_t)stem + 1;
    if (err == CLU_OK) {
        err = make_directories(directory);
    }
    return err != CLU_OK || trusted_directory(directory) ? err : CLU_VALUE;
}

/* A directory of mode 0700 that is ours, made when it is missing. */
static bool private_directory(const char *directory)
{
    struct stat s;
    mkdir(directory, 0700);
    return lstat(directory, &s) == 0 && S_ISDIR(s.st_mode)
        && s.st_uid == geteuid() && (s.st_mode & 0777) == 0700
        && trusted_directory(directory);
}

static clu_err choose_private(const char *directory, const char *sid,
                              clu_path *out)
{
    clu_err err = print(out, "%s/%s.sock", directory, sid);
    out->sid_at = strlen(directory) + 1;
    if (err == CLU_OK) {
        err = private_directory(directory) ? CLU_OK : CLU_VALUE;
    }
    return err;
}

static clu_err choose_default(const char *sid, clu_path *out)
{
    char directory[PATH_MAX];
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *temporary = getenv("TMPDIR");
    if (!temporary || temporary[0] != '/') {
        temporary = "/tmp";
    }
    if (runtime && runtime[0] == '/') {
        snprintf(directory, sizeof directory, "%s/cluster", runtime);
        if (choose_private(directory, sid, out) == CLU_OK) {
            return CLU_OK;
        }
    }
    unsigned uid = (unsigned)geteuid();
    snprintf(directory, sizeof directory, "%s/cluster-%u", temporary, uid);
    if (choose_private(directory, sid, out) == CLU_OK) {
        return CLU_OK;
    }
    /* Somebody sits on that name: one of our own, for as long as we live. */
    snprintf(directory, sizeof directory, "%s/cluster-%u-%s", temporary, uid,
             sid);
    if (mkdir(directory, 0700) != 0) {
        return CLU_SYSTEM;
    }
    out->made_directory = true;
    clu_err err = choose_private(directory, sid, out);
    if (err != CLU_OK) {
        rmdir(directory);
    }
    return err;
}

clu_err clu_path_choose(const char *asked, const char *sid, clu_path *out)
{
    clu_path path = { .sid_n = strlen(sid) };
    clu_err err = asked && *asked ? choose_asked(asked, sid, &path)
                                  : choose_default(sid, &path);
    if (err == CLU_OK) {
        *out = path;
    }
    return err;
}

/* ---- The socket's file --------------------------------------------------- */

/* Does a socket lie there that no process listens on any more? */
static bool abandoned(const char *path)
{
    clu_sockaddr to;
    int fd;
    if (clu_sockaddr_path(path, &to) != CLU_OK
        || clu_sock_open(AF_UNIX, SOCK_STREAM, &fd) != CLU_OK) {
        return false;
    }
    bool refused = clu_sock_connect(fd, &to) == CLU_SYSTEM
        && errno == ECONNREFUSED;
    clu_sock_close(fd);
    return refused;
}

static clu_err bind_at(const char *path, int fd)
{
    clu_sockaddr at;
    if (clu_sockaddr_path(path, &at) != CLU_OK) {
        return CLU_VALUE;
    }
    return bind(fd, (struct sockaddr *)&at.s, at.n) == 0 ? CLU_OK : CLU_SYSTEM;
}

clu_err clu_path_bind(clu_path *path, int fd)
{
    struct stat s;
    /* Linux makes the file with the socket's own mode, so there is no moment
       at which others could connect; elsewhere chmod comes right behind. */
    (void)fchmod(fd, 0600);
    clu_err err = bind_at(path->text, fd);
    if (err == CLU_SYSTEM && errno == EADDRINUSE) {
        if (socket_of_ours(path->text, &s) && abandoned(path->text)) {
            unlink(path->text);
            err = bind_at(path->text, fd);
        } else {
            errno = EADDRINUSE;
        }
    }
    if (err != CLU_OK) {
        return err;
    }
    if (chmod(path->text, 0600) != 0 || lstat(path->text, &s) != 0) {
        return CLU_SYSTEM;
    }
    path->dev = s.st_dev;
    path->ino = s.st_ino;
    path->bound = true;
    return CLU_OK;
}

bool clu_path_there(const clu_path *path)
{
    struct stat s;
    return path->bound && socket_of_ours(path->text, &s)
        && s.st_dev == path->dev && s.st_ino == path->ino;
}

void clu_path_unlink(clu_path *path)
{
    if (!clu_sock_orphaned() && clu_path_there(path)) {
        unlink(path->text);
    }
    path->bound = false;
}

/* Where its name begins: a place that was chosen is absolute. */
static const char *name_of(const clu_path *path)
{
    return strrchr(path->text, '/') + 1;
}

void clu_path_remove(clu_path *path)
{
    char directory[PATH_MAX];
    clu_path_unlink(path);
    if (path->made_directory) {
        copy_directory(path->text, name_of(path) - 1, directory);
        rmdir(directory);
    }
}

/* Is it named as ours is, but for the sid? */
static bool is_sibling(const clu_path *path, const char *name)
{
    const char *own = name_of(path);
    size_t at = path->sid_at - (size_t)(own - path->text);
    size_t end = at + path->sid_n;
    if (strlen(name) != strlen(own) || memcmp(name, own, at) != 0
        || strcmp(name + end, own + end) != 0) {
        return false;
    }
    for (size_t i = at; i < end; i++) {
        if (!isalnum((unsigned char)name[i])) {
            return false;
        }
    }
    return true;
}

/* A sibling, whose name is as long as ours, in our directory: it cannot lead
   elsewhere. */
static void sweep_one(const clu_path *own, const char *name, int64_t now_s)
{
    char path[CLU_PATH_ROOM];
    struct stat s;
    memcpy(path, own->text, sizeof path);
    memcpy(path + (name_of(own) - own->text), name, strlen(name) + 1);
    if (socket_of_ours(path, &s)
        && now_s - s.st_mtime > SWEEP_AGE && abandoned(path)) {
        unlink(path);
    }
}

void clu_path_sweep(const clu_path *path, int64_t now_s)
{
    char directory[PATH_MAX];
    copy_directory(path->text, name_of(path) - 1, directory);
    DIR *dir = opendir(directory);
    if (!dir) {
        return;
    }
    struct dirent *entry;
    int looked_at = 0;
    for (int i = 0; i < SWEEP_NAMES && looked_at < SWEEP
         && (entry = readdir(dir)); i++) {
        if (is_sibling(path, entry->d_name)) {
            sweep_one(path, entry->d_name, now_s);
            looked_at++;
        }
    }
    closedir(dir);
}
