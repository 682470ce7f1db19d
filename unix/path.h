/*
 * path.h -- where a Unix socket may lie, and whose it is.
 *
 * Layer: transport (system).  RELIABILITY, who may attack: nothing of others
 * is ever deleted, and nobody else's socket is connected to.
 *
 * A directory is trusted when it belongs to our user, nobody else may write
 * in it, and the same holds on the whole way to it (root's count as ours
 * there, and a sticky one such as /tmp may be written by all): then nobody
 * can put something else in its place between our look and our use.
 */
#ifndef CLU_PATH_H
#define CLU_PATH_H

#include "../generic/clu.h"

#include <sys/types.h>

#define CLU_PATH_ROOM 108       /* sun_path, with the NUL */

typedef struct clu_path {
    char text[CLU_PATH_ROOM];
    bool made_directory;        /* for this socket alone: goes with it */
    size_t sid_at, sid_n;       /* where in text the sid stands */
    bool bound;
    dev_t dev;                  /* of the socket we bound */
    ino_t ino;
} clu_path;

/*
 * asked "/x/name.ext": /x/name-<sid>.ext, /x made when missing.  NULL:
 * <sid>.sock in $XDG_RUNTIME_DIR/cluster or in cluster-<uid> in the temporary
 * directory, mode 0700.  VALUE: too long, not absolute, or the directory is
 * not one we trust.  SYSTEM: it cannot be made.
 */
clu_err clu_path_choose(const char *asked, const char *sid, clu_path *out);

/*
 * Binds the socket there, 0600 from its first moment.  A socket of ours that
 * nobody listens on is replaced; SYSTEM with EADDRINUSE for anything else.
 */
clu_err clu_path_bind(clu_path *path, int fd);
bool clu_path_there(const clu_path *path);  /* it is still the one we bound */
void clu_path_unlink(clu_path *path);       /* only that one */
void clu_path_remove(clu_path *path);       /* and a directory made for it */

/* Removes what dead processes of ours left there: sockets whose names differ
   from this one in the sid alone. */
void clu_path_sweep(const clu_path *path, int64_t now_s);

/* May we connect?  VALUE: not in a trusted directory, or no socket of ours;
   UNREACHABLE: there is none. */
clu_err clu_path_trusted(const char *path);

/* May nobody but us and root change what names in it mean?  ours: it must
   belong to us itself.  False also when it is not there. */
bool clu_path_kept(const char *directory, bool ours);

/* Is the process at the other end of a Unix socket one of our own user? */
bool clu_path_peer_is_ours(int fd);

#endif
