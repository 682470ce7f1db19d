/*
 * unix_test.c -- Unix sockets: where they lie, who may connect, what is left.
 */
#include "station.h"

#include "path.h"
#include "sock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static clu_err open_unix(station *s, const char *path, const char *sid)
{
    clu_transport *t = NULL;
    station_init(s);
    clu_err err = clu_unix_create(the_loop, the_host, path, sid, &t);
    if (err == CLU_OK) {
        station_attach(s, t);
    }
    return err;
}

static clu_target at_path(uint64_t service, const char *path)
{
    return (clu_target){ .service = service, .path = clu_slice_str(path) };
}

TEST("unix-1.1 the socket is where it was asked for, private, and goes")
{
    loop_begin();
    check_make_place();
    station s;
    char asked[100], got[100], expected[120];
    snprintf(asked, sizeof asked, "%s/deep/er/name.ext", check_place);
    snprintf(got, sizeof got, "%s/deep/er/name-SID.ext", check_place);
    snprintf(expected, sizeof expected, "path %s", got);
    mode_t was = umask(0);
    CHECK_ERR(open_unix(&s, asked, "SID"), CLU_OK);
    umask(was);
    clu_buf text;
    clu_buf_init(&text, 1000);
    CHECK_ERR(s.t->ops->props(s.t, &text), CLU_OK);
    CHECK_SLICE(clu_buf_slice(&text), expected);
    clu_buf_fini(&text);
    struct stat st;
    CHECK_EQ(lstat(got, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    station_stop(&s);
    CHECK(lstat(got, &st) != 0 && errno == ENOENT);
    check_remove_place();
    loop_end();
}

TEST("unix-1.2 the default directory is private")
{
    loop_begin();
    check_make_place();
    unsetenv("XDG_RUNTIME_DIR");
    setenv("TMPDIR", check_place, 1);
    station s;
    CHECK_ERR(open_unix(&s, NULL, "abcdefgh"), CLU_OK);
    char path[120];
    struct stat st;
    snprintf(path, sizeof path, "%s/cluster-%u", check_place,
             (unsigned)geteuid());
    CHECK_EQ(lstat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0700);
    strcat(path, "/abcdefgh.sock");
    CHECK_EQ(lstat(path, &st), 0);
    station_stop(&s);
    CHECK(lstat(path, &st) != 0);
    setenv("XDG_RUNTIME_DIR", check_place, 1);
    CHECK_ERR(open_unix(&s, NULL, "abcdefgh"), CLU_OK);
    snprintf(path, sizeof path, "%s/cluster/abcdefgh.sock", check_place);
    CHECK_EQ(lstat(path, &st), 0);
    station_stop(&s);
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("TMPDIR");
    check_remove_place();
    loop_end();
}

TEST("unix-1.3 paths too long, relative or in a stranger's place are refused")
{
    loop_begin();
    check_make_place();
    station s;
    char path[200];
    memset(path, 'x', sizeof path);
    memcpy(path, "/tmp/", 5);
    path[150] = '\0';
    CHECK_ERR(open_unix(&s, path, "SID"), CLU_VALUE);
    CHECK_ERR(open_unix(&s, "relative.sock", "SID"), CLU_VALUE);
    CHECK_ERR(open_unix(&s, "/", "SID"), CLU_VALUE);
    snprintf(path, sizeof path, "%s/open/m.sock", check_place);
    char directory[100];
    snprintf(directory, sizeof directory, "%s/open", check_place);
    CHECK_EQ(mkdir(directory, 0700), 0);
    CHECK_EQ(chmod(directory, 0777), 0);
    CHECK_ERR(open_unix(&s, path, "SID"), CLU_VALUE);
    if (geteuid() == 0) {
        CHECK_EQ(chmod(directory, 0700), 0);
        CHECK_EQ(chown(directory, 65533, 65533), 0);
        CHECK_ERR(open_unix(&s, path, "SID"), CLU_VALUE);
    }
    check_remove_place();
    loop_end();
}

TEST("unix-1.4 a dead process's socket is replaced, nothing else is")
{
    loop_begin();
    check_make_place();
    station s, other;
    char asked[100], path[100];
    snprintf(asked, sizeof asked, "%s/m.sock", check_place);
    snprintf(path, sizeof path, "%s/m-SID.sock", check_place);
    clu_sockaddr at;
    int fd;
    CHECK_ERR(clu_sockaddr_path(path, &at), CLU_OK);
    clu_sock_open(AF_UNIX, SOCK_STREAM, &fd);
    CHECK_EQ(bind(fd, (struct sockaddr *)&at.s, at.n), 0);
    clu_sock_close(fd);                 /* the file stays behind */
    CHECK_ERR(open_unix(&s, asked, "SID"), CLU_OK);
    CHECK_ERR(open_unix(&other, asked, "SID"), CLU_SYSTEM);
    CHECK_EQ(errno, EADDRINUSE);
    station_stop(&s);
    CHECK_EQ(mkdir(path, 0700), 0);     /* a directory in the way */
    CHECK_ERR(open_unix(&s, asked, "SID"), CLU_SYSTEM);
    CHECK_EQ(rmdir(path), 0);
    CHECK_EQ(symlink("/etc/hostname", path), 0);
    CHECK_ERR(open_unix(&s, asked, "SID"), CLU_SYSTEM);
    CHECK_EQ(unlink(path), 0);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    CHECK_ERR(open_unix(&s, asked, "SID"), CLU_SYSTEM);
    CHECK_EQ(access(path, F_OK), 0);
    check_remove_place();
    loop_end();
}

TEST("unix-1.5 at the end only our own socket is removed")
{
    loop_begin();
    check_make_place();
    station s;
    char asked[100], path[100];
    snprintf(asked, sizeof asked, "%s/m.sock", check_place);
    snprintf(path, sizeof path, "%s/m-SID.sock", check_place);
    CHECK_ERR(open_unix(&s, asked, "SID"), CLU_OK);
    CHECK_EQ(unlink(path), 0);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    station_stop(&s);
    CHECK_EQ(access(path, F_OK), 0);
    check_remove_place();
    loop_end();
}

TEST("unix-1.6 a lost socket file is made again and told")
{
    loop_begin();
    check_make_place();
    station s, peer;
    char asked[100], path[100];
    snprintf(asked, sizeof asked, "%s/m.sock", check_place);
    snprintf(path, sizeof path, "%s/m-SID.sock", check_place);
    CHECK_ERR(open_unix(&s, asked, "SID"), CLU_OK);
    CHECK_ERR(open_unix(&peer, asked, "PEER"), CLU_OK);
    CHECK_EQ(unlink(path), 0);
    clu_target to = at_path(3, path);
    CHECK_ERR(send_text(&peer, &to, "x"), CLU_UNREACHABLE);
    CHECK_ERR(s.t->ops->refresh(s.t, clu_loop_clock()), CLU_OK);
    RUN_UNTIL(s.count[CLU_ARRIVED_MOVED] == 1);
    CHECK_ERR(send_text(&peer, &to, "x"), CLU_OK);
    RUN_UNTIL(s.count[CLU_ARRIVED_FRAME] == 1);
    station_stop(&s);
    station_stop(&peer);
    check_remove_place();
    loop_end();
}

TEST("unix-1.7 a path a peer names is used only in our own user's places")
{
    loop_begin();
    check_make_place();
    station s;
    char asked[100], path[150], in[100];
    snprintf(asked, sizeof asked, "%s/m.sock", check_place);
    CHECK_ERR(open_unix(&s, asked, "SID"), CLU_OK);
    clu_target to = at_path(3, "/etc/hostname");
    CHECK_ERR(send_text(&s, &to, "x"), CLU_VALUE);      /* no socket */
    to = at_path(3, "relative");
    CHECK_ERR(send_text(&s, &to, "x"), CLU_VALUE);
    to.path = clu_slice_of("/a\0b", 4);
    CHECK_ERR(send_text(&s, &to, "x"), CLU_VALUE);
    to = at_path(3, "");
    CHECK_ERR(send_text(&s, &to, "x"), CLU_UNREACHABLE);

    snprintf(path, sizeof path, "%s/link", check_place);
    snprintf(in, sizeof in, "%s/m-SID.sock", check_place);
    CHECK_EQ(symlink(in, path), 0);
    to = at_path(3, path);
    CHECK_ERR(send_text(&s, &to, "x"), CLU_VALUE);
    station_stop(&s);
    check_remove_place();
    loop_end();
}

/* A plain socket that listens there. */
static int listen_at(const char *path)
{
    clu_sockaddr at;
    int fd = -1;
    CHECK_ERR(clu_sockaddr_path(path, &at), CLU_OK);
    CHECK_ERR(clu_sock_open(AF_UNIX, SOCK_STREAM, &fd), CLU_OK);
    CHECK_EQ(bind(fd, (struct sockaddr *)&at.s, at.n), 0);
    CHECK_EQ(listen(fd, 5), 0);
    return fd;
}

TEST("unix-1.8 nor in a directory that others own or may write in")
{
    loop_begin();
    check_make_place();
    station s;
    char path[150], in[100];
    snprintf(path, sizeof path, "%s/m.sock", check_place);
    CHECK_ERR(open_unix(&s, path, "SID"), CLU_OK);
    snprintf(in, sizeof in, "%s/foreign", check_place);
    snprintf(path, sizeof path, "%s/foreign/m.sock", check_place);
    CHECK_EQ(mkdir(in, 0700), 0);
    int fd = listen_at(path);
    clu_target to = at_path(3, path);
    if (geteuid() == 0) {
        CHECK_EQ(chown(in, 65533, 65533), 0);
        CHECK_ERR(send_text(&s, &to, "x"), CLU_VALUE);
        CHECK_EQ(chown(in, 0, 0), 0);
        CHECK_EQ(chown(path, 65533, 65533), 0);
        CHECK_ERR(send_text(&s, &to, "x"), CLU_VALUE);
        CHECK_EQ(chown(path, 0, 0), 0);
    }
    CHECK_EQ(chmod(in, 0777), 0);
    CHECK_ERR(send_text(&s, &to, "x"), CLU_VALUE);
    clu_address from;
    int got;
    CHECK_ERR(clu_sock_accept(fd, &got, &from), CLU_MORE);
    CHECK_EQ(chmod(in, 0700), 0);
    CHECK_ERR(send_text(&s, &to, "x"), CLU_OK);
    clu_sock_close(fd);
    station_stop(&s);
    check_remove_place();
    loop_end();
}

/* As another user connects and tells whether it was let in. */
static int knock_as_stranger(const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        clu_sockaddr at;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        clu_sockaddr_path(path, &at);
        if (setuid(65533) != 0
            || connect(fd, (struct sockaddr *)&at.s, at.n) != 0) {
            _exit(1);
        }
        send(fd, "\xc0\x8d\1x\0", 6, MSG_NOSIGNAL);
        char c;
        _exit(recv(fd, &c, 1, 0) <= 0 ? 2 : 3);
    }
    int status = -1;
    while (waitpid(child, &status, WNOHANG) == 0) {
        clu_loop_run(the_loop, 5, 1);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST("unix-1.9 a directory is kept as long as nobody else may write on the way")
{
    check_make_place();
    char inner[80], missing[80];
    snprintf(inner, sizeof inner, "%s/inner", check_place);
    snprintf(missing, sizeof missing, "%s/missing", check_place);
    CHECK_EQ(mkdir(inner, 0700), 0);
    static const struct { mode_t outer, inner; bool kept; } cases[] = {
        { 0700, 0700, true }, { 0755, 0755, true }, { 0700, 0770, false },
        { 0702, 0700, false }, { 01777, 0700, true }, { 0700, 01777, true },
    };
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        CHECK_EQ(chmod(check_place, cases[i].outer), 0);
        CHECK_EQ(chmod(inner, cases[i].inner), 0);
        CHECK_EQ(clu_path_kept(inner, true), cases[i].kept);
    }
    CHECK(!clu_path_kept(missing, false));
    CHECK(clu_path_kept("/", false));
    int fd = open(missing, O_CREAT | O_WRONLY, 0600);
    CHECK(!clu_path_kept(missing, true));       /* it is a file */
    close(fd);
    check_remove_place();
}

TEST("unix-2.1 another user is not let in, even by a file that lets him")
{
    if (geteuid() != 0) {
        SKIP("only root can be two users");
    }
    loop_begin();
    check_make_place();
    station s;
    char asked[100], path[100];
    snprintf(asked, sizeof asked, "%s/m.sock", check_place);
    snprintf(path, sizeof path, "%s/m-SID.sock", check_place);
    CHECK_ERR(open_unix(&s, asked, "SID"), CLU_OK);
    CHECK_EQ(knock_as_stranger(path), 1);
    CHECK_EQ(chmod(check_place, 0755), 0);
    CHECK_EQ(knock_as_stranger(path), 1);
    CHECK_EQ(chmod(path, 0666), 0);
    CHECK_EQ(knock_as_stranger(path), 2);
    CHECK_EQ(s.count[CLU_ARRIVED_FRAME], 0);
    CHECK_EQ(s.counters.at[CLU_COUNT_links_refused], 1);
    station_stop(&s);
    check_remove_place();
    loop_end();
}

/* A socket file that nobody listens on, an hour old or new. */
static void leave_behind(const char *path, bool old)
{
    clu_sockaddr at;
    int fd;
    clu_sockaddr_path(path, &at);
    clu_sock_open(AF_UNIX, SOCK_STREAM, &fd);
    CHECK_EQ(bind(fd, (struct sockaddr *)&at.s, at.n), 0);
    clu_sock_close(fd);
    struct timespec then = { .tv_sec = time(NULL) - (old ? 3600 : 0) };
    CHECK_EQ(utimensat(AT_FDCWD, path, (struct timespec[]){ then, then }, 0),
             0);
}

TEST("unix-2.2 old sockets of dead processes are swept, live ones stay")
{
    static const struct {
        const char *name;
        bool old, stays;
    } cases[] = {
        { "dead", true, false }, { "baby", false, true },
        { "longer", true, true }, { "d.ad", true, true },
    };
    for (int asks = 0; asks < 2; asks++) {
        loop_begin();
        check_make_place();
        setenv("XDG_RUNTIME_DIR", check_place, 1);
        char asked[100], path[4][120], alive[120];
        const char *stem = asks ? "m-" : "cluster/";
        snprintf(asked, sizeof asked, "%s/m.sock", check_place);
        snprintf(alive, sizeof alive, "%s/%slive.sock", check_place, stem);
        station live, s;
        CHECK_ERR(open_unix(&live, asks ? asked : NULL, "live"), CLU_OK);
        for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
            snprintf(path[i], sizeof path[i], "%s/%s%s.sock", check_place,
                     stem, cases[i].name);
            leave_behind(path[i], cases[i].old);
        }
        struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
        CHECK_EQ(utimensat(AT_FDCWD, alive, old, 0), 0);
        CHECK_ERR(open_unix(&s, asks ? asked : NULL, "next"), CLU_OK);
        for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
            check_about("%s", path[i]);
            CHECK_EQ(access(path[i], F_OK) == 0, cases[i].stays);
        }
        CHECK_EQ(access(alive, F_OK), 0);
        station_stop(&s);
        station_stop(&live);
        unsetenv("XDG_RUNTIME_DIR");
        check_remove_place();
        loop_end();
    }
}

TEST("unix-1.10 a path that cannot be is no path")
{
    static char longest[6000];
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 3] = '/';
    static const char *const bad[] = { "", "/", "x/y", "/x/", longest };
    for (size_t i = 0; i < CLU_COUNT_OF(bad); i++) {
        check_about("%.10s", bad[i]);
        CHECK_ERR(clu_path_trusted(bad[i]), CLU_VALUE);
    }
    CHECK_ERR(clu_path_trusted("/no-such-file-there"), CLU_UNREACHABLE);
    clu_path none = { .bound = false }, away = { .text = "/no/such/m.sock" };
    int fd = -1;
    CHECK_ERR(clu_sock_open(AF_UNIX, SOCK_STREAM, &fd), CLU_OK);
    CHECK_ERR(clu_path_bind(&none, fd), CLU_VALUE);
    CHECK(!clu_path_there(&none));
    clu_path_sweep(&away, 0);           /* nothing, and no harm */
    clu_sock_close(fd);
}

TEST("unix-1.11 where somebody has our default place we have one for a life")
{
    loop_begin();
    check_make_place();
    char taken[100], own[120], deep[200];
    struct stat st;
    snprintf(taken, sizeof taken, "%s/cluster-%u", check_place,
             (unsigned)geteuid());
    snprintf(own, sizeof own, "%s-SID", taken);
    setenv("TMPDIR", check_place, 1);
    setenv("XDG_RUNTIME_DIR", "relative", 1);
    int fd = open(taken, O_CREAT | O_WRONLY, 0600);
    close(fd);
    station s;
    CHECK_ERR(open_unix(&s, "", "SID"), CLU_OK);
    CHECK_EQ(lstat(own, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0700);
    station_stop(&s);
    CHECK(lstat(own, &st) != 0 && errno == ENOENT);
    CHECK_EQ(mkdir(own, 0700), 0);      /* that is taken, too */
    CHECK_ERR(open_unix(&s, NULL, "SID"), CLU_SYSTEM);

    /* Too long a name for a socket, where a directory may still be made. */
    snprintf(deep, sizeof deep, "%s/%080d", check_place, 0);
    CHECK_EQ(mkdir(deep, 0700), 0);
    setenv("TMPDIR", deep, 1);
    CHECK_ERR(open_unix(&s, NULL, "SID"), CLU_VALUE);
    CHECK_EQ(rmdir(deep), 0);           /* nothing was left in it */
    unsetenv("TMPDIR");
    unsetenv("XDG_RUNTIME_DIR");
    check_remove_place();
    loop_end();
}

TEST("unix-1.12 root's directories are kept for another user, others' not")
{
    if (geteuid() != 0) {
        SKIP("only root can be two users");
    }
    check_make_place();
    CHECK_EQ(chmod(check_place, 0755), 0);
    CHECK_EQ(seteuid(65533), 0);
    CHECK(clu_path_kept("/", false));
    CHECK(!clu_path_kept("/", true));
    CHECK_EQ(seteuid(0), 0);
    CHECK_EQ(chown(check_place, 65532, 65532), 0);
    CHECK_EQ(seteuid(65533), 0);
    CHECK(!clu_path_kept(check_place, false));
    CHECK_EQ(seteuid(0), 0);
    check_remove_place();
}

TEST("unix-2.3 one sweep takes some of the dead, the next ones the rest")
{
    enum { MANY = 70, A_SWEEP = 64 };
    check_make_place();
    clu_path own = { .sid_n = 4 };
    snprintf(own.text, sizeof own.text, "%s/m-SIDS.sock", check_place);
    own.sid_at = strlen(check_place) + 3;
    char path[120];
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "%s/m-%04d.sock", check_place, i);
        leave_behind(path, true);
    }
    char other[120];
    snprintf(other, sizeof other, "%s/n-SIDS.sock", check_place);
    leave_behind(other, true);          /* as long, but not named so: */
    snprintf(path, sizeof path, "%s/m-SIDS.sick", check_place);
    leave_behind(path, true);           /* neither in front nor behind */
    for (int left = MANY; left >= 0; left -= A_SWEEP) {
        int found = 0;
        for (int i = 0; i < MANY; i++) {
            char dead[120];
            snprintf(dead, sizeof dead, "%s/m-%04d.sock", check_place, i);
            found += access(dead, F_OK) == 0;
        }
        CHECK_EQ(found, left);
        clu_path_sweep(&own, (int64_t)time(NULL));
    }
    CHECK_EQ(access(path, F_OK), 0);
    CHECK_EQ(access(other, F_OK), 0);
    check_remove_place();
}

TEST("unix-1.13 another socket at our name is not ours, nor one too long")
{
    loop_begin();
    check_make_place();
    station s;
    char asked[100], path[100], far[200];
    snprintf(asked, sizeof asked, "%s/m.sock", check_place);
    snprintf(path, sizeof path, "%s/m-SID.sock", check_place);
    CHECK_ERR(open_unix(&s, asked, "SID"), CLU_OK);
    memset(far, 'x', sizeof far);
    far[0] = '/';
    clu_target to = { .service = 3, .path = clu_slice_of(far, sizeof far) };
    CHECK_ERR(send_text(&s, &to, "x"), CLU_VALUE);
    char kept[110];
    snprintf(kept, sizeof kept, "%s/kept", check_place);
    CHECK_EQ(rename(path, kept), 0);    /* so its inode is not used anew */
    int fd = listen_at(path);
    station_stop(&s);
    CHECK_EQ(access(path, F_OK), 0);
    clu_sock_close(fd);
    CHECK(!clu_path_peer_is_ours(-1));
    check_remove_place();
    loop_end();
}

TEST("unix-1.14 a default place is absolute, and private by itself")
{
    static const struct { mode_t mode; bool taken; } cases[] = {
        { 0700, true }, { 0755, false }, { 0500, false }, { 02700, true },
    };
    loop_begin();
    check_make_place();
    setenv("TMPDIR", check_place, 1);
    setenv("XDG_RUNTIME_DIR", check_place, 1);
    char in[100], path[120];
    snprintf(in, sizeof in, "%s/cluster", check_place);
    for (size_t i = 0; i < CLU_COUNT_OF(cases); i++) {
        check_about("case %zu", i);
        station s;
        CHECK_EQ(mkdir(in, 0700), 0);
        CHECK_EQ(chmod(in, cases[i].mode), 0);
        CHECK_ERR(open_unix(&s, NULL, "SID"), CLU_OK);
        snprintf(path, sizeof path, "%s/SID.sock", in);
        CHECK_EQ(access(path, F_OK) == 0, cases[i].taken);
        station_stop(&s);
        CHECK_EQ(rmdir(in), 0);
    }
    if (geteuid() == 0) {
        station other;
        CHECK_EQ(mkdir(in, 0700), 0);
        CHECK_EQ(chown(in, 65533, 65533), 0);
        CHECK_ERR(open_unix(&other, NULL, "SID"), CLU_OK);
        snprintf(path, sizeof path, "%s/SID.sock", in);
        CHECK_EQ(access(path, F_OK), -1);
        station_stop(&other);
        CHECK_EQ(rmdir(in), 0);
    }
    /* Below a directory that others may write in nothing is private. */
    CHECK_EQ(chmod(check_place, 0777), 0);
    station s;
    CHECK_ERR(open_unix(&s, NULL, "SID"), CLU_VALUE);
    CHECK_EQ(chmod(check_place, 0700), 0);
    unsetenv("XDG_RUNTIME_DIR");
    setenv("TMPDIR", "relative", 1);
    CHECK_ERR(open_unix(&s, NULL, "SID"), CLU_OK);
    clu_buf text;
    clu_buf_init(&text, 1000);
    CHECK_ERR(s.t->ops->props(s.t, &text), CLU_OK);
    CHECK_EQ(memcmp(text.p, "path /tmp/cluster-", 18), 0);
    clu_buf_fini(&text);
    station_stop(&s);
    unsetenv("TMPDIR");
    check_remove_place();
    loop_end();
}

TEST("unix-2.4 one sweep reads so many names, whatever they are")
{
    enum { MANY = 5000 };
    loop_begin();
    check_make_place();
    char asked[100], path[120];
    snprintf(asked, sizeof asked, "%s/m.sock", check_place);
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "%s/%d", check_place, i);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        CHECK(fd >= 0);
        close(fd);
    }
    clu_path place;
    CHECK_ERR(clu_path_choose(asked, "SID", &place), CLU_OK);
    clu_path_sweep(&place, time(NULL));
    clu_path_sweep(&place, time(NULL));
    CHECK_EQ(access(path, F_OK), 0);
    check_remove_place();
    loop_end();
}

TEST("unix-1.15 one of another file system at our name is not ours")
{
    check_make_place();
    if (unshare(CLONE_NEWNS) != 0
        || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        check_remove_place();
        SKIP("no mounts of our own");
    }
    clu_path own;
    char asked[100];
    int fd = -1;
    snprintf(asked, sizeof asked, "%s/in/m.sock", check_place);
    CHECK_ERR(clu_path_choose(asked, "SID", &own), CLU_OK);
    CHECK_ERR(clu_sock_open(AF_UNIX, SOCK_STREAM, &fd), CLU_OK);
    CHECK_ERR(clu_path_bind(&own, fd), CLU_OK);
    CHECK(clu_path_there(&own));
    snprintf(asked, sizeof asked, "%s/in", check_place);
    CHECK_EQ(mount("none", asked, "tmpfs", 0, NULL), 0);
    int other = listen_at(own.text);
    CHECK(!clu_path_there(&own));
    clu_path_unlink(&own);
    CHECK_EQ(access(own.text, F_OK), 0);
    clu_sock_close(other);
    CHECK_EQ(umount(asked), 0);
    CHECK_EQ(access(own.text, F_OK), 0);
    clu_sock_close(fd);
    check_remove_place();
}

TEST("unix-1.16 a child that owns nothing removes nothing")
{
    check_make_place();
    clu_path own;
    char asked[100];
    int fd = -1;
    snprintf(asked, sizeof asked, "%s/m.sock", check_place);
    CHECK_ERR(clu_path_choose(asked, "SID", &own), CLU_OK);
    CHECK_ERR(clu_sock_open(AF_UNIX, SOCK_STREAM, &fd), CLU_OK);
    CHECK_ERR(clu_path_bind(&own, fd), CLU_OK);
    clu_path inherited = own;
    clu_sock_orphan(-1);
    clu_path_unlink(&inherited);
    CHECK_EQ(access(own.text, F_OK), 0);
    clu_sock_adopt();
    clu_path_unlink(&own);
    CHECK_EQ(access(own.text, F_OK), -1);
    clu_sock_close(fd);
    check_remove_place();
}
